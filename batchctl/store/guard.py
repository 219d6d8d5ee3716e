"""What the guard stands on: reading a job's state, and recording that a fire skipped.

Every statement here is an index seek: the guard costs the same on an empty history as on a million runs.
"""

from __future__ import annotations

from batchctl.base.record import Record, replace
from batchctl.core.guard.decide import Pause, State
from batchctl.core.model import SKIPPED, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from batchctl.core.guard.selection import Earlier
    from batchctl.core.model import Rules
    from batchctl.core.run import Identity

_TYPICAL_OF = 10
_LOOK_BACK = 100
"""Newest runs among which the one to continue is looked for."""


class RunningRow(Record):
    """The running row of a job as the history has it."""

    run_id: int
    job: str
    started_at: float
    started_mono: float
    owner: Identity
    token: str


_RUNNING_COLUMNS = "id, job, started_at, started_mono_s, host, boot_id, pid, start_ticks, token"


def _running_row(row: tuple[Any, ...]) -> RunningRow:
    from batchctl.core.run import Identity

    owner = Identity(host=row[4], boot_id=row[5], pid=row[6], start_ticks=row[7])
    return RunningRow(run_id=row[0], job=row[1], started_at=row[2], started_mono=row[3], owner=owner, token=row[8])


def running_row(connection: sqlite3.Connection, job: str) -> RunningRow | None:
    """Return the job's running row, if there is one."""
    query = f"select {_RUNNING_COLUMNS} from runs where job = ? and status = 'running'"  # noqa: S608
    row = connection.execute(query, (job,)).fetchone()
    return None if row is None else _running_row(row)


def status_of(connection: sqlite3.Connection, run_id: int) -> str | None:
    """Return the status of a run, None where there is no such run."""
    row = connection.execute("select status from runs where id = ?", (run_id,)).fetchone()
    return None if row is None else str(row[0])


def read_state(connection: sqlite3.Connection, job: str, rules: Rules, *, besides: int | None = None) -> State:
    """Return what the history says of a job; what only the machine knows (owner, lock) the caller adds.

    The last start is the instant that cron meant: counted from the actual one, some milliseconds later each time,
    `every = "24h"` would miss its own fire of the next day. The end of the run `besides` does not count for the gap: it
    must not hold back the fire that ended it.
    """
    last = connection.execute(
        "select id, coalesce(scheduled_for, started_at) from runs where job = ? order by id desc limit 1", (job,)
    ).fetchone()
    return State(
        paused=_pause(connection, job),
        last_start=None if last is None else last[1],
        last_run_id=None if last is None else last[0],
        last_end=_last_end(connection, job, rules, besides),
        typical=_typical(connection, job) if rules.gap_factor is not None else None,
    )


def _pause(connection: sqlite3.Connection, job: str) -> Pause | None:
    rows = connection.execute("select until from pauses where job in ('', ?)", (job,)).fetchall()
    if not rows:
        return None
    ends = [row[0] for row in rows]
    return Pause(until=None if None in ends else max(ends))


def _last_end(connection: sqlite3.Connection, job: str, rules: Rules, ignored: int | None) -> float | None:
    which = "status = 'succeeded'" if rules.gap_after == "success" else "ended_at is not null"
    row = connection.execute(
        # `which` is one of two constants.
        f"select ended_at from runs where job = ? and {which} and id is not ? order by id desc limit 1",  # noqa: S608
        (job, ignored),
    ).fetchone()
    return None if row is None else float(row[0])


def _typical(connection: sqlite3.Connection, job: str) -> float | None:
    rows = connection.execute(
        "select duration_s from runs where job = ? and status = 'succeeded' order by id desc limit ?",
        (job, _TYPICAL_OF),
    ).fetchall()
    durations = sorted(row[0] for row in rows)
    if not durations:
        return None
    middle = len(durations) // 2
    return float(durations[middle] if len(durations) % 2 else (durations[middle - 1] + durations[middle]) / 2)


