"""One fire, from the question whether the job may start to the record of how it went.

check → lock → re-read → decide again → write, in one immediate transaction: between the first look and the lock another
fire may have come and gone, so only what is read under the lock counts.
"""

from __future__ import annotations

import os
import sqlite3

from batchctl import clock, locking, paths, spool
from batchctl.core import decide, model
from batchctl.core.masking import masked
from batchctl.core.record import Record, replace
from batchctl.core.run import Run
from batchctl.core.schedule import previous_fire
from batchctl.core.selection import Selection, check, chosen
from batchctl.errors import EXIT_SKIPPED, StateError, UsageError
from batchctl.journal import Journal, make_run_dir
from batchctl.machine import judged
from batchctl.process.identity import myself
from batchctl.store import database, guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from batchctl import launch
    from batchctl.core.decide import Decision, Running, State
    from batchctl.core.model import Job
    from batchctl.core.run import StepRun
    from batchctl.core.selection import Earlier
    from batchctl.supervise import Observer

_CRON_IS_ON_TIME = 90.0
"""Seconds after a scheduled minute within which a fire counts as cron's own."""


class Request(Record):
    """What the command line asks of one fire."""

    state_dir: str
    force: bool = False
    selection: Selection = Selection()
    params: Mapping[str, Any] = {}
    exit_on_skip: int = EXIT_SKIPPED


class Outcome(Record):
    """What became of a fire: a skip (`run` is None) or a run that has ended."""

    job: Job
    decision: Decision
    state_dir: str
    exit_code: int
    run: Run | None = None


def fire(job: Job, request: Request, observer: Observer | None = None) -> Outcome:
    """Decide, and where the decision is to start, run the job to its end.

    Raises:
        StateError: if the guard cannot be trusted; nothing was started.
        ConfigError: if an env_file is unusable; nothing was started.
        UsageError: if the selection names no step of the job, or there is nothing to resume; nothing was started.
    """
    check(job, request.selection)
    paths.ensure_state_dir(request.state_dir)
    connection = database.connect(request.state_dir, create=True)
    try:
        started = _guarded(connection, job, request)
    except sqlite3.Error as error:
        raise database.untrusted(database.database_path(request.state_dir), error) from error
    finally:
        connection.close()
    if isinstance(started, Outcome):
        return started
    from batchctl.supervise import Supervisor

    supervisor = Supervisor(started.around, started.run, started.journal, observer)
    supervisor.execute()
    if started.journal.dispossessed:
        message = f"run {started.run.id} of {job.name} was taken over by another fire while this batchctl hung"
        raise StateError(message, remedy=f"see `batchctl report {job.name}`; its result was not recorded")
    code = started.run.exit_code or 0
    return Outcome(job=job, decision=started.decision, state_dir=request.state_dir, exit_code=code, run=started.run)


class _Started(Record):
    around: launch.Surroundings
    run: Run
    journal: Journal
    decision: Decision


def _guarded(connection: sqlite3.Connection, job: Job, request: Request) -> Outcome | _Started:
    if spool.waiting(request.state_dir):
        spool.import_all(request.state_dir, connection)
    state = _read(connection, job, request.state_dir)
    decision = decide.decide(clock.now(), state, job.rules, force=request.force)
    if not decision.start:
        return _skip(connection, job, request, state, decision)
    if decision.take_over is not None:
        from batchctl.ending import take_over

        take_over(connection, job, decision.take_over)
    attempt = locking.attempt(request.state_dir, job.name)
    # While the lock is being taken: what a start needs and a skip does not.
    from batchctl import launch, supervise  # noqa: F401

    lock = attempt.outcome()
    if lock is None:
        # Somebody was faster, or a process of a dead run still holds the lock it inherited.
        state = replace(_read(connection, job, request.state_dir), lock_held=True)
        running = state.running
        if running is not None:
            state = replace(state, running=replace(running, left_behind=True))
        decision = decide.decide(clock.now(), state, job.rules, force=request.force)
        return _skip(connection, job, request, state, decision)
    try:
        return _start(connection, job, request, lock, gap_ignores=decision.take_over)
    except BaseException:
        os.close(lock)
        raise


