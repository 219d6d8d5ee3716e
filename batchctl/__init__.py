"""batchctl makes system cron safe for long batches: it skips, it never waits."""


def __getattr__(name: str) -> str:
    """Give `__version__` when it is asked for: every start of a job imports this, and none asks."""
    if name == "__version__":
        from batchctl.base.version import VERSION

        return VERSION
    message = f"module 'batchctl' has no attribute {name!r}"
    raise AttributeError(message)
