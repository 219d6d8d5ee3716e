"""Pauses: of everything, or of one job."""

from __future__ import annotations

import sqlite3

from batchctl.store.database import Immediate, connect, database_path, untrusted

ALL = ""
"""The job name under which a pause of everything is stored."""


def pause(state_dir: str, job: str | None, since: float, until: float | None) -> None:
    """Pause a job, or everything for None, until an instant or, for None, until `resume`; the later call counts.

    Raises:
        StateError: if the history cannot be written.
    """
    connection = connect(state_dir, create=True)
    try:
        with Immediate(connection):
            connection.execute("insert or replace into pauses values (?, ?, ?)", (job or ALL, since, until))
    except sqlite3.Error as error:
        raise untrusted(database_path(state_dir), error) from error
    finally:
        connection.close()


def resume(state_dir: str, job: str | None) -> bool:
    """End the pause of a job, or of everything; say whether there was one.

    Raises:
        StateError: if the history cannot be written.
    """
    connection = connect(state_dir, create=True)
    try:
        with Immediate(connection):
            return connection.execute("delete from pauses where job = ?", (job or ALL,)).rowcount > 0
    except sqlite3.Error as error:
        raise untrusted(database_path(state_dir), error) from error
    finally:
        connection.close()
