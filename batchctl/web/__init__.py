"""The page and the REST API of `batchctl serve` (extra `batchctl[web]`); nothing else imports this room."""
