"""What this machine says of a running row: whether its owner lives, whether its steps left anything behind."""

from __future__ import annotations

from batchctl.base import clock
from batchctl.base.record import replace
from batchctl.core.guard import decide
from batchctl.core.guard.decide import Running
from batchctl.process import identity
from batchctl.store import guard, lockfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from batchctl.core.guard.decide import State
    from batchctl.core.model import Job
    from batchctl.store.guard import RunningRow


def read(
    connection: sqlite3.Connection,
    job: Job,
    state_dir: str,
    *,
    lock_is_mine: bool = False,
    gap_ignores: int | None = None,
) -> State:
    """Return all that the decision needs to know of a job: what the history says, and what the machine says of it."""
    state = guard.read_state(connection, job.name, job.rules, gap_ignores=gap_ignores)
    if job.rules.pool is not None:
        others = guard.running_in_pool(connection, job.name, job.rules.pool)
        # A run of a dead owner takes no place: its own job has just not been fired since.
        alive = [row for row in others if not decide.is_lost(judged(connection, row, state_dir))]
        state = replace(state, pool_running=len(alive))
    row = guard.running_row(connection, job.name)
    if row is None:
        return state
    return replace(state, running=judged(connection, row, state_dir, lock_is_mine=lock_is_mine))


def judged(connection: sqlite3.Connection, row: RunningRow, state_dir: str, *, lock_is_mine: bool = False) -> Running:
    """Return the running row with the machine's verdict on its owner and on what its steps left behind.

    A lock that is held by the asking fire itself (`lock_is_mine`) is held by nothing that was left behind.
    """
    owner = identity.life(row.owner)
    same_boot = row.owner.boot_id == clock.boot_id()
    return Running(
        run_id=row.run_id,
        started_at=row.started_at,
        owner=owner,
        # Looked for only where it decides: a living owner blocks anyway, and after a reboot nothing can be left.
        left_behind=owner == "dead"
        and same_boot
        and ((not lock_is_mine and lockfile.is_held(state_dir, row.job)) or _anything_left(connection, row)),
        age=max(0.0, clock.monotonic() - row.started_mono) if same_boot else None,
    )


def _anything_left(connection: sqlite3.Connection, row: RunningRow) -> bool:
    from batchctl.process.remains import left_behind
    from batchctl.store.leaders import leaders

    return left_behind(row.token, leaders(connection, row.run_id))
