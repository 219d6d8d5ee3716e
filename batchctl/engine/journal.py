"""Writing a run down while it runs, without ever hurting it.

The batch is worth more than its record: while it runs, a database that is full, locked or gone only delays the writing,
because each write puts down the whole run. Only the last write must not fail, so it has a second place: a file whose
blocks were reserved before the run began. It is imported at the next chance.
"""

from __future__ import annotations

from batchctl.base.errors import StateError
from batchctl.engine import after_run
from batchctl.store import database, guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.model import Job
    from batchctl.core.run import Identity, Run
    from batchctl.store.guard import Birth

PATIENCE_BETWEEN = 1.0
"""Seconds a write during the run may wait for another's transaction: the steps must not wait for it."""
PATIENCE_AT_END = 20.0


class Journal:
    """Where one run is written down."""

    def __init__(self, state_dir: str, owner: Identity, job: Job | None = None, secrets: tuple[str, ...] = ()) -> None:
        """Keep where and for whom to write; with `job` the alerts that the end causes are written with it."""
        self._state_dir, self._owner, self._job, self._secrets = state_dir, owner, job, secrets
        self._birth: Birth | None = None
        self.dispossessed = False
        """True once the history says that the run is no longer this owner's: from then on nothing is written."""

    def note(self, run: Run) -> None:
        """Write down where the run stands; a failure is made good by the next write."""
        try:
            self._write(run, PATIENCE_BETWEEN)
        except Exception:  # noqa: BLE001 - whatever is wrong with the record must not cost a batch of 26 hours
            return

    def finish(self, run: Run) -> None:
        """Write down the end of the run: in the history, or else in the spool."""
        from batchctl.store import spool

        try:
            self._write(run, PATIENCE_AT_END)
        except Exception:  # noqa: BLE001 - as above; the second place is there for exactly that
            spool.keep(self._state_dir, run, self._owner, self._birth)
        else:
            spool.release(self._state_dir, run.id)

    def _write(self, run: Run, patience: float) -> None:
        if self.dispossessed:
            return
        connection = database.connect(self._state_dir, create=False, busy_limit=patience)
        try:
            with database.Immediate(connection):
                if self._birth is None:
                    self._birth = guard.birth_of(connection, run)
                if not guard.save(connection, run, self._owner):
                    self._refused(guard.birth_of(connection, run))
                elif run.ended_at is not None and self._job is not None:
                    after_run.write(connection, self._job, run.id, self._state_dir, self._secrets)
        finally:
            connection.close()

    def _refused(self, birth: Birth | None) -> None:
        if birth is None:
            # No other batchctl took the run: somebody put another history in the place of the one it began in.
            message = f"the history in {self._state_dir} is not the one that the run began in"
            raise StateError(message, remedy="its end is in the spool, and imported by the next fire")
        self.dispossessed = True
