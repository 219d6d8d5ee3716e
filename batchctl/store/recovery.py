"""Since when a job is broken: the last run after which nothing that had failed was left undone, and what failed since.

Every question is a handful of seeks. Only where the last success was a run of some steps are the runs before it looked
at, and not more than the last hundred of them.
"""

from __future__ import annotations

from batchctl.core.judge.recovery import broken_after
from batchctl.core.model import FAILURES, SKIPPED, SUCCEEDED
from batchctl.store.schema import LEFT_OUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

_LOOK_BACK = 100
_FOREVER = 1 << 62
_FAILED = (
    "select count(*), coalesce(max(id), 0) from runs indexed by runs_by_outcome"  # noqa: S608 - question marks
    f" where job = ? and status in ({', '.join('?' * len(FAILURES))}) and id > ? and id < ?"
)
# What only a failure would have started, and none came, is as good as done.
_STATUSES = f"""select step, case when status = 'skipped' and not ({LEFT_OUT}) then 'succeeded' else status end
    from steps where run_id = ?"""  # noqa: S608 - a constant


def last_good(connection: sqlite3.Connection, job: str, before: int = _FOREVER) -> int:
    """Return the id of the last such run before this one, 0 without one."""
    query = (
        "select id, exists (select 1 from steps where run_id = runs.id and steps.status <> 'succeeded') from runs"
        " where job = ? and status = 'succeeded' and id < ? order by id desc limit 1"
    )
    found = connection.execute(query, (job, before)).fetchone()
    if found is None or not found[1]:
        return 0 if found is None else int(found[0])
    walked: list[tuple[int, str, dict[str, str]]] = []
    query = "select id, status from runs where job = ? and status <> 'running' and id <= ? order by id desc limit ?"
    for run_id, status in connection.execute(query, (job, found[0], _LOOK_BACK)):
        steps = dict(connection.execute(_STATUSES, (run_id,)).fetchall())
        walked.append((run_id, status, steps))
        if status == SUCCEEDED and SKIPPED not in steps.values():
            break
    good, broken = 0, frozenset[str]()
    for run_id, status, steps in reversed(walked):
        broken = broken_after(broken, status, steps)
        if status == SUCCEEDED and not broken:
            good = run_id
    return good


def failures_since(connection: sqlite3.Connection, job: str, good: int, before: int = _FOREVER) -> tuple[int, int]:
    """Return how many runs of the job have failed after this one, and the id of the last of them (0 without one)."""
    found: tuple[int, int] = connection.execute(_FAILED, (job, *FAILURES, good, before)).fetchone()
    return found


def consecutive_failures(connection: sqlite3.Connection, job: str) -> int:
    """Return how many runs of the job have failed since it was last in order; an operator's own stop is none."""
    return failures_since(connection, job, last_good(connection, job))[0]
