"""Writing a run: its start, where it stands, its end, whoever writes that.

Every change is compare-and-set on the run's id and owner: an owner that has lost its run changes nothing.
"""

from __future__ import annotations

from batchctl.base.record import Record
from batchctl.base.state_dir import run_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from batchctl.core.model import Job
    from batchctl.core.run import Identity, Run, StepRun
    from batchctl.store.guard import RunningRow


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
    words = "update steps set why = ? where run_id = ? and status = 'running'"
    connection.execute(words, (why, row.run_id))
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
    save_steps(connection, run.id, run.steps)
    _save_warnings(connection, run)


def save(connection: sqlite3.Connection, run: Run, owner: Identity, steps: Iterable[StepRun] | None = None) -> bool:
    """Write down where a run and these of its steps (None: all) stand, inside the caller's transaction.

    False where the run is no longer this owner's.
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
    save_steps(connection, run.id, run.steps if steps is None else steps)
    _save_warnings(connection, run)
    return True


def _save_warnings(connection: sqlite3.Connection, run: Run) -> None:
    if run.ended_at is not None:
        # What was noticed while it ran the end says again, with the whole count.
        connection.execute("delete from warnings where run_id = ? and kind = 'output'", (run.id,))
    for seq, kind, text in run.warnings:
        add_warning(connection, run.id, seq, kind, text, run.ended_at or run.started_at)


def add_warning(connection: sqlite3.Connection, run_id: int, seq: int, kind: str, text: str, at: float) -> None:
    """Write what was noticed about a run; the same one again changes nothing. `seq` 0 is the whole run."""
    connection.execute("insert or ignore into warnings values (?, ?, ?, ?, ?)", (run_id, seq, kind, text, at))


def save_steps(connection: sqlite3.Connection, run_id: int, steps: Iterable[StepRun]) -> None:
    """Write steps of a run with their attempts, new or changed."""
    for step in steps:
        last = step.last
        connection.execute(
            f"insert or replace into steps values ({_MARKS}, ?)",  # noqa: S608 - a constant
            (
                run_id,
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
                step.cpu_s,
                step.max_rss_bytes,
                step.why or None,
            ),
        )
        connection.executemany(
            f"insert or replace into attempts values ({_MARKS})",  # noqa: S608 - a constant
            [
                (
                    run_id,
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
                    attempt.cpu_s,
                    attempt.max_rss_bytes,
                )
                for attempt in step.attempts
            ],
        )


_MARKS = ", ".join("?" * 14)
"""Of an attempt; a step has one column more."""


def _json(value: object) -> str | None:
    if value is None:
        return None
    import json

    return json.dumps(value, ensure_ascii=False)
