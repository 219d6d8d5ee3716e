"""Supervising the steps of one run: start, wait, time out, stop, retry, leave nothing behind.

One thread, one loop: it sleeps until a child ends, a signal comes or the next deadline is due, and then asks every step
under way what is to be done (`Active.advance`). Deadlines count on the monotonic clock.
"""

from __future__ import annotations

from batchctl.base import clock
from batchctl.core import model, outcome
from batchctl.core.guard.plan import stages
from batchctl.engine import after_run
from batchctl.engine.steps import Active
from batchctl.process import signals, spawn, tree
from batchctl.process.capping import Cap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from batchctl.core.guard.plan import Stage
    from batchctl.core.run import Run, StepRun
    from batchctl.engine.command import Surroundings
    from batchctl.engine.journal import Journal
    from batchctl.process.reaper import Reaper

    class Observer(Protocol):
        """Something that shows a run while it goes on."""

        interval: float
        """Seconds between two looks."""

        def show(self, run: Run) -> None:
            """Show where the run stands; it must not raise."""
            ...


class Supervisor:
    """Executes the pending steps of one run; make it and call `execute` once."""

    def __init__(
        self, around: Surroundings, run: Run, journal: Journal, reaper: Reaper, observer: Observer | None = None
    ) -> None:
        """Keep what the run needs; signals go to the reaper already, so none can fall between row and run."""
        self.around, self.run, self.journal, self.reaper, self._observer = around, run, journal, reaper, observer
        self._began = around.began
        timeout = around.job.timeout
        self._deadline = None if timeout is None else self._began + timeout
        self.out_of_time = False
        self._inherited: tuple[int, ...] = ()
        """Children from before the run, of the shell that batchctl replaced with `exec`: no step's, never touched."""

    def execute(self) -> None:
        """Run all stages to their end and write down how it went."""
        try:
            spawn.keep_descriptors_private()
            tree.become_subreaper()
            self._inherited = self.reaper.children()
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
        waiting, active = list(stage.steps), list[Active]()
        while True:
            while waiting and len(active) < stage.limit and not self.stopping and not self._blocked(stage.steps):
                started = Active(self, waiting.pop(0))
                active += [] if started.done else [started]  # one that cannot be started is done at once
            if not active:
                return
            self._sleep(active)
            ended = self.reaper.collect()
            self.out_of_time = self.out_of_time or self._is_due(self._deadline)
            for one in active:
                others = [*self._inherited, *(other.pid for other in active if other is not one and other.pid)]
                one.advance(ended, others, childless=self.reaper.childless)
            active = [one for one in active if not one.done]

    def _is_due(self, deadline: float | None) -> bool:
        return deadline is not None and clock.monotonic() >= deadline

    def _sleep(self, active: Sequence[Active]) -> None:
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
        # Never before its start, though the clock may have been set back meanwhile; the duration does not depend on it.
        run.ended_at = max(clock.now(), run.started_at)
        run.duration = clock.monotonic() - self._began
        run.why = self._why(stopped_by)
        after_run.judge(run, self.around)
        self.journal.finish(run)
        self._show()

    def _why(self, stopped_by: int | None) -> str:
        if stopped_by is not None:
            return f"stopped by {signals.name_of(stopped_by)}"
        if self.out_of_time:
            return "the job's timeout was exceeded"
        unfinished = [step for step in self.run.steps if step.status in model.UNFINISHED]
        return f"step {unfinished[0].step.id}: {unfinished[0].why}" if unfinished else ""
