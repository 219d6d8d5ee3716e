"""Ending a run that another batchctl owns, or owned: taking over a stale one, `stop`, orphans."""

from __future__ import annotations

import os
import time

from batchctl.base import clock
from batchctl.base.duration import format_duration
from batchctl.base.errors import StateError
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.core import model
from batchctl.core.run import Ended
from batchctl.process import identity, tree
from batchctl.process.remains import Remains, left_behind
from batchctl.store import database, guard, lockfile, runs, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from batchctl.core.model import Job
    from batchctl.engine.journal import Tell
    from batchctl.store.guard import RunningRow

_LOOK_EVERY = 0.05
_OWNER_NEEDS = 5.0
"""Seconds beyond the grace that a living batchctl has to end its own steps and write down the end."""
_KILL_LIMIT = 30.0
"""Seconds after which a tree that survives KILL (uninterruptible sleep on dead storage) is given up on."""
_LOCK_LIMIT = 2.0
"""Seconds for which a fire that is trying the lock at this moment may hold it."""


class Stopped(Record):
    """What `stop` did: the run that it ended, None where none was running."""

    run_id: int | None
    status: str | None = None


def take_over(connection: sqlite3.Connection, job: Job, state_dir: str, run_id: int, tell: Tell | None) -> Ended | None:
    """End a stale run's whole process tree, its batchctl included, and mark it `stale`; None where it has ended itself.

    The run is claimed first: a hung owner that wakes up at TERM then finds that it may write nothing, and exits
    with 74.

    Raises:
        StateError: if a process survives KILL; the run stays as it is.
    """
    row = guard.running_row(connection, job.name)
    if row is None or row.run_id != run_id:
        return None
    with database.Immediate(connection):
        if not runs.claim(connection, row):
            return None
    _end(connection, row, job)
    age = format_duration(max(0.0, clock.monotonic() - row.started_mono))
    limit = format_duration(job.rules.stale_after)
    why = f"taken over after {age} (stale_after {limit})"
    return _close(connection, state_dir, row, Ended(run_id=run_id, token=row.token, status=model.STALE, why=why), tell)


def stop(job: Job, state_dir: str) -> Stopped:
    """End the running run of a job: its batchctl is asked to, and where it is gone or deaf, it is done from here.

    Raises:
        StateError: if the history cannot be read, the run belongs to another host, or a process survives.
    """
    if not database.begun(state_dir):
        return Stopped(run_id=None)
    with database.Opened(state_dir, create=False) as connection:
        row = guard.running_row(connection, job.name)
        if row is None:
            return Stopped(run_id=None)
        life = identity.life(row.owner)
        if life == "unknown":
            message = (
                f"run {row.run_id} of {job.name} belongs to host {row.owner.host}, or cannot be looked at from here"
            )
            raise StateError(message, remedy=f"stop it on {row.owner.host}, as the user it runs as")
        if life != "alive" or not _ask_owner(connection, row, job):
            _stop_from_here(connection, row, job, state_dir)
        return Stopped(run_id=row.run_id, status=guard.status_of(connection, row.run_id))


def _stop_from_here(connection: sqlite3.Connection, row: RunningRow, job: Job, state_dir: str) -> None:
    # A batchctl that could not write to the history has left its last word in the spool.
    spool.import_all(state_dir, connection)
    with database.Immediate(connection):
        runs.claim(connection, row)
    _end(connection, row, job)
    patience = clock.monotonic() + _LOCK_LIMIT
    while lockfile.is_held(state_dir, job.name):
        if guard.status_of(connection, row.run_id) != model.RUNNING:
            return  # a fire has found its owner gone, and the lock is that of a run which came after
        if clock.monotonic() > patience:
            message = f"a process that cannot be proven to be run {row.run_id}'s holds the lock of {job.name}"
            raise StateError(message, remedy=_find(state_dir, job.name))
        time.sleep(_LOOK_EVERY)
    why = "stopped by batchctl stop"
    ended = Ended(run_id=row.run_id, token=row.token, status=model.CANCELLED, why=why)
    if _close(connection, state_dir, row, ended) is not None:
        from batchctl.engine.after_run import follow_other_end

        follow_other_end(job, state_dir, row.run_id)


def _find(state_dir: str, job: str) -> str:
    """Say how to find who holds a lock; fuser sees no more than we do, but may be asked by somebody who sees all."""
    pids = ",".join(map(str, lockfile.holders(state_dir, job)))
    path = os.fsdecode(StateDir(state_dir).lock(job))
    if pids:
        return f"see `ps -o pid,user,stat,args -p {pids}`, end it if it is the batch's, and stop again"
    return f"find it with `fuser -v {path}` on the host, as root; end it, and stop again"


def _close(
    connection: sqlite3.Connection, state_dir: str, row: RunningRow, ended: Ended, tell: Tell | None = None
) -> Ended | None:
    with database.Immediate(connection):
        closed = runs.close_row(connection, row, ended.status, clock.now(), ended.why)
        if closed and tell is not None:
            tell(connection, row.run_id)
    spool.release(state_dir, row.run_id)
    return ended if closed else None


def _ask_owner(connection: sqlite3.Connection, row: RunningRow, job: Job) -> bool:
    """Send TERM to the run's batchctl and wait for its last word; False where it does not come."""
    tree.terminate(Remains(row.token, {}, row.owner).owner())
    patience = clock.monotonic() + _longest_grace(job) + _cleaning_up(job) + _OWNER_NEEDS
    while clock.monotonic() < patience:
        if guard.status_of(connection, row.run_id) != model.RUNNING:
            return True
        if identity.life(row.owner) != "alive":
            break
        time.sleep(_LOOK_EVERY)
    return guard.status_of(connection, row.run_id) != model.RUNNING


def _cleaning_up(job: Job) -> float:
    """Return how long the steps that run after a stop may take."""
    steps = [step for step in job.steps if step.when != model.ON_SUCCESS]
    return sum((1 + step.retries) * ((step.timeout or 0.0) + _longest_grace(job)) for step in steps)


def _longest_grace(job: Job) -> float:
    return max([job.grace, *(step.grace for step in job.steps if step.grace is not None)])


def _end(connection: sqlite3.Connection, row: RunningRow, job: Job) -> None:
    """End all processes of a run: TERM, grace, KILL until none is left.

    Only what is provably the run's is signalled.

    Raises:
        StateError: if a process survives KILL, or may be the run's and cannot be proven to be.
    """
    if row.owner.boot_id != clock.boot_id():
        return
    led = guard.leaders(connection, row.run_id)
    remains = Remains(row.token, led, row.owner)
    remains.terminate()
    patience = clock.monotonic() + _longest_grace(job)
    while clock.monotonic() < patience and not remains.gone():
        time.sleep(_LOOK_EVERY)
    give_up = clock.monotonic() + _KILL_LIMIT
    while not remains.gone():
        if clock.monotonic() > give_up:
            message = f"processes of run {row.run_id} survive KILL (waiting on dead storage, or another user's?)"
            raise StateError(message, remedy="see `ps -eo pid,user,stat,wchan:20,args`; end them, then try again")
        remains.kill()
        time.sleep(_LOOK_EVERY)
    remains.tidy()
    if left_behind(row.token, led):
        message = f"processes that cannot be proven to be run {row.run_id}'s live in the sessions of its steps"
        sessions = ",".join(str(pid) for pid in led)
        raise StateError(message, remedy=f"see `ps -s {sessions} -o pid,user,stat,args`; end them, then try again")
