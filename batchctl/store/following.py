"""What the history says to `after`: which ends count, and whether all that a job waits for have come.

An end counts where the run has done the whole job: one of `--only` or `--from` has not, and one that resumed has what
it did together with those before it.
"""

from __future__ import annotations

from batchctl.core.model import RUNNING, SUCCEEDED, UNFINISHED
from batchctl.store.schema import LEFT_OUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

# What a resumed run found done had been tried before; what was not selected never was.
_WHOLE = f"not exists (select 1 from steps where run_id = runs.id and {LEFT_OUT} and attempts = 0)"  # noqa: S608 - a constant


def meant(connection: sqlite3.Connection, run_id: int) -> float:
    """Return the fire that a run stands for."""
    query = "select coalesce(scheduled_for, started_at) from runs where id = ?"
    return float(connection.execute(query, (run_id,)).fetchone()[0])


def is_whole(connection: sqlite3.Connection, run_id: int) -> bool:
    """Say whether a run did, or does, all of its job."""
    query = f"select 1 from runs where id = ? and {_WHOLE}"  # noqa: S608 - a constant
    return connection.execute(query, (run_id,)).fetchone() is not None


def counts(connection: sqlite3.Connection, run_id: int, *, any_end: bool) -> bool:
    """Say whether a run has ended in a way that fires what follows it."""
    (status,) = connection.execute("select status from runs where id = ?", (run_id,)).fetchone()
    return status == SUCCEEDED or (any_end and status != RUNNING)


def last_start(connection: sqlite3.Connection, job: str) -> float:
    """Return when a job last started, 0 where it never has."""
    row = connection.execute("select started_at from runs where job = ? order by id desc limit 1", (job,)).fetchone()
    return 0.0 if row is None else float(row[0])


def first_end(connection: sqlite3.Connection, job: str, since: float, *, any_end: bool) -> float | None:
    """Return the first end of a job after an instant that counts; None where there was none."""
    query = f"select min(ended_at) from runs where job = ? and status = ? and ended_at > ? and {_WHOLE}"  # noqa: S608
    statuses = (SUCCEEDED, *UNFINISHED) if any_end else (SUCCEEDED,)
    found = (connection.execute(query, (job, status, since)).fetchone()[0] for status in statuses)
    return min((end for end in found if end is not None), default=None)


def complete_since(
    connection: sqlite3.Connection, job: str, after: Iterable[str], *, any_end: bool
) -> dict[str, float | None]:
    """Return the first end that counts of each job that one comes after, since the last start of that one."""
    since = last_start(connection, job)
    return {name: first_end(connection, name, since, any_end=any_end) for name in after}
