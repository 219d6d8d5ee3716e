"""Warnings in the history: what was noticed about a run that did not end it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3


def add(connection: sqlite3.Connection, run_id: int, seq: int, kind: str, text: str, at: float) -> None:
    """Write a warning inside the caller's transaction; the same one again changes nothing. `seq` 0 is the whole run."""
    connection.execute("insert or ignore into warnings values (?, ?, ?, ?, ?)", (run_id, seq, kind, text, at))


def of_run(connection: sqlite3.Connection, run_id: int) -> list[tuple[int, str, str]]:
    """Return (step's seq or 0, kind, text) of every warning of a run, in the order of its steps."""
    query = "select seq, kind, text from warnings where run_id = ? order by seq, at, text"
    return connection.execute(query, (run_id,)).fetchall()
