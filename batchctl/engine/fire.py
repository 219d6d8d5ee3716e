"""One fire, from the question whether the job may start to all that follows its end.

settle → decide → lock → re-read → decide again → write → supervise → write the end → what follows it. Between the first
look and the lock another fire may have come and gone, so only what is read under the lock counts; the re-reading, the
second decision and the row are one immediate transaction (`start`).

What the steps of this way find out is returned to here and acted on here: `settle` what was put in order, `start` a run
or a refusal, `take_over` and `start` the runs of others that were ended, the journal whether the end is recorded.
"""

from __future__ import annotations

from batchctl.base import clock
from batchctl.base.errors import StateError
from batchctl.base.record import Record, replace
from batchctl.base.state_dir import StateDir
from batchctl.core.guard import decide
from batchctl.core.model import Request, Selection
from batchctl.engine.state import Settled, read, settle, with_machine
from batchctl.store import database, guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from typing import ParamSpec, Protocol, TypeVar

    from batchctl.core.guard.decide import Decision, State
    from batchctl.core.model import Job
    from batchctl.core.run import Run, StepRun
    from batchctl.engine.journal import Journal
    from batchctl.engine.start import Started
    from batchctl.engine.supervise import Observer
    from batchctl.notify.heartbeat import Beat
    from batchctl.process.wakeup import Wakeup

    class Closes(Protocol):
        """What hears signals, as far as the fire has to do with it."""

        def close(self) -> None: ...

    E = TypeVar("E", bound=Closes)
    P = ParamSpec("P")
    T = TypeVar("T")

__all__ = ["Outcome", "Request", "fire", "plan_of", "state_of"]

_ROUNDS = 5
"""How often a fire begins anew because what it read under the lock was not what it had seen before."""


class Outcome(Record):
    """What became of a fire: a skip (`run` is None) or a run that has ended."""

    job: Job
    decision: Decision
    state_dir: str
    exit_code: int
    run: Run | None = None
    secrets: tuple[str, ...] = ()
    """Values that are shown nowhere."""
    troubles: tuple[Exception, ...] = ()
    """What went wrong in batchctl itself: it ended the run (exit 70), or befell what follows an end."""


def fire(
    job: Job, request: Request, observer: Observer | None = None, begun: Callable[[Outcome], None] | None = None
) -> Outcome:
    """Decide, and where the decision is to start, run the job to its end.

    `begun` is told of a run as soon as it is written down; it must not raise.

    Raises:
        StateError: if the guard cannot be trusted; nothing was started.
        ConfigError: if an env_file is unusable; nothing was started.
        UsageError: if the selection names no step of the job, or there is nothing to resume; nothing was started.
    """
    _check(job, request.selection)
    StateDir(request.state_dir).ensure()
    with database.Opened(request.state_dir, create=True) as connection:
        found = guarded(connection, job, request, _ears)
        if not isinstance(found, Outcome):
            return _carry_out(*found, request.selection, observer, begun)
    if job.alerting.is_told:
        from batchctl.engine import after_run

        after_run.send(job, request.state_dir)
    return found


def _check(job: Job, selection: Selection) -> None:
    if selection != Selection():
        from batchctl.core.guard.selection import check

        check(job, selection)


def guarded(
    connection: sqlite3.Connection, job: Job, request: Request, hear: Callable[[], E]
) -> Outcome | tuple[Started, E, Journal]:
    """Return a skip, or a run that is written down, with what hears signals and what writes, made before it was."""
    settled = Settled()
    for _ in range(_ROUNDS):
        settled = settle(connection, request.state_dir, settled)
        state = read(connection, job, request.state_dir, settled)
        decision = decide.decide(clock.now(), state, job.rules, force=request.force, resume=request.selection.resume)
        if not decision.start:
            return _skip(connection, job, request, state, decision)
        if decision.take_over is not None:
            settled = _take_over(connection, job, request, decision.take_over, settled)
            continue
        found = _under_lock(connection, job, request, settled, hear)
        if found is not None:
            return found
    message = f"the last run of {job.name} keeps changing while it is looked at"
    raise StateError(message, remedy=f"see `batchctl status {job.name}`, then fire again")


