"""One fire, from the question whether the job may start to the record of how it went.

check → lock → re-read → decide again → write, in one immediate transaction: between the first look and the lock another
fire may have come and gone, so only what is read under the lock counts.
"""

from __future__ import annotations

import os

from batchctl.base import clock
from batchctl.base.errors import EXIT_SKIPPED, StateError
from batchctl.base.record import Record, replace
from batchctl.base.state_dir import StateDir
from batchctl.core.guard import decide
from batchctl.core.guard.selection import Selection, check, chosen, inherited
from batchctl.engine import after_run
from batchctl.engine.state import read
from batchctl.store import database, guard, lockfile, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any

    from batchctl.core.guard.decide import Decision, State
    from batchctl.core.model import Job
    from batchctl.core.run import Run, StepRun
    from batchctl.engine.start import Started
    from batchctl.engine.supervise import Observer

_ROUNDS = 5
"""How often a fire begins anew because what it read under the lock was not what it had seen before."""


class Request(Record):
    """What the command line asks of one fire."""

    state_dir: str
    force: bool = False
    selection: Selection = Selection()
    params: Mapping[str, Any] = {}
    exit_on_skip: int = EXIT_SKIPPED
    scheduled_for: float | None = None
    """The fire that is made up for; None for the one that cron means now."""


class Outcome(Record):
    """What became of a fire: a skip (`run` is None) or a run that has ended."""

    job: Job
    decision: Decision
    state_dir: str
    exit_code: int
    run: Run | None = None
    secrets: tuple[str, ...] = ()
    """Values that are shown nowhere."""


def fire(job: Job, request: Request, observer: Observer | None = None) -> Outcome:
    """Decide, and where the decision is to start, run the job to its end.

    Raises:
        StateError: if the guard cannot be trusted; nothing was started.
        ConfigError: if an env_file is unusable; nothing was started.
        UsageError: if the selection names no step of the job, or there is nothing to resume; nothing was started.
    """
    check(job, request.selection)
    StateDir(request.state_dir).ensure()
    with database.Opened(request.state_dir, create=True) as connection:
        started = _guarded(connection, job, request)
    if isinstance(started, Outcome):
        return started
    from batchctl.engine.supervise import Supervisor

    beat = after_run.heart_of(job, started.run)
    Supervisor(started.around, started.run, started.journal, started.reaper, observer).execute()
    if started.journal.dispossessed:
        message = f"run {started.run.id} of {job.name} was taken over by another fire while this batchctl hung"
        raise StateError(message, remedy=f"see `batchctl report {job.name}`; its result was not recorded")
    after_run.follow(started.run, started.around, beat)
    code = started.run.exit_code or 0
    return Outcome(
        job=job,
        decision=started.decision,
        state_dir=request.state_dir,
        exit_code=code,
        run=started.run,
        secrets=started.around.secrets,
    )


def _guarded(connection: sqlite3.Connection, job: Job, request: Request) -> Outcome | Started:
    ended: int | None = None
    for number in range(_ROUNDS):
        if spool.waiting(request.state_dir):
            spool.import_all(request.state_dir, connection)
        state = read(connection, job, request.state_dir, gap_ignores=ended)
        decision = decide.decide(clock.now(), state, job.rules, force=request.force)
        if not decision.start:
            return _skip(connection, job, request, state, decision)
        if decision.take_over is not None:
            from batchctl.engine.stop import take_over

            take_over(connection, job, request.state_dir, decision.take_over)
            ended = decision.take_over
        # What the spool says is waited for once: a file that cannot be imported must not hold back the job.
        found = _lock_and_start(connection, job, request, gap_ignores=ended, heed_spool=number == 0)
        if found is not None:
            return found
    message = f"the last run of {job.name} keeps changing while it is looked at"
    raise StateError(message, remedy=f"see `batchctl status {job.name}`, then fire again")


def _lock_and_start(
    connection: sqlite3.Connection, job: Job, request: Request, *, gap_ignores: int | None, heed_spool: bool
) -> Outcome | Started | None:
    lock = lockfile.acquire(request.state_dir, job.name)
    if lock is None:
        # Somebody was faster, or a process of a dead run still holds the lock it inherited.
        state = replace(read(connection, job, request.state_dir, gap_ignores=gap_ignores), lock_held=True)
        running = state.running
        if running is not None:
            state = replace(state, running=replace(running, left_behind=True))
        decision = decide.decide(clock.now(), state, job.rules, force=request.force)
        return None if decision.start else _skip(connection, job, request, state, decision)
    from batchctl.engine.start import Refused, Started, Starter

    found = None
    try:
        starter = Starter(connection, job, request.state_dir, request.selection, request.params, request.scheduled_for)
        found = starter.start(lock, force=request.force, gap_ignores=gap_ignores, heed_spool=heed_spool)
    finally:
        if not isinstance(found, Started):
            os.close(lock)
    return _skip(connection, job, request, found.state, found.decision) if isinstance(found, Refused) else found


def _skip(connection: sqlite3.Connection, job: Job, request: Request, state: State, decision: Decision) -> Outcome:
    if decision.reason != decide.NOT_DUE:
        with database.Immediate(connection):
            _record_skip(connection, job, state, decision)
    after_run.send(job, request.state_dir)
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


def plan_of(job: Job, request: Request) -> tuple[State, list[StepRun]]:
    """Return what `--dry-run` shows: the state now, and every step as pending or skipped; changes nothing.

    Raises:
        StateError: if there is a history and it cannot be read.
        UsageError: if the selection names no step of the job, or leaves none to run, or there is nothing to resume.
    """
    check(job, request.selection)
    state = state_of(job, request.state_dir)
    earlier = None
    if request.selection.resume:
        from batchctl.engine.start import earlier_to_resume

        with database.Opened(request.state_dir, create=False) as connection:
            earlier = earlier_to_resume(connection, job, reclaims=state.running)
    inherited(earlier, request.params)
    return state, chosen(job, request.selection, earlier)


def state_of(job: Job, state_dir: str) -> State:
    """Return what history and machine say of a job now, for commands that only look; changes nothing.

    Raises:
        StateError: if there is a history and it cannot be read.
    """
    if not database.begun(state_dir):
        return decide.State()
    with database.Opened(state_dir, create=False) as connection:
        state = read(connection, job, state_dir)
    return replace(state, lock_held=state.running is None and lockfile.is_held(state_dir, job.name))