def _read(
    connection: sqlite3.Connection,
    job: Job,
    state_dir: str,
    *,
    lock_is_mine: bool = False,
    gap_ignores: int | None = None,
) -> State:
    state = guard.read_state(connection, job.name, job.rules, gap_ignores=gap_ignores)
    if job.rules.pool is not None:
        others = guard.running_in_pool(connection, job.name, job.rules.pool)
        # A run of a dead owner takes no place: its own job has just not been fired since.
        alive = [row for row in others if not decide.is_lost(judged(row, state_dir))]
        state = replace(state, pool_running=len(alive))
    row = guard.running_row(connection, job.name)
    if row is None:
        return state
    return replace(state, running=judged(row, state_dir, lock_is_mine=lock_is_mine))


def _skip(connection: sqlite3.Connection, job: Job, request: Request, state: State, decision: Decision) -> Outcome:
    if decision.reason != decide.NOT_DUE:
        with database.Immediate(connection):
            _record_skip(connection, job, state, decision)
    return Outcome(job=job, decision=decision, state_dir=request.state_dir, exit_code=request.exit_on_skip)


def _record_skip(connection: sqlite3.Connection, job: Job, state: State, decision: Decision) -> None:
    blocking = None
    if decision.reason == decide.ALREADY_RUNNING and state.running is not None:
        blocking = state.running.run_id
    elif decision.reason == decide.MIN_GAP:
        blocking = state.last_run_id
    reason = decision.reason or ""
    skip = guard.Skip(job=job.name, reason=reason, run_id=blocking, after_run=state.last_run_id, now=clock.now())
    guard.record_skip(connection, skip)


def _start(
    connection: sqlite3.Connection, job: Job, request: Request, lock: int, *, gap_ignores: int | None
) -> Outcome | _Started:
    from batchctl import launch

    owner, now, began = myself(), clock.now(), clock.monotonic()
    scheduled = _scheduled_for(job, now)
    files_env = launch.read_env_files(job)
    launch.check_functions(job, request.params, files_env)
    secrets = launch.secret_values(job, files_env)
    with database.Immediate(connection):
        state = _read(connection, job, request.state_dir, lock_is_mine=True, gap_ignores=gap_ignores)
        decision = decide.decide(now, state, job.rules, force=request.force)
        if not decision.start:
            if decision.reason != decide.NOT_DUE:
                _record_skip(connection, job, state, decision)
            os.close(lock)
            return Outcome(job=job, decision=decision, state_dir=request.state_dir, exit_code=request.exit_on_skip)
        _reclaim(connection, job, request.state_dir, decision)
        earlier = earlier_to_resume(connection, job) if request.selection.resume else None
        params = {**(earlier.params if earlier else {}), **request.params}
        new = guard.NewRun(
            owner=owner,
            started_at=now,
            started_mono=began,
            scheduled_for=scheduled,
            token=os.urandom(12).hex(),
            forced=decision.forced,
            resumed_from=None if earlier is None else earlier.run_id,
            params=_params_text(params, secrets),
        )
        run = _insert(connection, job, request, new, chosen(job, request.selection, earlier))
    around = launch.Surroundings(
        state_dir=request.state_dir,
        job=job,
        overrides=params,
        files_env=files_env,
        lock=lock,
        began=began,
        secrets=secrets,
        scheduled_for=clock.iso(scheduled, job.rules.zone) or "",
    )
    return _Started(around=around, run=run, journal=Journal(request.state_dir, owner), decision=decision)


