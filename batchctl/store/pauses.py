"""Pauses: of everything, or of one job."""

from __future__ import annotations

from batchctl.store.database import Immediate, Opened

ALL = ""
"""The job name under which a pause of everything is stored."""


def pause(state_dir: str, job: str | None, since: float, until: float | None) -> None:
    """Pause a job, or everything for None, until an instant or, for None, until `resume`; the later call counts.

    Raises:
        StateError: if the history cannot be written.
    """
    with Opened(state_dir, create=True) as connection, Immediate(connection):
        connection.execute("insert or replace into pauses values (?, ?, ?)", (job or ALL, since, until))


def resume(state_dir: str, job: str | None) -> bool:
    """End the pause of a job, or of everything; say whether there was one.

    Raises:
        StateError: if the history cannot be written.
    """
    with Opened(state_dir, create=True) as connection, Immediate(connection):
        return connection.execute("delete from pauses where job = ?", (job or ALL,)).rowcount > 0
