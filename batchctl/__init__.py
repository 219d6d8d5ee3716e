"""batchctl makes system cron safe for long batches: it skips, it never waits."""

__version__ = "0.1.0"
