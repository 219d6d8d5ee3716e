"""Ending a run that another batchctl owns, or owned: taking over a stale one, `stop`, orphans."""

from __future__ import annotations

import os
import sqlite3
import time

from batchctl import clock
from batchctl.core import model
from batchctl.core.record import Record
from batchctl.duration import format_duration
from batchctl.errors import StateError
from batchctl.process import identity, tree
from batchctl.store import database, guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.model import Job
    from batchctl.process.identity import Stat
    from batchctl.store.guard import RunningRow

_TERM, _KILL, _CONT = 15, 9, 18
_LOOK_EVERY = 0.05
_OWNER_NEEDS = 5.0
"""Seconds beyond the grace that a living batchctl has to end its own steps and write down the end."""
_KILL_LIMIT = 30.0
"""Seconds after which a tree that survives KILL (uninterruptible sleep on dead storage) is given up on."""


class Stopped(Record):
    """What `stop` did: the run that it ended, None where none was running."""

    run_id: int | None
    status: str | None = None


def take_over(connection: sqlite3.Connection, job: Job, run_id: int) -> None:
    """End a stale run's whole process tree, its batchctl included, and mark it `stale`.

    The run is claimed first: a hung owner that wakes up at TERM then finds that it may write nothing, and exits
    with 74.
    """
    row = guard.running_row(connection, job.name)
    if row is None or row.run_id != run_id:
        return
    with database.Immediate(connection):
        if not guard.claim(connection, row):
            return
    _end_tree(row, job.grace)
    age = format_duration(max(0.0, clock.monotonic() - row.started_mono))
    limit = format_duration(job.rules.stale_after)
    with database.Immediate(connection):
        guard.close_row(connection, row, model.STALE, clock.now(), f"taken over after {age} (stale_after {limit})")


def stop(job: Job, state_dir: str) -> Stopped:
    """End the running run of a job: its batchctl is asked to, and where it is gone or deaf, it is done from here.

    Raises:
        StateError: if the history cannot be read, the run belongs to another host, or a process survives KILL.
    """
    if not os.path.exists(database.database_path(state_dir)):
        return Stopped(run_id=None)
    connection = database.connect(state_dir, create=False)
    try:
        row = guard.running_row(connection, job.name)
        if row is None:
            return Stopped(run_id=None)
        life = identity.life(row.owner)
        if life == "unknown":
            message = (
                f"run {row.run_id} of {job.name} belongs to host {row.owner.host}, or cannot be looked at from here"
            )
            raise StateError(message, remedy=f"stop it on {row.owner.host}, as the user it runs as")
        if life == "alive" and _ask_owner(connection, row, job.grace):
            return Stopped(run_id=row.run_id, status=guard.status_of(connection, row.run_id))
        with database.Immediate(connection):
            guard.claim(connection, row)
        if not _end_tree(row, job.grace):
            message = f"processes of run {row.run_id} survive KILL (waiting on dead storage?)"
            raise StateError(message, remedy="see `ps -o pid,stat,wchan:20,args`; they end when their device answers")
        with database.Immediate(connection):
            guard.close_row(connection, row, model.CANCELLED, clock.now(), "stopped by batchctl stop")
        return Stopped(run_id=row.run_id, status=guard.status_of(connection, row.run_id))
    except sqlite3.Error as error:
        raise database.untrusted(database.database_path(state_dir), error) from error
    finally:
        connection.close()


def _ask_owner(connection: sqlite3.Connection, row: RunningRow, grace: float) -> bool:
    """Send TERM to the run's batchctl and wait for its last word; False where it does not come."""
    _signal_owner(row, _TERM)
    patience = clock.monotonic() + grace + _OWNER_NEEDS
    while clock.monotonic() < patience:
        if guard.status_of(connection, row.run_id) != model.RUNNING:
            return True
        if identity.life(row.owner) != "alive":
            break
        time.sleep(_LOOK_EVERY)
    return guard.status_of(connection, row.run_id) != model.RUNNING


def _signal_owner(row: RunningRow, number: int) -> None:
    if identity.life(row.owner) != "alive":
        return
    stat = identity.read_stat(row.owner.pid)
    if stat is not None and stat.start_ticks == row.owner.start_ticks:
        tree.send(stat, number)


def _end_tree(row: RunningRow, grace: float) -> bool:
    """End all processes of a run: TERM, grace, KILL until none is left; say whether none is.

    Only what is provably the run's is signalled: the owner by its identity, its descendants, and what carries the
    run's mark. A process once known stays known, with all that it starts later, even if it carries no mark itself.
    """
    known: dict[tuple[int, int], Stat] = {}
    if identity.life(row.owner) == "alive":
        _learn(known, tree.below(row.owner.pid))
    survivors = _look(row, known)
    for number in (_TERM, _CONT):  # a stopped process takes no TERM before it is continued
        tree.send_all(survivors, number)
        _signal_owner(row, number)
    patience = clock.monotonic() + grace
    while (_look(row, known) or identity.life(row.owner) == "alive") and clock.monotonic() < patience:
        time.sleep(_LOOK_EVERY)
    give_up = clock.monotonic() + _KILL_LIMIT
    while clock.monotonic() < give_up:
        survivors = _look(row, known)
        if not survivors and identity.life(row.owner) != "alive":
            return True
        _signal_owner(row, _KILL)
        tree.send_all(survivors, _KILL)
        time.sleep(_LOOK_EVERY)
    return False


def _look(row: RunningRow, known: dict[tuple[int, int], Stat]) -> list[Stat]:
    """Learn of the run's processes, its batchctl excepted, and return those that live."""
    _learn(known, tree.marked(row.token))
    for stat in _living(known):
        _learn(known, tree.below(stat.pid))
    return _living(known)


def _learn(known: dict[tuple[int, int], Stat], found: list[Stat]) -> None:
    for stat in found:
        # A batchctl that a step of the very run started must not end itself.
        if stat.pid != os.getpid():
            known.setdefault((stat.pid, stat.start_ticks), stat)


def _living(known: dict[tuple[int, int], Stat]) -> list[Stat]:
    alive = []
    for stat in known.values():
        now = identity.read_stat(stat.pid)
        if now is not None and now.start_ticks == stat.start_ticks and now.state not in "ZX":
            alive.append(stat)
    return alive
