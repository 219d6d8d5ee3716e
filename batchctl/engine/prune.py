"""Removing what retention lets go: rows, files, and what a crash has left of either.

Rows go first, files after: a row promises its files, while files without a row promise nothing, and the next `prune`
removes them. So a crash in the middle leaves nothing to be explained. Ids are never used twice (autoincrement), so such
files do not become another run's; only a history that was begun anew counts from 1 again, which is why a directory
without a row is renamed away under the write lock, where no run can be starting, before it is removed.

Files are only ever reached from an open `runs` directory, and no symbolic link is followed: steps can write there.
"""

from __future__ import annotations

import os
import time
from functools import partial

from batchctl.base import clock
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.core import retention as rules
from batchctl.core.model import Retention
from batchctl.store import pruning
from batchctl.store.database import BUSY_LIMIT, Immediate, untrusted
from batchctl.store.retained import has_old
from batchctl.store.rundirs import REMOVED, RunDirs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeVar

    from batchctl.core.model import Job

    T = TypeVar("T")

_STARTING = 3600.0
"""Seconds for which a directory without a row may be that of a run about to start."""
_FIRST_SLICE = 20
_LARGEST_SLICE = 2000
_HOLD = 0.01
"""Seconds that a slice may hold the write lock."""
_LONGEST_REST = 0.1
_SLICES_BETWEEN_CHECKPOINTS = 20
_LONGEST_GIVING = 10.0
"""Seconds that one prune spends on giving pages back one by one; the next goes on."""
_PATIENCE_AFTER_RUN = 0.25


class PrunedJob(Record):
    """What went of one job; `skips` counts fires, `size` bytes on disk."""

    job: str
    runs: int
    skips: int
    size: int


class Pruned(Record):
    """What went, or with `dry_run` would go; sizes are bytes on disk."""

    dry_run: bool
    jobs: Sequence[PrunedJob] = ()
    orphans: int = 0
    """Directories of runs that the history does not know."""
    orphans_size: int = 0
    alerts: int = 0
    """Alerts that were over and older than any job keeps; not counted by `dry_run`."""
    database_before: int = 0
    database_after: int = 0
    database_free: int = 0
    """Bytes within the database that the next runs will use."""
    not_removed: Sequence[str] = ()
    """Directories that would not go, with the reason."""


def prune(state_dir: str, kept: Mapping[str, Retention], only: str | None = None, *, dry_run: bool = False) -> Pruned:
    """Remove what retention lets go of one job or of all; a job that `kept` does not know is kept by the defaults.

    Raises:
        StateError: if the history or the state directory cannot be trusted.
    """
    import sqlite3

    if not os.path.isdir(state_dir):
        return Pruned(dry_run=dry_run)
    StateDir(state_dir).ensure()
    connection = pruning.open_to_look(state_dir) if dry_run else pruning.open_to_prune(state_dir, BUSY_LIMIT)
    if connection is None:
        return Pruned(dry_run=dry_run)
    dirs = RunDirs(state_dir)
    try:
        pruner = _Pruner(connection, dirs)
        return (_look if dry_run else _remove)(pruner, state_dir, kept, only)
    except sqlite3.Error as error:
        raise untrusted(StateDir(state_dir).history, error) from error
    finally:
        dirs.close()
        connection.close()


def after_run(state_dir: str, job: Job, budget: float = 1.0) -> None:
    """Remove what retention lets go of one job, for about `budget` seconds at most; never raises.

    Meant for the end of a run, when its lock is free. What it does not manage, the next run or `prune` does; where
    there is nothing to do it costs one query, and with `keep_bytes` a look at the sizes of the job's files.
    """
    until = clock.monotonic() + budget
    try:
        connection = pruning.open_to_prune(state_dir, min(budget, _PATIENCE_AFTER_RUN))
        if connection is None:
            return
        try:
            keeps, now = job.retention, clock.now()
            if not has_old(connection, job.name, keeps, now):
                return
            dirs = RunDirs(state_dir)
            try:
                _Pruner(connection, dirs, until).job(job.name, keeps, now)
            finally:
                dirs.close()
        finally:
            connection.close()
    except Exception:  # noqa: BLE001 - the run has ended and is recorded; tidying up must not change its exit code
        return


