"""What a fire finds: it puts in order what others left, then reads what the history and this machine say of a job."""

from __future__ import annotations

from batchctl.base import clock
from batchctl.base.record import Record, replace
from batchctl.base.state_dir import StateDir
from batchctl.core.guard import decide
from batchctl.core.guard.decide import Running
from batchctl.store import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from batchctl.core.guard.decide import State
    from batchctl.core.model import Job
    from batchctl.engine.ports import Hold
    from batchctl.store.guard import RunningRow


class Settled(Record):
    """What was put in order before a fire decides."""

    took_over: int | None = None
    """The run that this very fire has ended: its end must not hold the fire back."""
    heard: tuple[str, ...] = ()
    """The spool files that were listened to: one that cannot be imported must not hold back the job for ever."""


def settle(connection: sqlite3.Connection, state_dir: str, before: Settled) -> Settled:
    """Bring the ends of runs that wait in the spool into the history.

    Raises:
        sqlite3.Error: if the history takes no writing.
    """
    waiting = StateDir(state_dir).waiting()
    if not waiting:
        return before
    from batchctl.store import spool

    spool.import_all(state_dir, connection)
    return replace(before, heard=(*before.heard, *waiting))


def spoke_last(state_dir: str, run_id: int | None, settled: Settled) -> bool:
    """Say whether a vanished batchctl left the end of this run in the spool, unheard: then the run is not lost."""
    return f"{run_id}.json" in {*StateDir(state_dir).waiting()} - {*settled.heard}


def read(
    connection: sqlite3.Connection,
    job: Job,
    state_dir: str,
    settled: Settled = Settled(),  # noqa: B008 - a frozen value
    hold: Hold | None = None,
) -> State:
    """Return all that the decision needs to know of a job; `hold` is what the asking fire itself holds of it."""
    state = guard.read_state(connection, job.name, job.rules, besides=settled.took_over)
    if job.rules.pool is not None:
        others = guard.running_in_pool(connection, job.name, job.rules.pool)
        # A run of a dead owner takes no place: its own job has just not been fired since.
        alive = [row for row in others if not decide.is_lost(judged(connection, row, state_dir))]
        state = replace(state, pool_running=len(alive))
    state = with_machine(state, job, state_dir)
    row = guard.running_row(connection, job.name)
    return state if row is None else replace(state, running=judged(connection, row, state_dir, hold))


def with_machine(state: State, job: Job, state_dir: str) -> State:
    """Return the state with what the machine has at this instant, where the job asks."""
    if job.rules.start_if is None:
        return state
    from batchctl.process import machine

    return replace(state, machine=machine.now(state_dir))


def judged(connection: sqlite3.Connection, row: RunningRow, state_dir: str, hold: Hold | None = None) -> Running:
    """Return the running row with the machine's verdict on its owner and on what its steps left behind."""
    from batchctl.process import identity

    owner = identity.life(row.owner)
    same_boot = row.owner.boot_id == clock.boot_id()
    return Running(
        run_id=row.run_id,
        started_at=row.started_at,
        owner=owner,
        # Looked for only where it decides: a living owner blocks anyway, and after a reboot nothing can be left.
        left_behind=owner == "dead" and same_boot and _anything_left(connection, row, state_dir, hold),
        age=max(0.0, clock.monotonic() - row.started_mono) if same_boot else None,
    )


def _anything_left(connection: sqlite3.Connection, row: RunningRow, state_dir: str, hold: Hold | None) -> bool:
    from batchctl.process.remains import left_behind
    from batchctl.store import lockfile

    leaders = guard.leaders(connection, row.run_id)
    try:
        # A lock that the asking fire holds is held by nothing that was left behind.
        return (hold is None and lockfile.is_held(state_dir, row.job)) or left_behind(row.token, leaders)
    except OSError:
        return True  # what cannot be looked at now cannot be proven dead
