"""Supervising the steps of one run: start, wait, time out, stop, retry, leave nothing behind.

One thread, one loop: it sleeps until a child ends, a signal comes or the next deadline is due, and then asks every step
under way what is to be done (`_Active.advance`). Deadlines count on the monotonic clock.
"""

from __future__ import annotations

import os

from batchctl import clock, launch
from batchctl.core import model, outcome
from batchctl.core.masking import mask, masked
from batchctl.core.plan import retry_delay, stages
from batchctl.core.run import Attempt
from batchctl.process import spawn, tree
from batchctl.process.capping import Cap
from batchctl.process.identity import read_stat
from batchctl.process.reaper import Reaper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Protocol

    from batchctl.core.plan import Stage
    from batchctl.core.run import Run, StepRun
    from batchctl.journal import Journal
    from batchctl.launch import Surroundings
    from batchctl.process.identity import Stat

    class Observer(Protocol):
        """Something that shows a run while it goes on."""

        interval: float
        """Seconds between two looks."""

        def show(self, run: Run) -> None:
            """Show where the run stands; it must not raise."""
            ...


_AFTER_KILL = 0.05
"""Seconds between looks at a tree that was sent KILL: the kernel needs a moment, and a fork may have slipped by."""

_RESULT_LIMIT = 1024 * 1024


class Supervisor:
    """Executes the pending steps of one run; make it and call `execute` once."""

    def __init__(self, around: Surroundings, run: Run, journal: Journal, observer: Observer | None = None) -> None:
        """Keep what the run needs; from here on signals and orphans come to this process."""
        self.around, self.run, self.journal, self._observer = around, run, journal, observer
        self.reaper = Reaper()
        self._began = around.began
        timeout = around.job.timeout
        self._deadline = None if timeout is None else self._began + timeout
        self.out_of_time = False

    def execute(self) -> None:
        """Run all stages to their end and write down how it went."""
        spawn.keep_descriptors_private()
        tree.become_subreaper()
        try:
            pending = [step for step in self.run.steps if step.status == model.PENDING]
            for stage in stages(pending, self.around.job.groups):
                if self.stopping or self._blocked(pending):
                    break
                self._run_stage(stage)
            self._conclude()
        finally:
            self.reaper.close()

    @property
    def stopping(self) -> bool:
        """Whether nothing more may be started: a stop signal, the job's budget, or another owner."""
        return self.reaper.stopped_by is not None or self.out_of_time or self.journal.dispossessed

    def _blocked(self, steps: Iterable[StepRun]) -> bool:
        return any(step.status in model.UNFINISHED and not step.step.continue_on_failure for step in steps)

    def _run_stage(self, stage: Stage) -> None:
        waiting, active = list(stage.steps), list[_Active]()
        while True:
            while waiting and len(active) < stage.limit and not self.stopping and not self._blocked(stage.steps):
                started = _Active(self, waiting.pop(0))
                active += [] if started.done else [started]  # one that cannot be started is done at once
            if not active:
                return
            self._sleep(active)
            ended = self.reaper.collect()
            self.out_of_time = self.out_of_time or self._is_due(self._deadline)
            for one in active:
                others = [other.pid for other in active if other is not one and other.pid]
                one.advance(ended, others, childless=self.reaper.childless)
            active = [one for one in active if not one.done]

    def _is_due(self, deadline: float | None) -> bool:
        return deadline is not None and clock.monotonic() >= deadline

    def _sleep(self, active: Sequence[_Active]) -> None:
        """Sleep until something can have changed; show the run in between where somebody watches."""
        deadlines = [one.deadline for one in active if one.deadline is not None]
        deadlines += [clock.monotonic() + Cap.LOOK_EVERY for one in active if one.cap is not None]
        if self._deadline is not None and not self.out_of_time:
            deadlines.append(self._deadline)
        left = min(deadlines) - clock.monotonic() if deadlines else None
        self._show()
        if self._observer is not None:
            left = self._observer.interval if left is None else min(left, self._observer.interval)
        if not self.stopping or all(one.ending for one in active):
            self.reaper.wait(left)

    def _show(self) -> None:
        try:
            if self._observer is not None:
                self._observer.show(self.run)
        except Exception:  # noqa: BLE001 - a terminal that went away must not cost a batch of 26 hours
            self._observer = None

    def _conclude(self) -> None:
        run, stopped_by = self.run, self.reaper.stopped_by
        for step in run.steps:
            if step.status == model.PENDING:
                step.status = model.BLOCKED
        statuses = [step.status for step in run.steps]
        run.status = outcome.run_status(statuses, timed_out=self.out_of_time, stopped_by=stopped_by)
        run.exit_code = outcome.exit_code(run.status, stopped_by=stopped_by)
        run.ended_at = clock.now()
        run.duration = clock.monotonic() - self._began
        run.why = self._why(stopped_by)
        self.journal.finish(run)
        self._show()

    def _why(self, stopped_by: int | None) -> str:
        if stopped_by is not None:
            return f"stopped by {signal_name(stopped_by)}"
        if self.out_of_time:
            return "the job's timeout was exceeded"
        unfinished = [step for step in self.run.steps if step.status in model.UNFINISHED]
        return f"step {unfinished[0].step.id}: {unfinished[0].why}" if unfinished else ""


