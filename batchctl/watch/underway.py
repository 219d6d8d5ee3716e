"""The run that is under way: its steps, what they say of their progress, and when all that lets expect its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.base.record import Record
from batchctl.base.said import said
from batchctl.base.state_dir import StateDir
from batchctl.core import model, statistics
from batchctl.core.guard.plan import stages
from batchctl.core.model import Step
from batchctl.core.run import StepRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.core.foresight.forecast import Prospect, Remaining
    from batchctl.core.guard.decide import Running
    from batchctl.core.model import Job
    from batchctl.store.history import History, RunRow, StepRow

_DONE = frozenset({model.SUCCEEDED, model.SKIPPED, model.BLOCKED, *model.UNFINISHED})


class Progress(Record):
    """What a step wrote to BATCHCTL_PROGRESS."""

    done: float
    total: float


class Current(Record):
    """The run that is running; instants are seconds since the epoch."""

    run: RunRow
    steps: Sequence[StepRow]
    step: StepRow | None
    """The first step that is running; None between two steps."""
    steps_done: int
    progress: Progress | None
    """What that step says of itself."""
    elapsed_s: float
    expected_end_at: float | None
    """None where nothing is known of how long such a run takes."""
    expected_end_span: tuple[float, float] | None
    """Between when and when four runs of five like this one end."""
    progresses: Mapping[int, Progress]
    """What every running step says of itself, by its place."""
    typical_s: Mapping[int, float]
    """The median of what each step took in earlier runs, by its place; nothing where none is known."""
    note: str | None
    """What is wrong with it, where something is: stale, or its owner is not provably alive."""


def current(job: Job, row: RunRow, running: Running, history: History, state_dir: str, now: float) -> Current:
    """Return the run of a running row whose owner is not proven gone."""
    age = max(0.0, now - row.started_at) if running.age is None else running.age
    look = _Look(job, row, history, StateDir(state_dir), age, now)
    left, steps = look.left(), look.steps
    step = next((step for step in steps if step.status == model.RUNNING), None)
    return Current(
        run=row,
        steps=steps,
        step=step,
        steps_done=sum(step.status in _DONE for step in steps),
        progress=None if step is None else look.progress[step.seq],
        elapsed_s=age,
        expected_end_at=None if left is None else now + left.expected,
        expected_end_span=None if left is None or not look.spread_known else (now + left.low, now + left.high),
        progresses={seq: progress for seq, progress in look.progress.items() if progress is not None},
        typical_s=look.typical(),
        note=_note(job, running, age),
    )


class _Look:
    """One look at a run: what has become of its steps so far, and how long they took in earlier runs."""

    def __init__(self, job: Job, row: RunRow, history: History, place: StateDir, age: float, now: float) -> None:
        self._job, self._history, self._age, self._now = job, history, age, now
        self.steps = history.steps([row.id]).get(row.id, [])
        running = [step.seq for step in self.steps if step.status == model.RUNNING]
        self.progress = {seq: _progress(place.progress(row.id, seq)) for seq in running}
        self.days = history.step_durations(job.name, statistics.TYPICAL_OF)
        self.spread_known = any(self.progress.values())
        """From a single day nobody can tell how much days differ."""

    def left(self) -> Remaining | None:
        """Return the seconds until the end, judged by the steps, or else by what whole runs take."""
        from batchctl.core.foresight.forecast import Prospect, remaining

        limit = None if self._job.timeout is None else max(0.0, self._job.timeout - self._age)
        days = self.days
        self.spread_known |= len(days) > 1
        found = remaining(self._prospects(days), limit) if self.steps else None
        if found is not None or any(step.left_out for step in self.steps):
            return found
        whole = self._history.durations(self._job.name, statistics.TYPICAL_OF)
        self.spread_known = len(whole) > 1
        return remaining([Prospect(stage=0, durations=whole, elapsed=self._age)], limit)

    def typical(self) -> dict[int, float]:
        """Return what each step usually takes, in seconds, as far as that is known."""
        took = {step.seq: [day[step.id] for day in self.days if step.id in day] for step in self.steps}
        known = {seq: statistics.typical(durations) for seq, durations in took.items()}
        return {seq: seconds for seq, seconds in known.items() if seconds is not None}

    def _prospects(self, days: Sequence[Mapping[str, float]]) -> list[Prospect]:
        planned = [StepRun(place, Step(id=step.id, group=step.group)) for place, step in enumerate(self.steps)]
        return [
            self._prospect(self.steps[one.seq], number, stage.limit, days)
            for number, stage in enumerate(stages(planned, self._job.groups))
            for one in stage.steps
        ]

    def _prospect(self, step: StepRow, stage: int, beside: int, days: Sequence[Mapping[str, float]]) -> Prospect:
        from batchctl.core.foresight.forecast import Prospect

        took = None
        if step.status in _DONE:
            took = (step.duration_s if step.status == model.SUCCEEDED else None) or 0.0
        begun = step.started_at if step.status == model.RUNNING else None
        progress = self.progress.get(step.seq)
        again = self._history.attempt_started(step.run_id, step.seq) if progress and step.attempts > 1 else None
        return Prospect(
            stage=stage,
            durations=[day.get(step.id) for day in days],
            took=took,
            elapsed=None if begun is None else min(self._age, max(0.0, self._now - begun)),
            share=None if progress is None else progress.done / progress.total,
            lost=0.0 if again is None or begun is None else max(0.0, again - begun),
            beside=beside,
        )


def _note(job: Job, running: Running, age: float) -> str | None:
    if job.rules.stale_after is not None and age > job.rules.stale_after:
        return said("stale")
    if running.owner == "dead":
        return said("lost its batchctl, but processes of its steps still live")
    return said("owner cannot be proven dead or alive") if running.owner == "unknown" else None


def _progress(path: str) -> Progress | None:
    """Return what the step wrote, `done/total`; None where it wrote nothing of that form."""
    try:
        # A step may have put anything in its place; a FIFO must not hang whoever looks.
        with open(path, encoding="ascii", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            done, _, total = file.read(64).partition("/")
        found = Progress(done=_number(done), total=_number(total))
    except (OSError, ValueError):
        return None
    # Not a number, negative or beyond the total is no progress anybody could read.
    return found if 0 <= found.done <= found.total < float("inf") and found.total else None


def _number(text: str) -> float:
    return int(text) if text.strip().isdigit() else float(text)
