"""Ending a run that another batchctl owns, or owned: taking over a stale one, stopping orphans."""

from __future__ import annotations

import os
import time

from batchctl import clock
from batchctl.core import model
from batchctl.duration import format_duration
from batchctl.process import identity, tree
from batchctl.store import database, guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from batchctl.core.model import Job
    from batchctl.process.identity import Stat
    from batchctl.store.guard import RunningRow

_TERM, _KILL, _CONT = 15, 9, 18
_LOOK_EVERY = 0.05
_KILL_LIMIT = 30.0
"""Seconds after which a tree that survives KILL (uninterruptible sleep on dead storage) is given up on."""


def take_over(connection: sqlite3.Connection, job: Job, run_id: int) -> None:
    """End a stale run's whole process tree and mark it `stale`.

    The owner goes first and by KILL: a hung batchctl that woke up at TERM would write its own end of the run. If this
    fire dies in between, the next one finds a dead owner with processes left behind, and a run that is still stale.
    """
    row = guard.running_row(connection, job.name)
    if row is None or row.run_id != run_id:
        return
    end_tree(row, job.grace, owner_too=True)
    age = format_duration(clock.monotonic() - row.started_mono)
    limit = format_duration(job.rules.stale_after)
    with database.Immediate(connection):
        guard.close_row(connection, row, model.STALE, clock.now(), f"taken over after {age} (stale_after {limit})")


def end_tree(row: RunningRow, grace: float, *, owner_too: bool) -> bool:
    """End all processes of a run: TERM, grace, KILL until none is left; say whether none is.

    Only what is provably the run's is signalled: the owner by its identity, its descendants, and what carries the
    run's mark.
    """
    known: dict[tuple[int, int], Stat] = {}
    _look(row, known, owner_too=owner_too)
    if owner_too:
        _end_owner(row)
    survivors = _living(known)
    tree.send_all(survivors, _TERM)
    tree.send_all(survivors, _CONT)
    patience = clock.monotonic() + grace
    while _look(row, known, owner_too=False) and clock.monotonic() < patience:
        time.sleep(_LOOK_EVERY)
    give_up = clock.monotonic() + _KILL_LIMIT
    while (survivors := _look(row, known, owner_too=False)) and clock.monotonic() < give_up:
        tree.send_all(survivors, _KILL)
        time.sleep(_LOOK_EVERY)
    return not survivors


def _end_owner(row: RunningRow) -> None:
    if identity.life(row.owner) != "alive":
        return
    stat = identity.read_stat(row.owner.pid)
    if stat is not None and stat.start_ticks == row.owner.start_ticks:
        tree.send(stat, _KILL)


def _look(row: RunningRow, known: dict[tuple[int, int], Stat], *, owner_too: bool) -> list[Stat]:
    """Learn of the run's processes, the owner excepted, and return those that live.

    A process once known stays known, with all that it starts later, even if its own environment carries no mark.
    """
    if owner_too and identity.life(row.owner) == "alive":
        _learn(known, tree.below(row.owner.pid))
    _learn(known, tree.marked(row.token))
    for stat in _living(known):
        _learn(known, tree.below(stat.pid))
    # A fire inside a step of the very run it ends must not end itself.
    known.pop(next((key for key in known if key[0] == os.getpid()), (0, 0)), None)
    return _living(known)


def _learn(known: dict[tuple[int, int], Stat], found: list[Stat]) -> None:
    for stat in found:
        known.setdefault((stat.pid, stat.start_ticks), stat)


def _living(known: dict[tuple[int, int], Stat]) -> list[Stat]:
    alive = []
    for stat in known.values():
        now = identity.read_stat(stat.pid)
        if now is not None and now.start_ticks == stat.start_ticks and now.state not in "ZX":
            alive.append(stat)
    return alive
