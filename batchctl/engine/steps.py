"""One step under way: tried, watched, ended with all it started, tried again.

The supervisor asks `advance` whenever something may have changed: an attempt ended, a signal came, a deadline is due.
What is to be done is decided here; an executor does it.
"""

from __future__ import annotations

import os

from batchctl.base import clock
from batchctl.base.errors import CANNOT_EXECUTE, EXIT_CONFIG, CannotStartError, is_passing
from batchctl.base.state_dir import StateDir, log_name, open_private
from batchctl.core import model
from batchctl.core.guard.plan import retry_delay
from batchctl.core.run import Attempt
from batchctl.core.text.masking import mask
from batchctl.engine import command
from batchctl.process import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from batchctl.core.attempt import Exit
    from batchctl.core.run import Run, StepRun
    from batchctl.engine.command import Surroundings
    from batchctl.engine.ports import Executor, Work

_AFTER_KILL = 0.05
"""Seconds between looks at a tree that was sent KILL: the kernel needs a moment, and a fork may have slipped by."""
_MOST_AFTER_KILL = 2.0
"""The same for a tree that goes on living: it hangs in the kernel, or belongs to another user, and needs no hurry."""

TRY_AGAIN = 0.2
"""Seconds after which what the machine refuses at the moment, for want of descriptors or memory, is tried again."""
_PATIENCE = 60.0
"""Seconds for which it may refuse to start an attempt, or to read its result, before that counts as its answer."""


