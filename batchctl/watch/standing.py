"""Where each job stands at this moment: history, machine and preview put together, for the commands that show it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.base.record import Record, replace
from batchctl.base.state_dir import StateDir
from batchctl.core import model, statistics
from batchctl.core.foresight.forecast import Prospect, remaining
from batchctl.core.foresight.preview import assumed_end, preview
from batchctl.core.foresight.simulate import settled
from batchctl.core.guard import decide
from batchctl.core.guard.plan import stages
from batchctl.core.run import StepRun
from batchctl.engine.fire import state_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from batchctl.core.foresight.simulate import SimulatedFire
    from batchctl.core.guard.decide import Running, State
    from batchctl.core.model import Job
    from batchctl.store.history import History, RunRow, StepRow

    Standing = Literal["idle", "running", "paused", "disabled"]

RATE_WINDOW = 30 * 86400.0
"""Seconds over which the success rate counts."""
_FIRES = 3
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
    elapsed_s: float
    expected_end_at: float | None
    expected_end_span: tuple[float, float] | None
    """Between when and when four runs of five like this one end; None where the steps have no history."""
    note: str | None
    """What is wrong with it, where something is: stale, or its owner is not provably alive."""


class JobStatus(Record):
    """One job as `batchctl status` shows it."""

    job: Job
    state: Standing
    paused_until: float | None
    current: Current | None
    last_run: RunRow | None
    next_fires: Sequence[SimulatedFire]
    skips_since_last_start: int
    success_rate: float | None
    consecutive_failures: int


def job_status(job: Job, history: History, state_dir: str, now: float) -> JobStatus:
    """Return where a job stands.

    Raises:
        StateError: if the state cannot be trusted.
    """
    state = state_of(job, state_dir)
    typical = statistics.typical(history.durations(job.name, statistics.TYPICAL_OF))
    state = with_expected_end(state, typical)
    row = None if state.running is None else history.run(state.running.run_id)
    current, lost = None, None
    if state.running is not None and row is not None:
        if decide.is_lost(state.running):
            lost = row._replace(status=model.LOST)
        else:
            current = _forecast(job, _current(job, row, state.running, history, state_dir, now), history, now)
            state = replace(state, running=replace(state.running, expected_end=current.expected_end_at))
    failed = {check.name for check in decide.checks(now, state, job.rules) if not check.passed}
    return JobStatus(
        job=job,
        state=_standing(failed, current),
        paused_until=state.paused.until if state.paused is not None and decide.PAUSED in failed else None,
        current=current,
        last_run=lost or history.last_run(job.name),
        next_fires=preview(job, state, now, duration=typical, count=_FIRES),
        skips_since_last_start=history.skips_since_last_start(job.name),
        success_rate=history.success_rate(job.name, now - RATE_WINDOW),
        consecutive_failures=history.consecutive_failures(job.name) + (lost is not None),
    )


def with_expected_end(state: State, typical: float | None) -> State:
    """Return the state with the running run's expected end: its start and the typical duration."""
    running = state.running
    if running is None or typical is None:
        return state
    return replace(state, running=replace(running, expected_end=running.started_at + typical))


def _standing(failed: set[str], current: Current | None) -> Standing:
    if current is not None:
        return "running"
    if decide.PAUSED in failed:
        return "paused"
    return "disabled" if decide.DISABLED in failed else "idle"


def _current(job: Job, row: RunRow, running: Running, history: History, state_dir: str, now: float) -> Current:
    steps = history.steps([row.id]).get(row.id, [])
    step = next((step for step in steps if step.status == model.RUNNING), None)
    elapsed = max(0.0, now - row.started_at) if running.age is None else running.age
    return Current(
        run=row,
        steps=steps,
        step=step,
        steps_done=sum(step.status in _DONE for step in steps),
        progress=None if step is None else _progress(StateDir(state_dir).progress(row.id, step.seq)),
        elapsed_s=elapsed,
        expected_end_at=running.expected_end,
        expected_end_span=None,
        note=_note(job, running, elapsed),
    )


def _forecast(job: Job, current: Current, history: History, now: float) -> Current:
    """Return the current run with the end that the history of its steps lets expect, where it lets expect any."""
    took = history.step_durations(job.name, statistics.TYPICAL_OF)
    stage_of = {
        step.seq: number
        for number, stage in enumerate(
            stages([StepRun(seq, step) for seq, step in enumerate(job.steps, 1)], job.groups)
        )
        for step in stage.steps
    }
    progress = current.progress
    share = None if progress is None else progress.done / progress.total
    left = remaining(
        [
            Prospect(
                stage=stage_of.get(step.seq, step.seq),
                durations=tuple(took.get(step.id, ())),
                elapsed=None if step.started_at is None else max(0.0, now - step.started_at),
                share=share if step is current.step else None,
            )
            for step in current.steps
            if step.status not in _DONE
        ]
    )
    if left is None:
        return current
    return replace(current, expected_end_at=now + left.expected, expected_end_span=(now + left.low, now + left.high))


def _note(job: Job, running: Running, age: float) -> str | None:
    if job.rules.stale_after is not None and age > job.rules.stale_after:
        return "stale"
    if running.owner == "dead":
        return "lost its batchctl, but processes of its steps still live"
    return "owner cannot be proven dead or alive" if running.owner == "unknown" else None


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


def state_at(job: Job, state: State, typical: float | None, now: float, at: float) -> tuple[State, Running | None]:
    """Return the state as it will be at an instant, and the run that is assumed to have ended by then.

    What is known is the state of now; an instant in the past is judged by it too. Only the job's own run is carried
    forward: it is assumed to succeed when it is expected to end (`expected_end` of what is returned).
    """
    if at <= now or (state.running is not None and decide.is_lost(state.running)):
        return state, None
    state = replace(settled(state, now), lock_held=False)
    if state.running is None:
        return state, None
    running = replace(state.running, expected_end=assumed_end(job, state.running, typical, now))
    if running.expected_end is None or running.expected_end > at:
        return replace(state, running=running), None
    ended = replace(state, running=None, last_start=running.started_at, last_end=running.expected_end)
    return ended, running
