"""One step under way: tried, watched, ended with all it started, tried again.

The supervisor asks `advance` whenever something may have changed: an attempt ended, a signal came, a deadline is due.
What is to be done is decided here; an executor does it.
"""

from __future__ import annotations

import os

from batchctl.base import clock
from batchctl.base.errors import EXIT_CONFIG, CannotStartError
from batchctl.base.state_dir import StateDir, log_name, open_private
from batchctl.core import model
from batchctl.core.guard.plan import retry_delay
from batchctl.core.run import Attempt
from batchctl.core.text.masking import mask
from batchctl.engine import command
from batchctl.process import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.attempt import Exit
    from batchctl.core.run import Run, StepRun
    from batchctl.engine.command import Surroundings
    from batchctl.engine.ports import Executor, Work

_AFTER_KILL = 0.05
"""Seconds between looks at a tree that was sent KILL: the kernel needs a moment, and a fork may have slipped by."""
_MOST_AFTER_KILL = 2.0
"""The same for a tree that goes on living: it hangs in the kernel, or belongs to another user, and needs no hurry."""


class Active:
    """A step that is under way: being tried, being ended, or waiting for its next attempt."""

    def __init__(self, around: Surroundings, run: Run, step: StepRun, executor: Executor) -> None:
        """Start the first attempt; `done` at once where that is the end of it."""
        self._around, self._run, self._step, self._executor = around, run, step, executor
        self._place = StateDir(around.state_dir)
        self._work: Work | None = None
        self.deadline: float | None = None
        self.ending = False
        self.done = False
        self._cause = ""
        self._began = 0.0
        self._next_kill = _AFTER_KILL / 2
        step.started_at = clock.now()
        self._first_began = clock.monotonic()
        self._try()

    def advance(self, stopping: str | None) -> bool:
        """Do what is due now; say whether that is worth writing down.

        `stopping` is why nothing of the run is to go on (`cancelled`, `timed_out`), None while it is.
        """
        if self._work is None:
            return self._between_attempts(stopping)
        ended = self._work.exit
        if ended is not None and not self._work.living():
            self._finish_attempt(ended, stopping)
            return True
        if not self.ending:
            if ended is not None:
                self._begin_ending("")  # it ended and left processes behind
            elif stopping is not None or self._is_due():
                self._begin_ending(stopping or model.TIMED_OUT)
        elif self._is_due():
            self._next_kill = _AFTER_KILL if self._work.kill() else min(2 * self._next_kill, _MOST_AFTER_KILL)
            self.deadline = clock.monotonic() + self._next_kill
        return False

    def _between_attempts(self, stopping: str | None) -> bool:
        if stopping is not None:
            self._finish_step()
        elif self._is_due():
            self._try()
        else:
            return False
        return True

    def _is_due(self) -> bool:
        return self.deadline is not None and clock.monotonic() >= self.deadline

    def _try(self) -> None:
        run, step = self._run, self._step
        number = len(step.attempts) + step.attempts_before + 1
        attempt = Attempt(number, log_name(run.id, step.seq, number), clock.now())
        step.attempts.append(attempt)
        step.status = model.RUNNING
        self._began = clock.monotonic()
        self._cause, self.ending = "", False
        self._forget_result()
        try:
            self._work = self._executor.start(command.command(self._around, run, step, attempt))
        except CannotStartError as error:
            self._could_not_start(attempt, error)
            return
        attempt.pid, attempt.start_ticks = self._work.trace or (None, None)
        timeout = step.step.timeout
        self.deadline = None if timeout is None else self._began + timeout

    def _could_not_start(self, attempt: Attempt, error: CannotStartError) -> None:
        self._step.why = mask(str(error), self._around.secrets)
        try:
            with open(self._place.at(attempt.log), "ab", opener=open_private) as log:
                log.write(f"batchctl: {self._step.why}\n".encode())
        except OSError:
            pass
        self._close_attempt(model.FAILED, error.shell_code, None, None)

    def _begin_ending(self, cause: str) -> None:
        """Ask the whole tree to end; after the grace it is made to. Cause "": it ended but left processes."""
        self.ending, self._cause, self._next_kill = True, cause, _AFTER_KILL / 2
        if self._work is not None:
            self._work.terminate()
        grace = self._step.step.grace
        self.deadline = clock.monotonic() + (self._around.job.grace if grace is None else grace)

    def _finish_attempt(self, ended: Exit, stopping: str | None) -> None:
        if self._cause:
            self._step.why = "timed out" if self._cause == model.TIMED_OUT else self._cause
            self._close_attempt(self._cause, ended.code, ended.signal, stopping)
        elif ended.signal is not None:
            self._step.why = f"killed by {signals.name_of(ended.signal)}"
            self._close_attempt(model.FAILED, None, ended.signal, stopping)
        else:
            self._step.why = f"exit code {ended.code}" if ended.code else ""
            self._close_attempt(model.FAILED if ended.code else model.SUCCEEDED, ended.code, None, stopping)

    def _close_attempt(self, status: str, exit_code: int | None, signal: int | None, stopping: str | None) -> None:
        spec, attempt = self._step.step, self._step.attempts[-1]
        attempt.status, attempt.exit_code, attempt.signal = status, exit_code, signal
        if self._work is not None:
            attempt.cpu_s, attempt.max_rss_bytes = self._work.usage.cpu_s, self._work.usage.max_rss_bytes
        attempt.ended_at, attempt.duration = max(clock.now(), attempt.started_at), clock.monotonic() - self._began
        path = self._place.result(self._run.id, self._step.seq)
        self._step.result = command.read_result(path, self._around.secrets)
        self._work, self.ending = None, False
        failures = attempt.number
        # A program that says its configuration is wrong says so the next time too.
        final = failures > spec.retries or exit_code == EXIT_CONFIG
        if status == model.SUCCEEDED or stopping is not None or final:
            self._finish_step()
            return
        delay = retry_delay(spec.retry_delay, spec.retry_backoff, spec.retry_max_delay, failures)
        self.deadline = clock.monotonic() + delay

    def _finish_step(self) -> None:
        step = self._step
        step.status = step.attempts[-1].status
        step.ended_at = max(clock.now(), step.started_at or 0.0)
        step.duration = clock.monotonic() - self._first_began
        self.done = True

    def _forget_result(self) -> None:
        run_id, seq = self._run.id, self._step.seq
        for path in (self._place.result(run_id, seq), self._place.progress(run_id, seq)):
            try:
                os.unlink(path)
            except OSError:
                continue
