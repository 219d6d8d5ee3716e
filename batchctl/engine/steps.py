"""One step under way: tried, watched, ended with all it started, tried again.

The supervisor asks `Active.advance` whenever something may have changed: a child ended, a signal
came, a deadline is due.
"""

from __future__ import annotations

import os

from batchctl.base import clock
from batchctl.base.state_dir import StateDir, log_name, open_private
from batchctl.core import model
from batchctl.core.guard.plan import retry_delay
from batchctl.core.run import Attempt
from batchctl.core.text.masking import mask
from batchctl.engine import command
from batchctl.process import signals, spawn, tree
from batchctl.process.belonging import NOTHING, Belonging
from batchctl.process.capping import Cap
from batchctl.process.identity import read_stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.run import StepRun
    from batchctl.engine.supervise import Supervisor
    from batchctl.process.identity import Stat

_AFTER_KILL = 0.05
"""Seconds between looks at a tree that was sent KILL: the kernel needs a moment, and a fork may have slipped by."""
_MOST_AFTER_KILL = 2.0
"""The same for a tree that goes on living: it hangs in the kernel, or belongs to another user, and needs no hurry."""


class Active:
    """A step that is under way: being tried, being ended, or waiting for its next attempt."""

    def __init__(self, supervisor: Supervisor, step: StepRun) -> None:
        """Start the first attempt; `done` at once where that is the end of it."""
        self._supervisor, self._step = supervisor, step
        self._place = StateDir(supervisor.around.state_dir)
        self.pid: int | None = None
        self.deadline: float | None = None
        self.ending = False
        self.done = False
        self.cap: Cap | None = None
        self._belonging: Belonging
        self._cause = ""
        self._wait_status: int | None = None
        self._began = 0.0
        self._next_kill = _AFTER_KILL / 2
        step.started_at = clock.now()
        self._first_began = clock.monotonic()
        self._try()

    def advance(self, ended: dict[int, int], others: Sequence[int], *, childless: bool) -> None:
        """Do what is due now; `others` are the pids of the steps beside this one."""
        if self.pid is None:
            self._between_attempts()
            return
        if self.cap is not None:
            self.cap.apply()
        self._wait_status = ended.get(self.pid, self._wait_status)
        if self._wait_status is None:
            self._watch(others)
            return
        look = NOTHING if childless else self._belonging.look(others)
        if look.certain and not look.living:
            self._finish_attempt()
        elif not self.ending:
            # It ended and left processes behind.
            self._begin_ending("", look.living)
        elif self._is_due():
            self._kill(look.living, others)

    def _watch(self, others: Sequence[int]) -> None:
        """See whether a step whose first process lives has to be ended, or made to."""
        supervisor = self._supervisor
        if not self.ending:
            if supervisor.stopping:
                cause = model.TIMED_OUT if supervisor.out_of_time else model.CANCELLED
                self._begin_ending(cause, self._belonging.look(others).living)
            elif self._is_due():
                self._begin_ending(model.TIMED_OUT, self._belonging.look(others).living)
        elif self._is_due():
            self._kill(self._belonging.look(others).living, others)

    def _kill(self, living: Sequence[Stat], others: Sequence[int]) -> None:
        """Until nothing is left: what was born while others were killed is found now or the next time."""
        tree.kill(living)
        mine = self._belonging
        roots = (*others, *([] if self.pid is None else [self.pid]))
        born = tree.hunt_children(lambda stat: stat.pid not in others and mine.owns(stat, alone=not others), roots)
        self._next_kill = _AFTER_KILL if born else min(2 * self._next_kill, _MOST_AFTER_KILL)
        self.deadline = clock.monotonic() + self._next_kill

    def _between_attempts(self) -> None:
        if self._supervisor.stopping:
            self._finish_step()
        elif self._is_due():
            self._try()

    def _is_due(self) -> bool:
        return self.deadline is not None and clock.monotonic() >= self.deadline

    def _try(self) -> None:
        supervisor, step = self._supervisor, self._step
        number = len(step.attempts) + step.attempts_before + 1
        run = supervisor.run
        attempt = Attempt(number, log_name(run.id, step.seq, number), clock.now())
        step.attempts.append(attempt)
        step.status = model.RUNNING
        self._began = clock.monotonic()
        self._wait_status, self._cause, self.ending = None, "", False
        self._forget_result()
        try:
            self.pid = spawn.spawn(command.command(supervisor.around, run, step, number, attempt.log))
        except (spawn.CannotStartError, OSError) as error:
            self._could_not_start(attempt, error)
            return
        stat = read_stat(self.pid)
        self._belonging = Belonging(self.pid, (tree.mark_of(run.token), f"BATCHCTL_STEP={step.step.id}".encode()))
        attempt.pid, attempt.start_ticks = self.pid, None if stat is None else stat.start_ticks
        timeout = step.step.timeout
        self.deadline = None if timeout is None else self._began + timeout
        limit = step.step.log_max or supervisor.around.job.log_max
        self.cap = None if limit is None else Cap(self._place.at(attempt.log), limit)
        supervisor.journal.note(run)

    def _could_not_start(self, attempt: Attempt, error: Exception) -> None:
        code = error.shell_code if isinstance(error, spawn.CannotStartError) else spawn.CANNOT_EXECUTE
        self._step.why = mask(str(error), self._supervisor.around.secrets)
        try:
            with open(self._place.at(attempt.log), "ab", opener=open_private) as log:
                log.write(f"batchctl: {self._step.why}\n".encode())
        except OSError:
            pass
        self._close_attempt(model.FAILED, code, None)

    def _begin_ending(self, cause: str, living: Sequence[Stat]) -> None:
        """Ask the whole tree to end; after the grace it is made to. Cause "": it ended but left processes."""
        self.ending, self._cause, self._next_kill = True, cause, _AFTER_KILL / 2
        tree.terminate(living)
        grace = self._step.step.grace
        self.deadline = clock.monotonic() + (self._supervisor.around.job.grace if grace is None else grace)

    def _finish_attempt(self) -> None:
        code = os.waitstatus_to_exitcode(self._wait_status or 0)
        self.pid = None
        if self._cause:
            self._step.why = "timed out" if self._cause == model.TIMED_OUT else self._cause
            self._close_attempt(self._cause, None if code < 0 else code, -code if code < 0 else None)
        elif code < 0:
            self._step.why = f"killed by {signals.name_of(-code)}"
            self._close_attempt(model.FAILED, None, -code)
        else:
            self._step.why = f"exit code {code}" if code else ""
            self._close_attempt(model.FAILED if code else model.SUCCEEDED, code, None)

    def _close_attempt(self, status: str, exit_code: int | None, signal: int | None) -> None:
        supervisor, spec = self._supervisor, self._step.step
        attempt = self._step.attempts[-1]
        attempt.status, attempt.exit_code, attempt.signal = status, exit_code, signal
        attempt.ended_at, attempt.duration = max(clock.now(), attempt.started_at), clock.monotonic() - self._began
        path = self._place.result(supervisor.run.id, self._step.seq)
        self._step.result = command.read_result(path, supervisor.around.secrets)
        failures = attempt.number
        if status == model.SUCCEEDED or supervisor.stopping or failures > spec.retries:
            self._finish_step()
            return
        delay = retry_delay(spec.retry_delay, spec.retry_backoff, spec.retry_max_delay, failures)
        self.pid, self.ending, self.deadline = None, False, clock.monotonic() + delay
        supervisor.journal.note(supervisor.run)

    def _finish_step(self) -> None:
        step = self._step
        step.status = step.attempts[-1].status
        step.ended_at = max(clock.now(), step.started_at or 0.0)
        step.duration = clock.monotonic() - self._first_began
        self.done = True
        if any(other.status in {model.PENDING, model.RUNNING} for other in self._supervisor.run.steps):
            # After the last step the end of the run is written anyway, in the same breath.
            self._supervisor.journal.note(self._supervisor.run)

    def _forget_result(self) -> None:
        run_id, seq = self._supervisor.run.id, self._step.seq
        for path in (self._place.result(run_id, seq), self._place.progress(run_id, seq)):
            try:
                os.unlink(path)
            except OSError:
                continue