def _take_over(connection: sqlite3.Connection, job: Job, request: Request, run_id: int, settled: Settled) -> Settled:
    from batchctl.engine import after_run
    from batchctl.engine.stop import take_over

    tell = after_run.teller(job, request.state_dir)
    ended = take_over(connection, job, request.state_dir, run_id, tell)
    if ended is None:
        return settled
    after_run.without_batchctl(job, ended)
    after_run.write_other_end(job, ended)
    after_run.follow_other_end(job, request.state_dir, ended.run_id)
    return replace(settled, took_over=ended.run_id)


def _under_lock(
    connection: sqlite3.Connection, job: Job, request: Request, settled: Settled, hear: Callable[[], E]
) -> Outcome | tuple[Started, E, Journal] | None:
    """Take the lock and start under it; None where all has to begin anew."""
    # What a start needs and a skip does not is imported from here on.
    from batchctl.engine.adapters import lease_of

    hold = lease_of(job, request.state_dir).take(job.name)
    if hold is None:
        # Somebody was faster, or a process of a dead run still holds the lock it inherited.
        state = replace(read(connection, job, request.state_dir, settled), lock_held=True)
        if state.running is not None:
            state = replace(state, running=replace(state.running, left_behind=True))
        decision = decide.decide(clock.now(), state, job.rules, force=request.force, resume=request.selection.resume)
        return None if decision.start else _skip(connection, job, request, state, decision)
    from batchctl.engine import after_run, start, supervise  # noqa: F401 - once the row is written, nothing may fail
    from batchctl.engine.journal import Journal

    found, wakeup = None, None
    try:
        prepared = start.prepare(connection, job, request)
        # Before the row is written: a stop signal in between must end the run, and not leave its row behind.
        wakeup = hear()
        tell = after_run.teller(job, request.state_dir, prepared.secrets)
        log = after_run.event_log(job)
        journal = Journal(request.state_dir, prepared.owner, tell, connection, log)
        found = start.start(connection, prepared, hold, settled, after_run.teller(job, request.state_dir))
        if isinstance(found, start.Started):
            return found, wakeup, journal
    finally:
        if not isinstance(found, start.Started):
            hold.close()
            if wakeup is not None:
                wakeup.close()
    return None if found is None else _skip(connection, job, request, found.state, found.decision)


def _ears() -> Wakeup:
    from batchctl.process.wakeup import Wakeup

    return Wakeup()


def _carry_out(
    started: Started,
    wakeup: Wakeup,
    journal: Journal,
    selection: Selection,
    observer: Observer | None,
    begun: Callable[[Outcome], None] | None,
) -> Outcome:
    """Run the steps to their end and write it down; then, with the lock free, do all that follows an end.

    Whatever goes wrong in here, the run gets an end: the row is written, and nobody else will do it.
    """
    troubles: list[Exception] = []
    if begun is not None:
        _spare(troubles, lambda: begun(_outcome(started)))
    beat = _spare(troubles, before_steps, troubles, started)
    _supervise(troubles, started, wakeup, journal, observer)
    return after_steps(troubles, started, beat, wakeup, journal, selection)


def before_steps(troubles: list[Exception], started: Started) -> Beat | None:
    """Do what follows the start of a run; return what is to tell the job's monitor of its end."""
    from batchctl.engine import after_run

    around, run, job = started.around, started.run, started.around.job
    if started.lost is not None:
        _spare(troubles, after_run.without_batchctl, job, started.lost)
        _spare(troubles, after_run.write_other_end, job, started.lost)
        _spare(troubles, after_run.follow_other_end, job, around.state_dir, started.lost.run_id)
    return _spare(troubles, after_run.heart_of, job, run)


def after_steps(
    troubles: list[Exception],
    started: Started,
    beat: Beat | None,
    wakeup: Closes,
    journal: Journal,
    selection: Selection,
) -> Outcome:
    """Write down how a run ended, let the lock go, and do all that follows.

    Raises:
        StateError: if the run was another's by then.
    """
    from batchctl.engine import after_run

    around, run, job = started.around, started.run, started.around.job
    following = _spare(troubles, after_run.following, run, around, selection)
    mine = _spare(troubles, journal.finish, run, following) or _spare(troubles, journal.finish, run, following)
    untidy = _spare(troubles, journal.has_old, job)
    for close in (journal.rest, wakeup.close, around.hold.close):
        _spare(troubles, close)
    if mine is None:
        message = f"the end of run {run.id} of {job.name} could not be written down: {troubles[-1]}"
        raise StateError(message, remedy=f"see `batchctl status {job.name}`; the next fire will call the run lost")
    if not mine:
        message = f"run {run.id} of {job.name} was taken over by another fire while this batchctl hung"
        raise StateError(message, remedy=f"see `batchctl report {job.name}`; its result was not recorded")
    if following is not None:
        _spare(troubles, following.fire)
    _spare(troubles, after_run.beat_end, beat, run, around)
    _spare(troubles, after_run.write_alerts, job, run, around.state_dir)
    _spare(troubles, after_run.send, job, around.state_dir)
    if untidy:
        _spare(troubles, after_run.tidy, job, around.state_dir)
    return _outcome(started, troubles)


