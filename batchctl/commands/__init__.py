"""One file per command: flags → answer → present, and no more."""