class _Active:
    """A step that is under way: being tried, being ended, or waiting for its next attempt."""

    def __init__(self, supervisor: Supervisor, step: StepRun) -> None:
        self._supervisor, self._step = supervisor, step
        self.pid: int | None = None
        self.deadline: float | None = None
        self.ending = False
        self.done = False
        self.cap: Cap | None = None
        self._cause = ""
        self._wait_status: int | None = None
        self._began = 0.0
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
        if not self.ending:
            self._perhaps_begin_ending(others, childless=childless)
        if self._wait_status is not None and (childless or not self._tree(others)):
            self._finish_attempt()
        elif self.ending and self._is_due():
            # Until nothing is left: what forks while it is being killed is found the next time.
            tree.send_all(self._tree(others), _KILL)
            self.deadline = clock.monotonic() + _AFTER_KILL

    def _between_attempts(self) -> None:
        if self._supervisor.stopping:
            self._finish_step()
        elif self._is_due():
            self._try()

    def _perhaps_begin_ending(self, others: Sequence[int], *, childless: bool) -> None:
        supervisor = self._supervisor
        if self._wait_status is not None:
            if not childless:
                self._begin_ending("", others)
        elif supervisor.stopping:
            self._begin_ending(model.TIMED_OUT if supervisor.out_of_time else model.CANCELLED, others)
        elif self._is_due():
            self._begin_ending(model.TIMED_OUT, others)

    def _is_due(self) -> bool:
        return self.deadline is not None and clock.monotonic() >= self.deadline

    def _try(self) -> None:
        supervisor, step = self._supervisor, self._step
        number = len(step.attempts) + step.attempts_before + 1
        run = supervisor.run
        attempt = Attempt(number, f"runs/{run.id}/{step.seq}-{number}.log", clock.now())
        step.attempts.append(attempt)
        step.status = model.RUNNING
        self._began = clock.monotonic()
        self._wait_status, self._cause, self.ending = None, "", False
        self._forget_result()
        try:
            self.pid = spawn.spawn(launch.command(supervisor.around, run, step, number, attempt.log))
        except (spawn.CannotStartError, OSError) as error:
            self._could_not_start(attempt, error)
            return
        stat = read_stat(self.pid)
        attempt.pid, attempt.start_ticks = self.pid, None if stat is None else stat.start_ticks
        timeout = step.step.timeout
        self.deadline = None if timeout is None else self._began + timeout
        limit = step.step.log_max or supervisor.around.job.log_max
        self.cap = None if limit is None else Cap(f"{supervisor.around.state_dir}/{attempt.log}", limit)
        supervisor.journal.note(run)

    def _could_not_start(self, attempt: Attempt, error: Exception) -> None:
        code = error.shell_code if isinstance(error, spawn.CannotStartError) else spawn.CANNOT_EXECUTE
        self._step.why = mask(str(error), self._supervisor.around.secrets)
        try:
            path = f"{self._supervisor.around.state_dir}/{attempt.log}"
            with open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600)) as log:
                log.write(f"batchctl: {self._step.why}\n".encode())
        except OSError:
            pass
        self._close_attempt(model.FAILED, code, None)

    def _begin_ending(self, cause: str, others: Sequence[int]) -> None:
        """Ask the whole tree to end; after the grace it is made to. Cause "": it ended but left processes."""
        self.ending, self._cause = True, cause
        tree.send_all(self._tree(others), _TERM)
        tree.send_all(self._tree(others), _CONT)  # a stopped process takes no TERM
        grace = self._step.step.grace
        self.deadline = clock.monotonic() + (self._supervisor.around.job.grace if grace is None else grace)

    def _tree(self, others: Sequence[int]) -> list[Stat]:
        """Return the living processes of this step; beside parallel steps orphans are told apart by session and mark."""
        everything = tree.below(os.getpid(), besides=others)
        if not others:
            return everything
        mine = {self.pid}
        mark = f"BATCHCTL_STEP={self._step.step.id}".encode()
        for stat in everything:
            if stat.parent in mine or stat.session == self.pid or tree.carries(stat.pid, mark):
                mine.add(stat.pid)
        return [stat for stat in everything if stat.pid in mine]

    def _finish_attempt(self) -> None:
        code = os.waitstatus_to_exitcode(self._wait_status or 0)
        self.pid = None
        if self._cause:
            self._step.why = "timed out" if self._cause == model.TIMED_OUT else self._cause
            self._close_attempt(self._cause, None if code < 0 else code, -code if code < 0 else None)
        elif code < 0:
            self._step.why = f"killed by {signal_name(-code)}"
            self._close_attempt(model.FAILED, None, -code)
        else:
            self._step.why = f"exit code {code}" if code else ""
            self._close_attempt(model.FAILED if code else model.SUCCEEDED, code, None)

    def _close_attempt(self, status: str, exit_code: int | None, signal: int | None) -> None:
        supervisor, spec = self._supervisor, self._step.step
        attempt = self._step.attempts[-1]
        attempt.status, attempt.exit_code, attempt.signal = status, exit_code, signal
        attempt.ended_at, attempt.duration = clock.now(), clock.monotonic() - self._began
        self._step.result = self._read_result()
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
        step.ended_at, step.duration = clock.now(), clock.monotonic() - self._first_began
        self.done = True
        if any(other.status == model.PENDING for other in self._supervisor.run.steps):
            # After the last step the end of the run is written anyway, in the same breath.
            self._supervisor.journal.note(self._supervisor.run)

    def _forget_result(self) -> None:
        for name in launch.files_of(self._supervisor.run, self._step):
            try:
                os.unlink(f"{self._supervisor.around.state_dir}/{name}")
            except OSError:
                continue

    def _read_result(self) -> dict[str, Any] | None:
        path = f"{self._supervisor.around.state_dir}/{launch.files_of(self._supervisor.run, self._step)[0]}"
        try:
            with open(path, "rb") as file:
                content = file.read(_RESULT_LIMIT + 1)
        except OSError:
            return None
        import json

        try:
            value = json.loads(content) if len(content) <= _RESULT_LIMIT else None
        except ValueError:
            return None
        return masked(value, self._supervisor.around.secrets) if isinstance(value, dict) else None


_TERM, _KILL, _CONT = 15, 9, 18


def signal_name(number: int) -> str:
    """Return SIGTERM for 15; a number without a name stays a number."""
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