def _outcome(started: Started, troubles: Sequence[Exception] = ()) -> Outcome:
    around, run = started.around, started.run
    return Outcome(
        job=around.job,
        decision=started.decision,
        state_dir=around.state_dir,
        exit_code=run.exit_code or 0,
        run=run,
        secrets=around.secrets,
        troubles=tuple(troubles),
    )


def _supervise(
    troubles: list[Exception], started: Started, wakeup: Wakeup, journal: Journal, observer: Observer | None
) -> None:
    from batchctl.engine import after_run
    from batchctl.engine.supervise import Supervisor

    run, around = started.run, started.around
    try:
        supervisor = Supervisor(around, run, journal, wakeup, after_run.watching(around, journal, observer))
        trouble = supervisor.supervise(lambda: after_run.judge(run, around))
    except Exception as error:  # noqa: BLE001 - not even the supervisor could end it
        run.fail(f"internal error: {type(error).__name__}: {error}", clock.now())
        trouble = error
    if trouble is not None:
        troubles.append(trouble)


def _spare(troubles: list[Exception], act: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T | None:
    """Do what stands around a run: its trouble is told, and is not the run's."""
    try:
        return act(*arguments, **options)
    except Exception as error:  # noqa: BLE001 - as it says
        troubles.append(error)
        return None


def _skip(connection: sqlite3.Connection, job: Job, request: Request, state: State, decision: Decision) -> Outcome:
    if decision.reason != decide.NOT_DUE:
        # Nothing is started on the strength of a skip's row, so its commit need not wait for the disk.
        database.sync_at_checkpoints(connection)
        with database.Immediate(connection):
            skip = _record_skip(connection, job, state, decision)
        if job.events_file is not None or job.events_syslog:
            from batchctl.engine import after_run

            after_run.write_skip(job, skip)
    return Outcome(job=job, decision=decision, state_dir=request.state_dir, exit_code=request.exit_on_skip)


def _record_skip(connection: sqlite3.Connection, job: Job, state: State, decision: Decision) -> guard.Skip:
    blocking = None
    if decision.reason == decide.ALREADY_RUNNING and state.running is not None:
        blocking = state.running.run_id
    elif decision.reason == decide.MIN_GAP:
        blocking = state.last_run_id
    reason = decision.reason or ""
    skip = guard.Skip(job=job.name, reason=reason, run_id=blocking, after_run=state.last_run_id, now=clock.now())
    guard.record_skip(connection, skip)
    return skip


def plan_of(job: Job, request: Request) -> tuple[State, list[StepRun], int | None]:
    """Return what `--dry-run` shows: the state now, every step as pending or skipped, the run that it continues.

    It changes nothing.

    Raises:
        StateError: if there is a history and it cannot be read.
        UsageError: if the selection names no step of the job, or leaves none to run, or there is nothing to resume.
    """
    from batchctl.core.guard.selection import chosen, inherited

    _check(job, request.selection)
    state = state_of(job, request.state_dir)
    earlier = None
    if request.selection.resume:
        from batchctl.engine.start import earlier_to_resume

        with database.Opened(request.state_dir, create=False) as connection:
            earlier = earlier_to_resume(connection, job, reclaims=state.running)
    inherited(earlier, request.params)
    return state, chosen(job, request.selection, earlier), None if earlier is None else earlier.run_id


def state_of(job: Job, state_dir: str) -> State:
    """Return what history and machine say of a job now, for commands that only look; changes nothing.

    Raises:
        StateError: if there is a history and it cannot be read.
    """
    if not database.begun(state_dir):
        return with_machine(decide.State(), job, state_dir)
    with database.Opened(state_dir, create=False) as connection:
        state = read(connection, job, state_dir)
    if state.running is not None:
        return state
    from batchctl.engine.adapters import is_held

    return replace(state, lock_held=is_held(job, state_dir))
