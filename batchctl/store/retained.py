"""Whether there may be anything for retention to remove: one query, asked at the end of every run."""

from __future__ import annotations

from batchctl.core.model import SUCCEEDED, UNFINISHED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from batchctl.core.model import Retention


def has_old(connection: sqlite3.Connection, job: str, retention: Retention, now: float) -> bool:
    """Say whether a run of the job may be too old or one too many, or its oldest skip too old; by index seeks.

    With `keep_bytes` it may always be, for the history does not know the sizes of files.
    """
    if retention.keep_bytes is not None:
        return True
    before, statuses = retention.oldest_kept(now), (SUCCEEDED, *UNFINISHED)
    # The last success stays however old it is, and must not make every run of a failing job look for more.
    query = (
        f"select exists (select 1 from runs where job = ? and status in ({','.join('?' * len(statuses))})"  # noqa: S608 - question marks
        " and ended_at < ? and id is not (select max(id) from runs where job = ? and status = 'succeeded'))"
        " or exists (select 1 from runs where job = ? order by id desc limit 1 offset ?)"
        " or (select last_at from skips where job = ? order by id limit 1) < ?"
    )
    beyond = 2**62 if retention.keep_runs is None else retention.keep_runs
    values = (job, *statuses, before, job, job, beyond, job, before)
    return bool(connection.execute(query, values).fetchone()[0])
