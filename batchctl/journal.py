"""Writing a run down while it runs, without ever hurting it.

The batch is worth more than its record: while it runs, a database that is full, locked or gone only delays the writing,
because each write puts down the whole run. Only the last write must not fail, so it has a second place: a file whose
blocks were reserved before the run began. It is imported at the next chance.
"""

from __future__ import annotations

import os
import sqlite3

from batchctl.errors import StateError
from batchctl.store import database, guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.run import Identity, Run

_PATIENCE_BETWEEN = 1.0
"""Seconds a write during the run may wait for another's transaction: the steps must not wait for it."""
_PATIENCE_AT_END = 20.0


class Journal:
    """Where one run is written down."""

    def __init__(self, state_dir: str, owner: Identity) -> None:
        """Keep where and for whom to write."""
        self._state_dir, self._owner = state_dir, owner
        self.dispossessed = False
        """True once the history says that the run is no longer this owner's: from then on nothing is written."""

    def note(self, run: Run) -> None:
        """Write down where the run stands; a failure is made good by the next write."""
        try:
            self._write(run, _PATIENCE_BETWEEN)
        except (StateError, sqlite3.Error):
            return

    def finish(self, run: Run) -> None:
        """Write down the end of the run: in the history, or else in the spool."""
        from batchctl import spool

        try:
            self._write(run, _PATIENCE_AT_END)
        except (StateError, sqlite3.Error):
            spool.keep(self._state_dir, run, self._owner)
        else:
            spool.release(self._state_dir, run.id)

    def _write(self, run: Run, patience: float) -> None:
        if self.dispossessed:
            return
        connection = database.connect(self._state_dir, create=False, busy_limit=patience)
        try:
            with database.Immediate(connection):
                self.dispossessed = not guard.save(connection, run, self._owner)
        finally:
            connection.close()


def make_run_dir(state_dir: str, run_id: int) -> None:
    """Make the directory that takes a run's logs, results and progress (0700).

    Raises:
        OSError: if it cannot be made.
    """
    # One by one: makedirs() gives its mode to the last directory only.
    os.makedirs(f"{state_dir}/runs", mode=0o700, exist_ok=True)
    os.makedirs(f"{state_dir}/runs/{run_id}", mode=0o700, exist_ok=True)