def _look(pruner: _Pruner, _state_dir: str, kept: Mapping[str, Retention], only: str | None) -> Pruned:
    now = clock.now()
    jobs = [pruner.look(job, kept.get(job, Retention()), now) for job in _chosen(pruner.connection, only)]
    orphans = [] if only is not None else list(pruner.orphans(now))
    total, free = pruning.size(pruner.connection)
    return Pruned(
        dry_run=True,
        jobs=[job for job in jobs if job.runs or job.skips],
        orphans=len(orphans),
        orphans_size=sum(pruner.dirs.size(name) for name in orphans),
        database_before=total,
        database_after=total,
        database_free=free,
    )


def _remove(pruner: _Pruner, state_dir: str, kept: Mapping[str, Retention], only: str | None) -> Pruned:
    connection, dirs, now = pruner.connection, pruner.dirs, clock.now()
    before, _ = pruning.size(connection)
    jobs = [pruner.job(job, kept.get(job, Retention()), now) for job in _chosen(connection, only)]
    orphans = orphans_size = 0
    for name in () if only is not None else pruner.orphans(now):
        size = dirs.size(name)
        if pruner.remove_orphan(name):
            orphans, orphans_size = orphans + 1, orphans_size + size
    alerts = 0
    if only is None:
        longest = max((each.keep_days for each in kept.values()), default=0.0)
        alerts = pruning.remove_alerts(connection, now - max(longest, Retention().keep_days) * rules.DAY)
    _compact(connection, state_dir)
    total, free = pruning.size(connection)
    return Pruned(
        dry_run=False,
        jobs=[job for job in jobs if job.runs or job.skips],
        orphans=orphans,
        orphans_size=orphans_size,
        alerts=alerts,
        database_before=before,
        database_after=total,
        database_free=free,
        not_removed=tuple(dirs.not_removed),
    )


def _chosen(connection: sqlite3.Connection, only: str | None) -> list[str]:
    return pruning.jobs(connection) if only is None else [only]


def _compact(connection: sqlite3.Connection, state_dir: str) -> None:
    import sqlite3

    try:
        found = os.statvfs(state_dir)
        if not pruning.compact(connection, found.f_bavail * found.f_frsize):
            pace, slices = _Pace(connection, clock.monotonic() + _LONGEST_GIVING), 0
            while not pace.over and pace.timed(partial(pruning.give_back, connection, pace.size)):
                slices += 1
                if slices % _SLICES_BETWEEN_CHECKPOINTS == 0:
                    pruning.checkpoint(connection)
                pace.rest()
        pruning.truncate_log(connection)
    except (OSError, sqlite3.OperationalError):
        # Somebody is in the way, or the disk is full. Nothing is lost: the file stays as large as it is till next time.
        return


class _Pace:
    """How much to do in one transaction, and how long to rest after it."""

    def __init__(self, connection: sqlite3.Connection, until: float = float("inf")) -> None:
        self.size = _FIRST_SLICE
        self._connection = connection
        self._until, self._held, self._released = until, 0.0, 0.0

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return clock.monotonic() >= self._until

    def timed(self, work: Callable[[], T]) -> T:
        """Do the work of one slice; the next is as large as fits the time that one may hold the lock."""
        began = clock.monotonic()
        result = work()
        self._released = clock.monotonic()
        self._held = self._released - began
        ideal = self.size * _HOLD / max(self._held, 1e-6)
        self.size = max(1, min(_LARGEST_SLICE, 2 * self.size, int(ideal)))
        return result

    def rest(self) -> None:
        """Let others have the lock for as long as the last slice held it: it is free half of the time."""
        now = clock.monotonic()
        rest = min(self._held, _LONGEST_REST) - (now - self._released)
        time.sleep(max(0.0, min(rest, self._until - now)))


