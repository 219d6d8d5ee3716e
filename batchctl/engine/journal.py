"""Writing a run down while it runs, without ever hurting it.

The batch is worth more than its record: while it runs, a database that is full, locked or gone only delays the writing,
because what is not written yet goes with the next write, and the last one puts down the whole run, whatever has become
of the history meanwhile. That one must not fail, so it has a second place: a file whose blocks were reserved before the
run began. It is imported at the next chance.
"""

from __future__ import annotations

import time

from batchctl.base import clock
from batchctl.base.errors import StateError
from batchctl.base.paths import identity_of
from batchctl.base.state_dir import StateDir
from batchctl.store import database, runs, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from batchctl.core.model import Job
    from batchctl.core.run import Identity, Run, StepRun
    from batchctl.engine.eventlog import EventLog
    from batchctl.engine.following import Following
    from batchctl.store.runs import Birth

    Tell = Callable[[sqlite3.Connection, int], None]
    """Writes what is to be told of the recorded end of a run, inside the transaction that records it."""

PATIENCE_BETWEEN = 1.0
"""Seconds a write during the run may wait for another's transaction: the steps must not wait for it."""
PATIENCE_AT_END = 20.0
_PAUSES = (0.0, 0.2, 1.0, 5.0, 5.0)
"""Seconds before each try to write the end down, in the history or in the spool."""


class Journal:
    """Where one run is written down."""

    def __init__(
        self,
        state_dir: str,
        owner: Identity,
        tell: Tell | None = None,
        connection: sqlite3.Connection | None = None,
        events: EventLog | None = None,
    ) -> None:
        """Keep where and for whom to write, and the connection of the start as long as it is good."""
        self._events = events
        self._state_dir, self._owner, self._tell = state_dir, owner, tell
        self._birth: Birth | None = None
        self._connection = connection
        self._history = StateDir(state_dir).history
        self._seen = identity_of(self._history)
        self._unwritten: dict[int, StepRun] = {}
        self._is_kept = False
        """Whether the end is written; to write it twice would find a row that is not running any more."""
        self.dispossessed = False
        """True once the history says that the run is no longer this owner's: from then on nothing is written."""

    def note(self, run: Run, changed: Iterable[StepRun]) -> None:
        """Write down what has changed, and nothing else; a failure is made good by the next write."""
        changed = list(changed)
        self._unwritten.update((step.seq, step) for step in changed)
        if self._events is not None:
            self._events.steps(run, changed)
        try:
            self._write(run, self._unwritten.values(), PATIENCE_BETWEEN)
            self._unwritten.clear()
        except Exception:  # noqa: BLE001 - whatever is wrong with the record must not cost a batch of 26 hours
            self.rest()

    def finish(self, run: Run, following: Following | None = None) -> bool:
        """Write down the end of the run, in the history or else in the spool; False where the run is another's by now.

        What is to be told of the end is written with it: in the same transaction, or by whoever imports it. It is tried
        until one of the places has it, or for some seconds where neither takes anything: a row without an end would be
        called lost.
        """
        for pause in () if self._is_kept else _PAUSES:
            if pause:
                time.sleep(pause)
            if self._keep_end(run, PATIENCE_BETWEEN if pause else PATIENCE_AT_END, following):
                break
        if self._events is not None and not self.dispossessed:
            self._events.end(run)
        return not self.dispossessed

    def _keep_end(self, run: Run, patience: float, following: Following | None) -> bool:
        try:
            self._write(run, None, patience, following)
        except Exception:  # noqa: BLE001 - as above; the second place is there for exactly that
            self.rest()
            try:
                return spool.keep(self._state_dir, run, self._owner, self._birth)
            except Exception:  # noqa: BLE001 - as above
                return False
        self._is_kept = True
        self._released(run)
        return True

    def _released(self, run: Run) -> None:
        try:
            spool.release(self._state_dir, run.id)
        except Exception:  # noqa: BLE001 - the next start gives the blocks back
            return

    def rest(self) -> None:
        """Let go of the history; the next write opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception:  # noqa: BLE001 - as above
                return

    def has_old(self, job: Job) -> bool:
        """Say whether retention may let go of something of the job; False where the history is not open to be asked."""
        if self._connection is None:
            return False
        from batchctl.store.retained import has_old

        try:
            return has_old(self._connection, job.name, job.retention, clock.now())
        except Exception:  # noqa: BLE001 - what is not removed now the next run removes
            return False

    def _write(
        self, run: Run, steps: Iterable[StepRun] | None, patience: float, following: Following | None = None
    ) -> None:
        if self.dispossessed:
            return
        connection = self._open(patience)
        with database.Immediate(connection):
            if self._birth is None:
                self._birth = runs.birth_of(connection, run)
            if not runs.save(connection, run, self._owner, steps):
                self._refused(runs.birth_of(connection, run))
            elif run.ended_at is not None:
                if self._tell is not None:
                    self._tell(connection, run.id)
                if following is not None:
                    following.ask(connection)

    def _open(self, patience: float) -> sqlite3.Connection:
        """Return a connection to the history as it is now.

        One of before is only used while the file is untouched: SQLite would not notice that another was put there.
        """
        if self._connection is None or identity_of(self._history) != self._seen:
            self.rest()
            self._connection = database.connect(self._state_dir, create=False, busy_limit=patience)
            self._seen = identity_of(self._history)
        database.wait_at_most(self._connection, patience)
        return self._connection

    def _refused(self, birth: Birth | None) -> None:
        if birth is None:
            # No other batchctl took the run: somebody put another history in the place of the one it began in.
            message = f"the history in {self._state_dir} is not the one that the run began in"
            raise StateError(message, remedy="its end is in the spool, and imported by the next fire")
        self.dispossessed = True
