"""Who did what through the server: kept beside the history, and told with its events."""

from __future__ import annotations

from batchctl.store.database import Immediate, Opened

_KEPT = 400 * 86400.0
"""Seconds for which it can be asked who did something."""


def note(state_dir: str, at: float, job: str, action: str, detail: str) -> None:
    """Note what was done; `job` is "" where it was done to all of them.

    Raises:
        StateError: if the history cannot be written.
    """
    with Opened(state_dir, create=True) as connection, Immediate(connection):
        connection.execute(
            "insert into actions (at, job, action, detail) values (?, ?, ?, ?)", (at, job, action, detail)
        )
        connection.execute("delete from actions where at < ?", (at - _KEPT,))
