"""A run whose only step is the program that asked for it: the same guard, row and end, and nothing is spawned.

The program is the owner. If it dies, its row tells of an owner that is gone, and the next fire calls the run lost. It
may have threads, and close descriptors behind our back, so the history is opened for each write.
"""

from __future__ import annotations

import os
import threading

from batchctl.base import clock
from batchctl.base.errors import EXIT_FAILED, EXIT_SIGNAL_BASE, EXIT_TIMED_OUT
from batchctl.base.state_dir import StateDir, log_name, open_private
from batchctl.core import model
from batchctl.core.model import Selection
from batchctl.core.run import Attempt
from batchctl.engine import after_run, fire
from batchctl.engine.command import read_result
from batchctl.process.tree import MARK
from batchctl.store import database

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.core.model import Job, Request
    from batchctl.engine.fire import Outcome
    from batchctl.engine.journal import Journal
    from batchctl.engine.start import Started

_CODES = {model.SUCCEEDED: 0, model.FAILED: EXIT_FAILED, model.TIMED_OUT: EXIT_TIMED_OUT}


class _Deaf:
    """Hears no signals: those are the program's own affair."""

    def close(self) -> None:
        """There is nothing to close."""


def enter(job: Job, request: Request) -> Inside | Outcome:
    """Decide, and where the decision is to start, write the run down as this program's; else return the skip.

    Raises:
        StateError, ConfigError: as `fire.fire` does; nothing was started.
    """
    StateDir(request.state_dir).ensure()
    with database.Opened(request.state_dir, create=True) as connection:
        found = fire.guarded(connection, job, request, _Deaf)
        if isinstance(found, fire.Outcome):
            return found
        started, _, journal = found
        journal.rest()  # it has the connection that is closed here, and opens its own when it writes
    try:
        return Inside(started, journal)
    except BaseException as error:
        # What has begun needs its end: its owner lives on, so nobody else would ever give it one.
        started.run.fail(f"could not begin: {type(error).__name__}: {error}", clock.now())
        fire.after_steps([], started, None, _Deaf(), journal, Selection())
        raise


class Inside:
    """A run from within; only the process that entered it may leave it."""

    def __init__(self, started: Started, journal: Journal) -> None:
        """Begin the run's only attempt."""
        self._started, self._journal = started, journal
        self.run, self.around = started.run, started.around
        self.pid = os.getpid()
        self._began = clock.monotonic()
        self._place = StateDir(self.around.state_dir)
        step = self.run.steps[0]
        attempt = Attempt(1, log_name(self.run.id, step.seq, 1), clock.now())
        # No pid: that of an attempt leads a session that is the run's alone, and this program's is somebody else's.
        step.started_at, step.status = attempt.started_at, model.RUNNING
        step.attempts.append(attempt)
        self._log = self._place.at(attempt.log)
        self.log(b"")
        self._journal.note(self.run, [step])
        self._journal.rest()
        self.left, self._leaving = False, threading.Lock()
        self._troubles: list[Exception] = []
        self._beat = fire.before_steps(self._troubles, started)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process of the run has in its environment, by which it is found whatever becomes of us."""
        run = self.run
        return {
            "BATCHCTL_JOB": run.job,
            "BATCHCTL_RUN_ID": str(run.id),
            "BATCHCTL_STEP": run.steps[0].step.id,
            "BATCHCTL_ATTEMPT": "1",
            "BATCHCTL_SCHEDULED_FOR": self.around.scheduled_for,
            "BATCHCTL_RESULT": self._place.result(run.id, 1),
            "BATCHCTL_PROGRESS": self._place.progress(run.id, 1),
            MARK: run.token,
        }

    def log(self, text: bytes) -> None:
        """Add to the run's log; OSError where that cannot be written."""
        with open(self._log, "ab", opener=open_private) as file:
            file.write(text)

    def leave(self, status: str, why: str = "", *, signal: int | None = None, hold_on: bool = False) -> None:
        """Write down how the run ended, let the lock go, and do all that follows; once.

        With `hold_on` the lock is kept as long as the program lives, which goes on though its run is over.

        Raises:
            StateError: if somebody else ended the run meanwhile.
        """
        with self._leaving:  # the budget's thread and the block's may come at once
            if not self.left:
                self.left = True
                self._leave(status, why, signal, hold_on=hold_on)

    def _leave(self, status: str, why: str, signal: int | None, *, hold_on: bool) -> None:
        if hold_on:
            for descriptor in self.around.hold.descriptors:
                os.dup(descriptor)
        run, step = self.run, self.run.steps[0]
        attempt, now, took = step.attempts[-1], clock.now(), clock.monotonic() - self._began
        code = EXIT_SIGNAL_BASE + signal if signal is not None else _CODES.get(status, EXIT_FAILED)
        attempt.status, attempt.exit_code, attempt.signal = status, None if signal else code, signal
        attempt.ended_at, attempt.duration = max(now, attempt.started_at), took
        step.status, step.why, step.ended_at, step.duration = status, why, attempt.ended_at, took
        try:
            step.result = read_result(self._place.result(run.id, step.seq), self.around.secrets)
        except OSError as error:
            self._troubles.append(error)
        run.status, run.exit_code, run.why = status, code, "" if status == model.SUCCEEDED else why
        run.ended_at, run.duration = attempt.ended_at, took
        try:
            after_run.judge(run, self.around)
        except Exception as error:  # noqa: BLE001 - what is thought of a run must not cost its end
            self._troubles.append(error)
        fire.after_steps(self._troubles, self._started, self._beat, _Deaf(), self._journal, Selection())
