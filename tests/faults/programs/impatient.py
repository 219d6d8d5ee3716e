"""The same as fire.py, by a batchctl that waits for a locked history a moment instead of many seconds."""

from __future__ import annotations

import runpy
from pathlib import Path

from batchctl.engine import journal
from batchctl.store import database

if __name__ == "__main__":
    database.BUSY_LIMIT = journal.PATIENCE_AT_END = journal.PATIENCE_BETWEEN = 0.2
    runpy.run_path(str(Path(__file__).with_name("fire.py")), run_name="__main__")
