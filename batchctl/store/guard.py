"""The writing side that the guard stands on: reading a job's state, starting a run, recording a skip.

Every statement here is an index seek: the guard costs the same on an empty history as on a million runs.
"""

from __future__ import annotations

from batchctl.base.record import Record
from batchctl.base.state_dir import run_name
from batchctl.core.guard.decide import Pause, State
from batchctl.core.run import Identity
from batchctl.store import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from batchctl.core.guard.selection import Earlier
    from batchctl.core.model import Job, Rules
    from batchctl.core.run import Run

_TYPICAL_OF = 10


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
    """Return the job's last run with its steps, for a run that continues it; None where there was none."""
    import json

    from batchctl.core.guard.selection import Earlier

    query = "select id, status, params from runs where job = ? order by id desc limit 1"
    last = connection.execute(query, (job,)).fetchone()
    if last is None:
        return None
    steps = connection.execute(
        "select step, status, attempts, result from steps where run_id = ?", (last[0],)
    ).fetchall()
    return Earlier(
        run_id=last[0],
        status=last[1],
        statuses={row[0]: row[1] for row in steps},
        attempts={row[0]: row[2] for row in steps},
        results={row[0]: json.loads(row[3]) for row in steps if row[3] is not None},
        params=json.loads(last[2]) if last[2] else {},
    )


class NewRun(Record):
    """What a starting fire knows of its run, beyond the job."""

    owner: Identity
    started_at: float
    started_mono: float
    scheduled_for: float | None
    token: str
    forced: tuple[str, ...] = ()
    resumed_from: int | None = None
    params: str | None = None


def insert_run(connection: sqlite3.Connection, job: Job, new: NewRun) -> int:
    """Write the running row, inside the caller's transaction, and return the run's id.

    The unique index on running rows refuses a second one whatever the caller believes (sqlite3.IntegrityError).
    """
    cursor = connection.execute(
        "insert into runs (job, status, started_at, scheduled_for, host, boot_id, pid, start_ticks, started_mono_s,"
        " token, pool, resumed_from, forced, params) values (?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.name,
            new.started_at,
            new.scheduled_for,
            new.owner.host,
            new.owner.boot_id,
            new.owner.pid,
            new.owner.start_ticks,
            new.started_mono,
            new.token,
            job.rules.pool,
            new.resumed_from,
            " ".join(new.forced) or None,
            new.params,
        ),
    )
    run_id = int(cursor.lastrowid or 0)
    connection.execute("update runs set log_dir = ? where id = ?", (run_name(run_id), run_id))
    return run_id


def claim(connection: sqlite3.Connection, row: RunningRow) -> bool:
    """Forbid the owner of a running row any further word on it; False where it is no longer that owner's running row.

    The row stays `running`, with its owner, until whoever claimed it has ended the processes: if that one dies in
    between, the next fire finds everything as before.
    """
    return bool(
        connection.execute(
            "update runs set claimed = 1 where id = ? and status = 'running' and boot_id = ? and pid = ?"
            " and start_ticks = ?",
            (row.run_id, row.owner.boot_id, row.owner.pid, row.owner.start_ticks),
        ).rowcount
    )


def close_row(connection: sqlite3.Connection, row: RunningRow, status: str, ended_at: float, why: str) -> bool:
    """End somebody else's running row as `lost` or `stale`; False where it is no longer that owner's running row.

    Compare-and-set on id, status and owner. Steps that were under way get the same status, pending ones `blocked`.
    """
    ended_at = max(ended_at, row.started_at)
    done = connection.execute(
        "update runs set status = ?, ended_at = ?, duration_s = ?, why = ? where id = ? and status = 'running'"
        " and boot_id = ? and pid = ? and start_ticks = ?",
        (
            status,
            ended_at,
            ended_at - row.started_at,
            why,
            row.run_id,
            row.owner.boot_id,
            row.owner.pid,
            row.owner.start_ticks,
        ),
    ).rowcount
    if not done:
        return False
    for table in ("steps", "attempts"):
        connection.execute(
            # What was under way may have begun, by a clock that was set back since, after the end.
            f"update {table} set status = ?, ended_at = max(?, started_at), duration_s = max(0, ? - started_at)"  # noqa: S608
            " where run_id = ? and status = 'running'",
            (status, ended_at, ended_at, row.run_id),
        )
    connection.execute("update steps set status = 'blocked' where run_id = ? and status = 'pending'", (row.run_id,))
    return True


