"""Supervising the steps of one run: start, wait, time out, stop, retry, leave nothing behind.

One thread, one loop: it sleeps until a child ends, a signal comes or the next deadline is due, lets the executors look,
and then asks every step under way what is to be done (`Active.advance`). Deadlines count on the monotonic clock.
"""

from __future__ import annotations

import time

from batchctl.base import clock
from batchctl.base.errors import REFUSED
from batchctl.core import model, outcome
from batchctl.core.guard.plan import stages
from batchctl.engine.adapters import executor_of
from batchctl.engine.give_up import end_everything
from batchctl.engine.steps import TRY_AGAIN, Active
from batchctl.process import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
        self._hindered = False
        """Whether the machine refused something in this round, so that the next one must come soon."""
        self._active: list[Active] = []
        self._pending = [step for step in run.steps if step.status == model.PENDING]
        # Kept, and not looked for in all steps at each of them: a run may have thousands.
        self._left, self._failed, self._blocked = len(self._pending), False, False
        self._changed: dict[int, StepRun] = {}
        self._executors: dict[str | None, Executor] = {}

    def supervise(self, judge: Callable[[], None]) -> Exception | None:
        """Run all stages, and say in the run how it ended; to write that down is left to the caller.

        What the machine refuses at the moment (no descriptor, no memory, a disk that errs) is tried again until it is
        granted. Whatever else goes wrong in here ends all steps: the run has then failed, and the error is returned.
        `judge` is asked last; it may still change how the run ended.
        """
        try:
            for stage in stages(self._pending, self._around.job.groups):
                self._run_stage(stage)
                self._leave_out(stage.steps[0])
            insist(self._conclude)
            insist(judge)
        except Exception as error:  # noqa: BLE001 - whatever it is, no step may be left alone and no run without an end
            self._give_up(error)
            return error
        finally:
            self._show()
        return None

    @property
    def _stopping(self) -> str | None:
        """Why nothing more may be started: the job's budget, a stop signal, or another owner; None where it may."""
        if self._out_of_time:
            return model.TIMED_OUT
        return model.CANCELLED if self._wakeup.stopped_by is not None or self._journal.dispossessed else None

    def _may_start(self, step: StepRun) -> bool:
        if step.step.when == model.ON_SUCCESS:
            self._look_at_budget()
            return self._stopping is None and not self._blocked
        wanted = step.step.when == model.ALWAYS or self._failed or self._stopping is not None
        return wanted and self._must_end(step) is None

    def _leave_out(self, step: StepRun) -> None:
        """Skip what was to follow a failure, where none came."""
        idle = step.status == model.PENDING and step.step.when == model.ON_FAILURE
        if idle and not self._failed and self._stopping is None:
            step.status, step.why = model.SKIPPED, model.IDLE
            self._changed[step.seq] = step
            self._left -= 1

    def _must_end(self, step: StepRun) -> str | None:
        """Why a step must not go on; what follows a failure or a stop goes on until somebody insists."""
        if step.step.when == model.ON_SUCCESS:
            return self._stopping
        return model.CANCELLED if self._wakeup.stops > 1 or self._journal.dispossessed else None

    def _look_at_budget(self) -> None:
        self._out_of_time = self._out_of_time or (self._deadline is not None and clock.monotonic() >= self._deadline)

    def _run_stage(self, stage: Stage) -> None:
        waiting = list(reversed(stage.steps))
        while True:
            while waiting and len(self._active) < stage.limit and self._may_start(waiting[-1]):
                self._active.append(Active(self._around, self._run, waiting.pop(), self._executor))
                self._advance(self._active[-1:])  # it may be over at once, where it cannot be started
            self._note()
            if not self._active:
                return
            self._guarded(self._sleep, self._active)
            self._hindered = False
            if self._wakeup.hung_up and not self._run.why:
                self._run.why = _HUNG_UP
                self._journal.note(self._run, ())
            for executor in self._executors.values():
                self._guarded(executor.poll)
            if stage.steps[0].step.when == model.ON_SUCCESS:
                self._look_at_budget()  # which is not spent by what only cleans up
            self._advance(self._active)
            self._note()

    def _advance(self, ones: Sequence[Active]) -> None:
        """Let steps do what is due; remember what is worth writing down, and what has come to its end."""
        for one in ones:
            if self._guarded(one.advance, self._must_end(one.step)) or self._hindered:
                self._changed[one.step.seq] = one.step
        for one in ones:
            if one.done:
                self._left -= 1
                if one.step.status in model.UNFINISHED:
                    spec, self._failed = one.step.step, True
                    self._blocked |= spec.when == model.ON_SUCCESS and not spec.continue_on_failure
        self._active = [one for one in self._active if not one.done]

    def _guarded(self, act: Callable[..., object], *arguments: object) -> bool:
        """Do it, and say what it says; what the machine refuses is done by the next round, which comes soon."""
        try:
            return bool(act(*arguments))
        except REFUSED:
            self._hindered = True
            return False

    def _executor(self, step: StepRun) -> Executor:
        name = step.step.executor
        if name not in self._executors:
            self._executors[name] = executor_of(step.step, self._run, self._around.state_dir)
        return self._executors[name]

    def _note(self) -> None:
        """Write down the steps that have changed; after the last one the end is written anyway, in the same breath."""
        if self._changed and self._left:
            steps, self._changed = self._changed, {}
            self._guarded(self._journal.note, self._run, steps.values())

    def _sleep(self, active: Sequence[Active]) -> None:
        """Sleep until something can have changed; show the run in between where somebody watches."""
        if self._hindered:
            time.sleep(TRY_AGAIN)  # not on the wake-up pipe: it may be what errs
            return
        deadlines = [one.deadline for one in active if one.deadline is not None]
        if self._deadline is not None and not self._out_of_time and active[0].step.step.when == model.ON_SUCCESS:
            deadlines.append(self._deadline)
        waits = [min(deadlines) - clock.monotonic()] if deadlines else []
        waits += [executor.look_every for executor in self._executors.values() if executor.look_every is not None]
        self._show()
        if self._observer is not None:
            waits.append(self._observer.interval)
        if all(one.ending or self._must_end(one.step) is None for one in active):
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
        statuses = [step.status for step in _decisive(run)]
        run.status = outcome.run_status(statuses, timed_out=self._out_of_time, stopped_by=stopped_by)
        run.exit_code = outcome.exit_code(run.status, stopped_by=stopped_by)
        run.why = "; ".join(filter(None, (self._why(stopped_by), _HUNG_UP if self._wakeup.hung_up else "")))
        self._end_now()

    def _end_now(self) -> None:
        # Never before its start, though the clock may have been set back meanwhile; the duration does not depend on it.
        self._run.ended_at = max(clock.now(), self._run.started_at)
        self._run.duration = clock.monotonic() - self._around.began

    def _why(self, stopped_by: int | None) -> str:
        if stopped_by is not None:
            return f"stopped by {signals.name_of(stopped_by)}"
        if self._out_of_time:
            return "the job's timeout was exceeded"
        unfinished = [step for step in _decisive(self._run) if step.status in model.UNFINISHED]
        return "; ".join(f"step {step.step.id}: {step.why}" for step in unfinished)

    def _give_up(self, error: Exception) -> None:
        """End all that was started, and let the run have failed: it cannot be supervised any more."""
        run = self._run
        end_everything(self._executors.values(), self._around.job.grace)
        run.fail(f"internal error: {type(error).__name__}: {error}", clock.now())
        self._end_now()


def _decisive(run: Run) -> list[StepRun]:
    """Return the steps in the order in which they decide how a run ended: what only follows them comes last."""
    return sorted(run.steps, key=lambda step: step.step.when != model.ON_SUCCESS)


def insist(act: Callable[[], None]) -> None:
    """Do what comes after the steps; what the machine refuses at the moment is tried again for a while."""
    for _ in range(_TRIES):
        try:
            return act()
        except REFUSED:
            time.sleep(TRY_AGAIN)
    return act()


_HUNG_UP = "its terminal went away, and it went on"
_TRIES = 50
"""Ten seconds of them."""
_SHORT = 0.05
"""Seconds after which a wait counts as long: what ends sooner would only open the history again at once."""