def running_in_pool(connection: sqlite3.Connection, job: str, pool: str) -> list[RunningRow]:
    """Return the running rows of the other jobs of a pool."""
    query = f"select {_RUNNING_COLUMNS} from runs where pool = ? and status = 'running' and job <> ?"  # noqa: S608
    return [_running_row(row) for row in connection.execute(query, (pool, job))]


def earlier_run(connection: sqlite3.Connection, job: str) -> Earlier | None:
    """Return the job's last run with its steps, for a run that continues it; None where there was none.

    Where runs of some steps have succeeded since another one broke off, and left something of it undone, it is that
    one, with what they did.
    """
    query = "select id, status, params from runs where job = ? order by id desc limit ?"
    newest: Earlier | None = None
    since: dict[str, Earlier] = {}
    for run_id, status, params in connection.execute(query, (job, _LOOK_BACK)).fetchall():
        found = _earlier(connection, run_id, status, params)
        newest = newest or found
        if status != SUCCEEDED:
            undone = {step for step, how in found.statuses.items() if how not in {SUCCEEDED, SKIPPED}}
            return _with(found, since) if found is newest or undone - since.keys() else newest
        if SKIPPED not in found.statuses.values():
            break
        done = (step for step, how in found.statuses.items() if how == SUCCEEDED)
        since = dict.fromkeys(done, found) | since
    return newest


def _earlier(connection: sqlite3.Connection, run_id: int, status: str, params: str | None) -> Earlier:
    import json

    from batchctl.core.guard.selection import Earlier

    steps = connection.execute(
        "select step, status, attempts, result from steps where run_id = ?", (run_id,)
    ).fetchall()
    return Earlier(
        run_id=run_id,
        status=status,
        statuses={row[0]: row[1] for row in steps},
        attempts={row[0]: row[2] for row in steps},
        results={row[0]: json.loads(row[3]) for row in steps if row[3] is not None},
        params=json.loads(params) if params else {},
    )


def _with(found: Earlier, since: dict[str, Earlier]) -> Earlier:
    """Return a run that broke off with what has succeeded since."""
    return replace(
        found,
        statuses={**found.statuses, **dict.fromkeys(since, SUCCEEDED)},
        results={**found.results, **{step: run.results[step] for step, run in since.items() if step in run.results}},
        done_in={step: run.run_id for step, run in since.items()},
    )


def leaders(connection: sqlite3.Connection, run_id: int) -> dict[int, int]:
    """Return start ticks by pid of the attempts of a run that are under way: each leads the session of its step.

    They mean its owner's boot alone.
    """
    query = "select pid, start_ticks from attempts where run_id = ? and status = 'running' and start_ticks is not null"
    return {int(pid): int(ticks) for pid, ticks in connection.execute(query, (run_id,))}


class Skip(Record):
    """A skip to record: its reason, the run that blocks (where one does), and the job's last run."""

    job: str
    reason: str
    run_id: int | None
    after_run: int | None
    now: float


def record_skip(connection: sqlite3.Connection, skip: Skip) -> None:
    """Record a skip, inside the caller's transaction.

    Consecutive skips with the same reason and the same blocking run are one row with a count, so a job fired every
    minute does not flood the history; a start in between (another `after_run`) begins a new row.
    """
    last = connection.execute(
        "select id, reason, run_id, after_run from skips where job = ? order by id desc limit 1", (skip.job,)
    ).fetchone()
    if last is not None and last[1:] == (skip.reason, skip.run_id, skip.after_run):
        # min() keeps first ≤ last where the clock was set back in between.
        connection.execute(
            "update skips set count = count + 1, last_at = ?, first_at = min(first_at, ?) where id = ?",
            (skip.now, skip.now, last[0]),
        )
        return
    connection.execute(
        "insert into skips (job, reason, run_id, after_run, count, first_at, last_at) values (?, ?, ?, ?, 1, ?, ?)",
        (skip.job, skip.reason, skip.run_id, skip.after_run, skip.now, skip.now),
    )