class Birth(Record):
    """What was written of a run when it started and is not repeated in what is written later."""

    started_mono: float
    scheduled_for: float | None
    pool: str | None
    resumed_from: int | None
    forced: str | None
    params: str | None


_BIRTH_COLUMNS = "started_mono_s, scheduled_for, pool, resumed_from, forced, params"


def birth_of(connection: sqlite3.Connection, run: Run) -> Birth | None:
    """Return what was written of a run when it started; None where this history does not know it.

    A run is known by its token: in a history that was replaced meanwhile its id may be another's.
    """
    query = f"select {_BIRTH_COLUMNS} from runs where id = ? and token = ?"  # noqa: S608 - a constant
    row = connection.execute(query, (run.id, run.token)).fetchone()
    return None if row is None else Birth(**dict(zip(Birth._fields, row, strict=True)))


def is_known(connection: sqlite3.Connection, run: Run) -> bool:
    """Say whether this history has the run under whatever id."""
    query = "select 1 from runs where job = ? and token = ? and started_at = ?"
    return connection.execute(query, (run.job, run.token, run.started_at)).fetchone() is not None


def insert_ended(connection: sqlite3.Connection, run: Run, owner: Identity, birth: Birth) -> None:
    """Write a whole run that has ended into a history that does not know it, inside the caller's transaction.

    It keeps its id, unless that is another run's here; `run` then has its new one.
    """
    taken = connection.execute("select 1 from runs where id = ?", (run.id,)).fetchone()
    log_dir = run_name(run.id)
    cursor = connection.execute(
        f"insert into runs (id, job, status, started_at, ended_at, duration_s, exit_code, why, host, boot_id, pid,"  # noqa: S608 - a constant
        f" start_ticks, token, log_dir, {_BIRTH_COLUMNS}) values ({', '.join('?' * 20)})",
        (
            None if taken else run.id,
            run.job,
            run.status,
            run.started_at,
            run.ended_at,
            run.duration,
            run.exit_code,
            run.why or None,
            owner.host,
            owner.boot_id,
            owner.pid,
            owner.start_ticks,
            run.token,
            log_dir,
            *(getattr(birth, name) for name in Birth._fields),
        ),
    )
    run.id = int(cursor.lastrowid or 0)
    save_steps(connection, run)
    save_warnings(connection, run)


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


def save(connection: sqlite3.Connection, run: Run, owner: Identity) -> bool:
    """Write down where a run stands, inside the caller's transaction; False where the run is no longer this owner's.

    It writes the whole run each time, so that a write which failed in between is made good by the next one.
    """
    done = connection.execute(
        "update runs set status = ?, ended_at = ?, duration_s = ?, exit_code = ?, why = ? where id = ?"
        " and status = 'running' and claimed = 0 and boot_id = ? and pid = ? and start_ticks = ?",
        (
            run.status,
            run.ended_at,
            run.duration,
            run.exit_code,
            run.why or None,
            run.id,
            owner.boot_id,
            owner.pid,
            owner.start_ticks,
        ),
    ).rowcount
    if not done:
        return False
    save_steps(connection, run)
    save_warnings(connection, run)
    return True


def save_warnings(connection: sqlite3.Connection, run: Run) -> None:
    """Write what was noticed about a run that has ended."""
    for seq, kind, text in run.warnings:
        warnings.add(connection, run.id, seq, kind, text, run.ended_at or run.started_at)


def save_steps(connection: sqlite3.Connection, run: Run) -> None:
    """Write the run's steps and attempts, new or changed."""
    for step in run.steps:
        last = step.last
        connection.execute(
            "insert or replace into steps values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run.id,
                step.seq,
                step.step.id,
                step.step.group,
                step.status,
                None if last is None else last.exit_code,
                None if last is None else last.signal,
                len(step.attempts) + step.attempts_before,
                step.started_at,
                step.ended_at,
                step.duration,
                _json(step.result),
            ),
        )
        connection.executemany(
            "insert or replace into attempts values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    run.id,
                    step.seq,
                    attempt.number,
                    attempt.status,
                    attempt.pid,
                    attempt.start_ticks,
                    attempt.started_at,
                    attempt.ended_at,
                    attempt.duration,
                    attempt.exit_code,
                    attempt.signal,
                    attempt.log,
                )
                for attempt in step.attempts
            ],
        )


def _json(value: object) -> str | None:
    if value is None:
        return None
    import json

    return json.dumps(value, ensure_ascii=False)
