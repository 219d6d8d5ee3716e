"""One file per command: flags → call → result → render."""