class _Pruner:
    """Prunes over one connection, until its time is up."""

    def __init__(self, connection: sqlite3.Connection, dirs: RunDirs, until: float = float("inf")) -> None:
        self.connection, self.dirs = connection, dirs
        self._until = until
        self._tables = pruning.parts_of_runs(connection)

    def _verdict(self, job: str, keeps: Retention, now: float) -> rules.Verdict:
        # Half of the time to look is enough: the rest is for removing what was found.
        half = (self._until + clock.monotonic()) / 2
        found = pruning.past(self.connection, job)
        runs = found if self._until == float("inf") else _until(found, half)
        return rules.verdict(runs, keeps, now, self._size_of)

    def _size_of(self, run_id: int) -> int:
        return self.dirs.size(str(run_id))

    def look(self, job: str, keeps: Retention, now: float) -> PrunedJob:
        """Return what would go of a job."""
        goes = self._verdict(job, keeps, now)
        skips = pruning.old_skips(self.connection, job, goes.skips_before, -1)
        size = sum(map(self._size_of, goes.runs))
        return PrunedJob(job=job, runs=len(goes.runs), skips=sum(count for _, count in skips), size=size)

    def job(self, job: str, keeps: Retention, now: float) -> PrunedJob:
        """Remove what goes of a job, oldest first, and return what did."""
        goes = self._verdict(job, keeps, now)
        runs, size = self._remove_runs(goes.runs)
        skips = self._remove_skips(job, goes.skips_before)
        return PrunedJob(job=job, runs=runs, skips=skips, size=size)

    def _remove_runs(self, ids: Sequence[int]) -> tuple[int, int]:
        pace, at, slices, runs, size = _Pace(self.connection, self._until), 0, 0, 0, 0
        while at < len(ids) and not pace.over:
            some = ids[at : at + pace.size]
            at += len(some)
            gone = pace.timed(partial(pruning.remove_runs, self.connection, self._tables, some))
            reserved = self.dirs.reserved()
            for run_id in gone:
                if run_id in reserved:
                    self.dirs.forget_reserve(run_id)
                size += self._remove_files(str(run_id))
            runs += len(gone)
            slices += 1
            if slices % _SLICES_BETWEEN_CHECKPOINTS == 0:
                pruning.checkpoint(self.connection)
            if at < len(ids):
                pace.rest()
        return runs, size

    def _remove_files(self, name: str) -> int:
        size = self.dirs.size(name)
        return size if self.dirs.remove(name) else 0

    def _remove_skips(self, job: str, before: float) -> int:
        pace, skips = _Pace(self.connection, self._until), 0
        while not pace.over:
            limit = pace.size
            rows, counted = pace.timed(partial(pruning.remove_skips, self.connection, job, before, limit))
            skips += counted
            if rows < limit:
                break
            pace.rest()
        return skips

    def orphans(self, now: float) -> Iterator[str]:
        """Yield the directories that no row stands for: left by a crash, and not of a run that is starting."""
        for name in self.dirs.names():
            if name.endswith(REMOVED) or self._is_orphan(name, now):
                yield name

    def _is_orphan(self, name: str, now: float) -> bool:
        return not pruning.has_run(self.connection, int(name)) and now - self.dirs.changed(name) > _STARTING

    def remove_orphan(self, name: str) -> bool:
        """Remove such a directory; False where it is none any more, or would not go."""
        if name.endswith(REMOVED):
            return self.dirs.remove(name)
        with Immediate(self.connection):
            # Under the write lock no run can be starting, so none has made this directory its own.
            if pruning.has_run(self.connection, int(name)) or not self.dirs.set_aside(name):
                return False
        return self.dirs.remove(name + REMOVED)


def _until(runs: Iterable[rules.Past], end: float) -> Iterator[rules.Past]:
    for run in runs:
        if clock.monotonic() >= end:
            return
        yield run
