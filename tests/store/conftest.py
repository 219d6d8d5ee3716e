"""A history of its own for each test, and a connection to it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from history_rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def history(tmp_path: Path) -> Rows:
    """Make an empty history."""
    return Rows(tmp_path / "state")


@pytest.fixture
def connection(history: Rows) -> Iterator[sqlite3.Connection]:
    """Open it."""
    opened = sqlite3.connect(history.state / "batchctl.db", isolation_level=None)
    yield opened
    opened.close()
