"""Supervising the steps of one run: start, wait, time out, stop, retry, leave nothing behind.

One thread, one loop: it sleeps until a child ends, a signal comes or the next deadline is due, lets the executors look,
and then asks every step under way what is to be done (`Active.advance`). Deadlines count on the monotonic clock.
"""

from __future__ import annotations

from batchctl.base import clock
from batchctl.core import model, outcome
from batchctl.core.guard.plan import stages
from batchctl.engine.adapters import executor_of
from batchctl.engine.steps import Active
from batchctl.process import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from batchctl.core.guard.plan import Stage
    from batchctl.core.run import Run, StepRun
    from batchctl.engine.command import Surroundings
    from batchctl.engine.journal import Journal
    from batchctl.engine.ports import Executor
    from batchctl.process.wakeup import Wakeup

    class Observer(Protocol):
        """Something that shows a run while it goes on."""

        interval: float
        """Seconds between two looks."""

        def show(self, run: Run) -> None:
            """Show where the run stands; it must not raise."""
            ...


class Supervisor:
    """Carries the pending steps of one run to their end; make it and call `supervise` once."""

    def __init__(
        self, around: Surroundings, run: Run, journal: Journal, wakeup: Wakeup, observer: Observer | None = None
    ) -> None:
        """Keep what the run needs; the wakeup hears signals already, so none can fall between row and run."""
        self._around, self._run, self._journal = around, run, journal
        self._wakeup, self._observer = wakeup, observer
        timeout = around.job.timeout
        self._deadline = None if timeout is None else around.began + timeout
        self._out_of_time = False
        self._executors: dict[str | None, Executor] = {}

    def supervise(self) -> None:
        """Run all stages, and say in the run how it ended; to write that down is left to the caller."""
        pending = [step for step in self._run.steps if step.status == model.PENDING]
        for stage in stages(pending, self._around.job.groups):
            if self._stopping is not None or _blocked(pending):
                break
            self._run_stage(stage)
        self._conclude()

    @property
    def _stopping(self) -> str | None:
        """Why nothing more may be started: the job's budget, a stop signal, or another owner; None where it may."""
        if self._out_of_time:
            return model.TIMED_OUT
        return model.CANCELLED if self._wakeup.stopped_by is not None or self._journal.dispossessed else None

    def _run_stage(self, stage: Stage) -> None:
        waiting, active = list(stage.steps), list[Active]()
        while True:
            started = False
            while waiting and len(active) < stage.limit and self._stopping is None and not _blocked(stage.steps):
                step = waiting.pop(0)
                one = Active(self._around, self._run, step, self._executor(step))
                active += [] if one.done else [one]  # one that cannot be started is done at once
                started = True
            if started:
                self._note()
            if not active:
                return
            self._sleep(active)
            if self._wakeup.hung_up and not self._run.why:
                self._run.why = _HUNG_UP
                self._note()
            for executor in self._executors.values():
                executor.poll()
            self._out_of_time = self._out_of_time or self._is_due(self._deadline)
            changes = [one.advance(self._stopping) for one in active]
            if any(changes):
                self._note()
            active = [one for one in active if not one.done]

    def _executor(self, step: StepRun) -> Executor:
        name = step.step.executor
        if name not in self._executors:
            self._executors[name] = executor_of(step.step, self._run, self._around.state_dir)
        return self._executors[name]

    def _note(self) -> None:
        if any(step.status in {model.PENDING, model.RUNNING} for step in self._run.steps):
            # After the last step the end of the run is written anyway, in the same breath.
            self._journal.note(self._run)

    def _is_due(self, deadline: float | None) -> bool:
        return deadline is not None and clock.monotonic() >= deadline

    def _sleep(self, active: Sequence[Active]) -> None:
        """Sleep until something can have changed; show the run in between where somebody watches."""
        deadlines = [one.deadline for one in active if one.deadline is not None]
        if self._deadline is not None and not self._out_of_time:
            deadlines.append(self._deadline)
        waits = [min(deadlines) - clock.monotonic()] if deadlines else []
        waits += [executor.look_every for executor in self._executors.values() if executor.look_every is not None]
        self._show()
        if self._observer is not None:
            waits.append(self._observer.interval)
        if self._stopping is None or all(one.ending for one in active):
            self._wait(min(waits, default=None))

    def _wait(self, seconds: float | None) -> None:
        """Wait; where it gets long, let go of the history: who copies or replaces it then finds it whole and closed."""
        if seconds is not None and seconds <= _SHORT:
            self._wakeup.wait(seconds)
        elif not self._wakeup.wait(_SHORT):
            self._journal.rest()
            self._wakeup.wait(None if seconds is None else seconds - _SHORT)

    def _show(self) -> None:
        try:
            if self._observer is not None:
                self._observer.show(self._run)
        except Exception:  # noqa: BLE001 - a terminal that went away must not cost a batch of 26 hours
            self._observer = None

    def _conclude(self) -> None:
        run, stopped_by = self._run, self._wakeup.stopped_by
        for step in run.steps:
            if step.status == model.PENDING:
                step.status = model.BLOCKED
        statuses = [step.status for step in run.steps]
        run.status = outcome.run_status(statuses, timed_out=self._out_of_time, stopped_by=stopped_by)
        run.exit_code = outcome.exit_code(run.status, stopped_by=stopped_by)
        # Never before its start, though the clock may have been set back meanwhile; the duration does not depend on it.
        run.ended_at = max(clock.now(), run.started_at)
        run.duration = clock.monotonic() - self._around.began
        run.why = "; ".join(filter(None, (self._why(stopped_by), _HUNG_UP if self._wakeup.hung_up else "")))
        self._show()

    def _why(self, stopped_by: int | None) -> str:
        if stopped_by is not None:
            return f"stopped by {signals.name_of(stopped_by)}"
        if self._out_of_time:
            return "the job's timeout was exceeded"
        unfinished = [step for step in self._run.steps if step.status in model.UNFINISHED]
        return "; ".join(f"step {step.step.id}: {step.why}" for step in unfinished)


_HUNG_UP = "its terminal went away, and it went on"

_SHORT = 0.05
"""Seconds after which a wait counts as long: what ends sooner would only open the history again at once."""


def _blocked(steps: Iterable[StepRun]) -> bool:
    return any(step.status in model.UNFINISHED and not step.step.continue_on_failure for step in steps)
