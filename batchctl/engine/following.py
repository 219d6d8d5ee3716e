"""Firing the jobs that come `after` one, at the end of its run.

Which they are is asked inside the transaction that records the end: of two ends at the same time exactly one then sees
both. They are fired when the lock is free, each in a session of its own and through its own guard.
"""

from __future__ import annotations

import sqlite3

from batchctl.base.errors import BatchctlError
from batchctl.base.paths import own_words
from batchctl.base.record import Record
from batchctl.core.model import Selection
from batchctl.core.time import zones
from batchctl.process.apart import start_apart
from batchctl.store import database, following, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.model import Follower, Job


_ALL = Selection()


class Due(Record):
    """What is to be fired, and the fire that the whole chain stands for."""

    jobs: Sequence[str]
    meant: float


class Following:
    """What follows the end of one run."""

    def __init__(self, job: Job, state_dir: str, run_id: int, selection: Selection = _ALL) -> None:
        """Keep whose end it is; a run that was told to leave out steps fires nothing."""
        self._job, self._state_dir, self._run_id = job, state_dir, run_id
        self._is_whole = not selection.only and selection.start_from is None
        self._due: Due | None = None

    def ask(self, connection: sqlite3.Connection) -> None:
        """Ask who is due, in the transaction of the run's last row."""
        self._due = self._ask(connection)

    def fire(self) -> None:
        """Fire who is due, and return at once.

        An end that had to be spooled was not asked about; where the history answers by now, that is made up for. Else
        `check` finds that the fire is missing.
        """
        due = self._due
        if due is None and self._job.followers:
            try:
                with database.Opened(self._state_dir, create=False) as connection:
                    spool.import_all(self._state_dir, connection)
                    due = self._ask(connection)
            except (BatchctlError, OSError, sqlite3.Error):
                return
        if due is not None:
            for name in due.jobs:
                start_apart(self._command(name, due.meant))

    def _ask(self, connection: sqlite3.Connection) -> Due:
        found = [each.job for each in self._job.followers if self._is_due(connection, each)]
        return Due(jobs=found, meant=following.meant(connection, self._run_id) if found else 0.0)

    def _is_due(self, connection: sqlite3.Connection, follower: Follower) -> bool:
        run, any_end = self._run_id, follower.after_any
        if not self._is_whole or not following.counts(connection, run, any_end=any_end):
            return False
        if not following.is_whole(connection, run):
            return False
        others = [name for name in follower.after if name != self._job.name]
        ends = following.complete_since(connection, follower.job, others, any_end=any_end)
        return None not in ends.values()

    def _command(self, name: str, meant: float) -> list[str]:
        instant = zones.iso(meant, self._job.rules.zone) or ""
        words = own_words(self._job.config_path, self._state_dir)
        return [*words, "run", name, "--scheduled-for", instant]
