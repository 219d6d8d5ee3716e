"""How a run ended, and what went before it: all that an alert says is read back from the history.

Read in the transaction that wrote it, so an alert never tells of an end that was not recorded.
"""

# ruff: noqa: S608 - queries are put together from this page's own words only; every value is bound
from __future__ import annotations

from batchctl.core.judge.alerts import RUN_KINDS, End, Facts
from batchctl.core.model import BLOCKED, FAILED, LOST, RUNNING, SKIPPED, STALE, TIMED_OUT, UNFINISHED
from batchctl.store import outbox, warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

_FAILURES = (FAILED, TIMED_OUT, LOST, STALE)
_MARKS = ", ".join("?" * len(UNFINISHED))


def end_of(connection: sqlite3.Connection, run_id: int) -> End | None:
    """Return how a run ended; None where there is no such run, or it is running."""
    query = (
        "select job, status, coalesce(why, ''), exit_code, started_at, coalesce(ended_at, started_at),"
        " coalesce(duration_s, 0), host from runs where id = ?"
    )
    run = connection.execute(query, (run_id,)).fetchone()
    if run is None or run[1] == RUNNING:
        return None
    query = f"select seq, step, duration_s from steps where run_id = ? and status in ({_MARKS}) order by seq limit 1"
    step = connection.execute(query, (run_id, *UNFINISHED)).fetchone()
    return End(
        run_id=run_id,
        job=run[0],
        status=run[1],
        why=run[2],
        exit_code=run[3],
        started_at=run[4],
        ended_at=run[5],
        duration=run[6],
        host=run[7],
        step=None if step is None else step[1],
        step_duration=None if step is None else step[2],
        blocked=_steps(connection, run_id, BLOCKED),
        partial=bool(_steps(connection, run_id, SKIPPED)),
        log=_log(connection, run_id, None if step is None else step[0]),
        warnings=tuple((kind, text) for _, kind, text in warnings.of_run(connection, run_id)),
    )


def _steps(connection: sqlite3.Connection, run_id: int, status: str) -> tuple[str, ...]:
    query = "select step from steps where run_id = ? and status = ? order by seq"
    return tuple(row[0] for row in connection.execute(query, (run_id, status)))


def _log(connection: sqlite3.Connection, run_id: int, seq: int | None) -> str | None:
    """Return the log of a step's last attempt; without a step, that of the last attempt of all."""
    which = "" if seq is None else " and seq = ?"
    query = (
        f"select log from attempts where run_id = ?{which} and log is not null order by seq desc, attempt desc limit 1"
    )
    row = connection.execute(query, (run_id,) if seq is None else (run_id, seq)).fetchone()
    return None if row is None else str(row[0])


def facts_before(connection: sqlite3.Connection, job: str, run_id: int) -> Facts:
    """Return what the history says of a job besides this run of it."""
    query = "select id from runs where job = ? and status = 'succeeded' and id < ? order by id desc limit 1"
    last = connection.execute(query, (job, run_id)).fetchone()
    success = 0 if last is None else int(last[0])
    query = "select count(*) from runs where job = ? and status = ? and id > ? and id < ?"
    failures = [connection.execute(query, (job, status, success, run_id)).fetchone()[0] for status in _FAILURES]
    told = [row for row in outbox.open_alerts(connection, job, RUN_KINDS) if not row.alert.suppressed]
    return Facts(
        failures_before=sum(failures),
        last_success=success,
        open_event=told[-1].alert.event_id if told else None,
    )