def earlier_to_resume(connection: sqlite3.Connection, job: Job, *, reclaims: Running | None = None) -> Earlier:
    """Return the run that `--resume` continues: the job's last one, which must have ended unfinished.

    `reclaims` is a running row that the start would first have to declare lost.

    Raises:
        UsageError: if there is none, or it succeeded.
    """
    earlier = guard.earlier_run(connection, job.name)
    lost = reclaims is not None and decide.is_lost(reclaims)
    if earlier is None or (earlier.status not in model.UNFINISHED and not lost):
        state = "has never run" if earlier is None else f"ended its last run ({earlier.run_id}) as {earlier.status}"
        message = f"there is nothing to resume: {job.name} {state}"
        raise UsageError(message, remedy=f"start it afresh: batchctl run {job.name}")
    return earlier


def _insert(connection: sqlite3.Connection, job: Job, request: Request, new: guard.NewRun, steps: list[StepRun]) -> Run:
    """Write the run and make its files; all of it or, where the disk is full, nothing."""
    run_id = guard.insert_run(connection, job, new)
    run = Run(run_id, job.name, new.started_at, new.token, steps)
    guard.save_steps(connection, run)
    try:
        make_run_dir(request.state_dir, run_id)
        spool.reserve(request.state_dir, run_id)
    except OSError as error:
        message = f"state directory {request.state_dir}: {error.strerror}"
        raise StateError(message, remedy="free disk space (`df -h`) or check its mode, then fire again") from error
    return run


def _reclaim(connection: sqlite3.Connection, job: Job, state_dir: str, decision: Decision) -> None:
    if decision.reclaim is None:
        return
    row = guard.running_row(connection, job.name)
    if row is not None and row.run_id == decision.reclaim:
        ended = _last_sign_of_life(state_dir, row)
        guard.close_row(connection, row, model.LOST, ended, "batchctl vanished (crash, kill -9 or reboot)")


def _last_sign_of_life(state_dir: str, row: guard.RunningRow) -> float:
    """Return when a lost run was last seen alive: the last write to one of its files, else its start.

    The gap to the next run counts from there; counting from the discovery would add the length of the outage to it.
    """
    latest = row.started_at
    try:
        with os.scandir(f"{state_dir}/runs/{row.run_id}") as files:
            for file in files:
                latest = max(latest, file.stat(follow_symlinks=False).st_mtime)
    except OSError:
        pass
    return round(min(latest, max(clock.now(), row.started_at)), 6)


def _scheduled_for(job: Job, now: float) -> float:
    """Return the instant that cron meant: the scheduled minute just passed; a fire by hand means its own instant."""
    planned = previous_fire(job.schedule, job.rules.zone, now)
    return planned if planned is not None and now - planned < _CRON_IS_ON_TIME else now


def _params_text(params: Mapping[str, Any], secrets: tuple[str, ...]) -> str | None:
    if not params:
        return None
    import json

    return json.dumps(masked(dict(params), secrets), ensure_ascii=False)


def plan_of(job: Job, request: Request) -> tuple[State, list[StepRun]]:
    """Return what `--dry-run` shows: the state now, and every step as pending or skipped; changes nothing.

    Raises:
        StateError: if there is a history and it cannot be read.
        UsageError: if the selection names no step of the job, or there is nothing to resume.
    """
    check(job, request.selection)
    state = state_of(job, request.state_dir)
    earlier = None
    if request.selection.resume:
        connection = database.connect(request.state_dir, create=False)
        try:
            earlier = earlier_to_resume(connection, job, reclaims=state.running)
        finally:
            connection.close()
    return state, chosen(job, request.selection, earlier)


def state_of(job: Job, state_dir: str) -> State:
    """Return what history and machine say of a job now, for commands that only look; changes nothing.

    Raises:
        StateError: if there is a history and it cannot be read.
    """
    path = database.database_path(state_dir)
    if not os.path.exists(path):
        return decide.State()
    try:
        connection = database.connect(state_dir, create=False)
        try:
            state = _read(connection, job, state_dir)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise database.untrusted(path, error) from error
    return replace(state, lock_held=state.running is None and locking.is_held(state_dir, job.name))
