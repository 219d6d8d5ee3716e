"""The same as fire.py, by a batchctl that waits for a locked history a moment instead of many seconds."""

from __future__ import annotations

import sys

import fire

from batchctl import journal
from batchctl.store import database

database.BUSY_LIMIT = journal.PATIENCE_AT_END = journal.PATIENCE_BETWEEN = 0.2

if __name__ == "__main__":
    sys.exit(fire.main())
