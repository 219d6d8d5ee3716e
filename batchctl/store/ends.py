"""How a run ended, and what went before it: what alerts and checks judge by is read back from the history.

For an alert it is read in the transaction that wrote it, so none ever tells of an end that was not recorded.
"""

# ruff: noqa: S608 - queries are put together from this page's own words only; every value is bound
from __future__ import annotations

from batchctl.core.judge import flapping as flaps
from batchctl.core.judge.alerts import FLAPPING, RUN_KINDS
from batchctl.core.judge.facts import Ended, Facts
from batchctl.core.model import BLOCKED, FAILURES, RUNNING, SKIPPED, UNFINISHED
from batchctl.store import outbox, recovery
from batchctl.store.schema import LEFT_OUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from batchctl.core.model import Job

_DURATIONS = 100
"""Newest successes that say what is usual."""
_WARNINGS = "select kind, text from warnings where run_id = ? order by seq, at, text"
_MARKS = ", ".join("?" * (2 + len(UNFINISHED)))


def end_of(connection: sqlite3.Connection, job: str, run_id: int) -> Ended | None:
    """Return how a run of the job ended; None where it has no such run, or it is running."""
    query = (
        "select status, started_at, coalesce(ended_at, started_at), duration_s, why, exit_code, host from runs"
        " where id = ? and job = ?"
    )
    run = connection.execute(query, (run_id, job)).fetchone()
    if run is None or run[0] == RUNNING:
        return None
    query = (
        f"select status, seq, step, duration_s, {LEFT_OUT} from steps"
        f" where run_id = ? and status in ({_MARKS}) order by seq"
    )
    rows = connection.execute(query, (run_id, BLOCKED, SKIPPED, *UNFINISHED)).fetchall()
    step, *others = [row for row in rows if row[0] in UNFINISHED] or [None]
    return Ended(
        run_id=run_id,
        status=run[0],
        started_at=run[1],
        ended_at=run[2],
        duration=run[3],
        why=run[4],
        exit_code=run[5],
        host=run[6],
        step=None if step is None else step[2],
        step_duration=None if step is None else step[3],
        also=tuple(other[2] for other in others),
        blocked=tuple(row[2] for row in rows if row[0] == BLOCKED),
        partial=any(row[4] for row in rows),
        log=_log(connection, run_id, None if step is None else step[1]),
        warnings=tuple(connection.execute(_WARNINGS, (run_id,)).fetchall()),
    )


def _log(connection: sqlite3.Connection, run_id: int, seq: int | None) -> str | None:
    """Return the log of a step's last attempt; without a step, that of the last attempt of all."""
    which = "" if seq is None else " and seq = ?"
    query = (
        f"select log from attempts where run_id = ?{which} and log is not null order by seq desc, attempt desc limit 1"
    )
    row = connection.execute(query, (run_id,) if seq is None else (run_id, seq)).fetchone()
    return None if row is None else str(row[0])


def facts_of(connection: sqlite3.Connection, job: Job, last: Ended | None, now: float | None = None) -> Facts:
    """Return how the job's last run ended and what went before it, as of that end or of `now`."""
    if last is None:
        return Facts(job=job)
    name, run_id = job.name, last.run_id
    query = "select id, duration_s from runs where job = ? and status = 'succeeded' and id < ? order by id desc limit ?"
    successes = connection.execute(query, (name, run_id, _DURATIONS)).fetchall()
    good = recovery.last_good(connection, name, run_id)
    failures, newest = recovery.failures_since(connection, name, good, run_id)
    # What failed before stands until it has succeeded, whatever an operator has run or stopped since.
    stands = newest and last.status not in FAILURES and recovery.last_good(connection, name, run_id + 1) != run_id
    flapping = outbox.open_alerts(connection, name, (FLAPPING,), before=run_id + 1)
    told = [*outbox.open_alerts(connection, name, RUN_KINDS, before=run_id), *flapping]
    told = [row for row in told if not row.alert.suppressed]
    return Facts(
        job=job,
        last=last,
        failures_before=failures,
        last_success=good,
        standing=end_of(connection, name, newest) if stands else None,
        open_event=told[-1].alert.event_id if told else None,
        turns=_turns(connection, job, run_id, last.ended_at if now is None else now),
        open_flapping=flapping[-1].alert.event_id if flapping else None,
        durations=[took for _, took in successes if took is not None],
    )


def _turns(connection: sqlite3.Connection, job: Job, run_id: int, now: float) -> int:
    window = job.alerting.flap_window
    if not window:
        return 0
    # An operator's own stop is neither success nor failure.
    query = (
        "select status = 'succeeded', coalesce(ended_at, started_at) from runs where job = ? and id <= ?"
        " and status not in ('running', 'cancelled') order by id desc limit ?"
    )
    return flaps.turns(connection.execute(query, (job.name, run_id, flaps.LOOKED_AT)).fetchall(), now - window)