class Active:
    """A step that is under way: being tried, being ended, or waiting for its next attempt."""

    def __init__(self, around: Surroundings, run: Run, step: StepRun, executor: Callable[[StepRun], Executor]) -> None:
        """Prepare; the first `advance` starts the first attempt."""
        self._around, self._run, self.step, self._executor = around, run, step, executor
        self._place = StateDir(around.state_dir)
        self._work: Work | None = None
        self._first_began = self._began = clock.monotonic()
        self.deadline: float | None = self._began
        self.ending = False
        self.done = False
        self._asked = False
        """Whether the tree was asked to end."""
        self._read_until: float | None = None
        """Until when the result of the attempt may be unreadable."""
        self._cause = ""
        self._next_kill = _AFTER_KILL / 2

    def advance(self, stopping: str | None) -> bool:
        """Do what is due now; say whether that is worth writing down.

        `stopping` is why nothing of the run is to go on (`cancelled`, `timed_out`), None while it is.

        Raises:
            OSError: if the machine refuses something at the moment; the next call goes on from there.
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
        elif not self._asked:
            self._ask(self._work)
        return False

    def _between_attempts(self, stopping: str | None) -> bool:
        if stopping is not None:
            if self._is_open():
                self.step.why = "could not be started before the run was stopped"
                self._close_attempt(stopping, None, None, stopping)
            else:
                self._finish_step()
        elif self.step.last is not None and not self._is_open() and self._is_last(self.step.last):
            self._finish_step()  # which did not succeed before
        elif self._is_due():
            self._try()
        else:
            return False
        return True

    def _is_due(self) -> bool:
        return self.deadline is not None and clock.monotonic() >= self.deadline

    def _is_open(self) -> bool:
        """Say whether an attempt is written down as running, started or not."""
        last = self.step.last
        return last is not None and last.status == model.RUNNING

    def _try(self) -> None:
        """Start an attempt; where the machine refuses it at the moment, the same one again a little later."""
        run, step, timeout = self._run, self.step, self.step.step.timeout
        if not self._is_open():
            self._open_attempt()
        attempt, now = step.attempts[-1], clock.monotonic()
        deadline = None if timeout is None else now + timeout
        try:
            self._work = self._executor(step).start(command.command(self._around, run, step, attempt))
        except CannotStartError as error:
            self._could_not_start(attempt, error)
        except (ValueError, KeyError) as error:
            self._could_not_start(attempt, CannotStartError(f"cannot be started: {error}", CANNOT_EXECUTE))
        except (OSError, ImportError) as error:
            self.deadline = now + TRY_AGAIN
            if not is_passing(error) or now > self._began + _PATIENCE:
                message = f"cannot be started: {error}"
                self._could_not_start(attempt, CannotStartError(message, CANNOT_EXECUTE))
        else:
            self.deadline = deadline
            attempt.pid, attempt.start_ticks = self._work.trace or (None, None)

    def _open_attempt(self) -> None:
        run, step = self._run, self.step
        number = len(step.attempts) + step.attempts_before + 1
        self._forget_result()
        self._began = clock.monotonic()
        self._cause, self.ending, self._asked, self._read_until = "", False, False, None
        attempt = Attempt(number, log_name(run.id, step.seq, number), clock.now())
        step.started_at = step.started_at or attempt.started_at
        step.status = model.RUNNING
        step.attempts.append(attempt)

    def _could_not_start(self, attempt: Attempt, error: CannotStartError) -> None:
        self.step.why = mask(str(error), self._around.secrets)
        try:
            with open(self._place.at(attempt.log), "ab", opener=open_private) as log:
                log.write(f"batchctl: {self.step.why}\n".encode())
        except OSError:
            pass
        self._close_attempt(model.FAILED, error.shell_code, None, None)

    def _begin_ending(self, cause: str) -> None:
        """Ask the whole tree to end; after the grace it is made to. Cause "": it ended but left processes."""
        grace = self.step.step.grace
        self.deadline = clock.monotonic() + (self._around.job.grace if grace is None else grace)
        self.ending, self._cause, self._next_kill = True, cause, _AFTER_KILL / 2
        if self._work is not None:
            self._ask(self._work)

    def _ask(self, work: Work) -> None:
        work.terminate()
        self._asked = True

    def _finish_attempt(self, ended: Exit, stopping: str | None) -> None:
        known = f"{ended.note}: " if ended.note else ""
        if self._cause:
            self.step.why = "timed out" if self._cause == model.TIMED_OUT else self._cause
            self._close_attempt(self._cause, ended.code, ended.signal, stopping)
        elif ended.signal is not None:
            self.step.why = f"{known}killed by {signals.name_of(ended.signal)}"
            self._close_attempt(model.FAILED, None, ended.signal, stopping)
        else:
            self.step.why = f"{known}exit code {ended.code}" if ended.code else ""
            self._close_attempt(model.FAILED if ended.code else model.SUCCEEDED, ended.code, None, stopping)

    def _close_attempt(self, status: str, exit_code: int | None, signal: int | None, stopping: str | None) -> None:
        spec, attempt = self.step.step, self.step.attempts[-1]
        # All that may fail comes first: what is done in here twice must not begin another attempt.
        result, now, ended_at = self._result(), clock.monotonic(), max(clock.now(), attempt.started_at)
        delay = retry_delay(spec.retry_delay, spec.retry_backoff, spec.retry_max_delay, attempt.number)
        if self._work is not None:
            attempt.cpu_s, attempt.max_rss_bytes = self._work.usage.cpu_s, self._work.usage.max_rss_bytes
        self.step.result = result
        attempt.exit_code, attempt.signal = exit_code, signal
        attempt.ended_at, attempt.duration, attempt.status = ended_at, now - self._began, status
        self._work, self.ending, self.deadline = None, False, now + delay
        if stopping is not None or self._is_last(attempt):
            self._finish_step()

    def _is_last(self, attempt: Attempt) -> bool:
        # A program that says its configuration is wrong says so the next time too.
        final = attempt.number > self.step.step.retries or attempt.exit_code == EXIT_CONFIG
        return final or attempt.status == model.SUCCEEDED

    def _result(self) -> dict[str, Any] | None:
        """Return what the attempt wrote as its result; OSError where that cannot be read yet."""
        try:
            return command.read_result(self._place.result(self._run.id, self.step.seq), self._around.secrets)
        except OSError:
            now = clock.monotonic()
            self._read_until = self._read_until or now + _PATIENCE
            if now < self._read_until:
                raise
        return None

    def _finish_step(self) -> None:
        step, last = self.step, self.step.last
        if last is not None:  # else the run was stopped before it could begin
            ended_at, duration = max(clock.now(), step.started_at or 0.0), clock.monotonic() - self._first_began
            step.status, step.ended_at, step.duration = last.status, ended_at, duration
        self.done = True

    def _forget_result(self) -> None:
        run_id, seq = self._run.id, self.step.seq
        for path in (self._place.result(run_id, seq), self._place.progress(run_id, seq)):
            try:
                os.unlink(path)
            except OSError:
                continue
