"""`run` on a terminal and as JSON: the plan of a dry run, the live list of steps, the summary."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from batchctl import clock
from batchctl.core import decide, model
from batchctl.duration import format_duration
from batchctl.render.text import console, one_line, symbols

if TYPE_CHECKING:
    from rich.table import Table

    from batchctl.core.decide import Decision, State
    from batchctl.core.model import Job
    from batchctl.core.run import Run, StepRun
    from batchctl.runner import Outcome, Request

_STYLES = {
    model.SUCCEEDED: "green",
    model.FAILED: "bold red",
    model.TIMED_OUT: "bold red",
    model.CANCELLED: "yellow",
    model.RUNNING: "bold cyan",
    model.BLOCKED: "dim",
    model.SKIPPED: "dim",
    model.PENDING: "dim",
}


def sentence(job: Job, decision: Decision) -> str:
    """Return the verdict's sentence; empty for a start."""
    if decision.failed is None:
        return ""
    return decision.failed.detail(lambda instant: clock.human(instant, job.rules.zone), format_duration)


def as_json(outcome: Outcome) -> str:
    """Return the contract's object for one fire."""
    job, run, failed = outcome.job, outcome.run, outcome.decision.failed
    zone = job.rules.zone
    skipped: dict[str, Any] = {
        "job": job.name,
        "verdict": "skipped" if run is None else "started",
        "reason": outcome.decision.reason,
        "detail": sentence(job, outcome.decision) or None,
        "until": None if failed is None else clock.iso(failed.until, zone),
    }
    started = {
        "run_id": None if run is None else run.id,
        "status": None if run is None else run.status,
        "exit_code": None if run is None else outcome.exit_code,
        "started_at": None if run is None else clock.iso(run.started_at, zone),
        "ended_at": None if run is None else clock.iso(run.ended_at, zone),
        "duration_s": None if run is None else run.duration,
        "steps": [] if run is None else [_step_as_json(step) for step in run.steps],
    }
    return json.dumps(skipped | started, ensure_ascii=False)


def _step_as_json(step: StepRun) -> dict[str, Any]:
    last = step.last
    return {
        "id": step.step.id,
        "group": step.step.group,
        "status": step.status,
        "exit_code": None if last is None else last.exit_code,
        "signal": None if last is None else last.signal,
        "attempts": len(step.attempts) + step.attempts_before,
        "duration_s": step.duration,
        "result": step.result,
    }


def dry_run(job: Job, state: State, steps: list[StepRun], request: Request) -> str:
    """Return decision and plan in words."""
    decision = decide.decide(clock.now(), state, job.rules, force=request.force)
    if decision.start:
        verdict = f"{job.name} would start now"
        if decision.forced:
            verdict += f" (forced past {', '.join(decision.forced)})"
    else:
        verdict = f"{job.name} would be skipped now: {decision.reason} ({sentence(job, decision)})"
    return "\n".join([verdict, "", "plan:", *(_planned(step) for step in steps)])


def _planned(run: StepRun) -> str:
    step = run.step
    group = f" [{step.group}]" if step.group else ""
    if run.status == model.SKIPPED:
        return f"  - {step.id}{group}: {run.why}"
    what = step.run or step.function or " ".join(step.argv or ())
    budget = f", timeout {format_duration(step.timeout)}" if step.timeout else ""
    retries = f", {step.retries} retries" if step.retries else ""
    again = f", again after {run.attempts_before} attempts" if run.attempts_before else ""
    return f"  > {step.id}{group}: {one_line(what)}{budget}{retries}{again}"


def live(job: Job) -> Live:
    """Return the observer that draws the steps of a run on the terminal while it goes on."""
    return Live(job)


class Live:
    """The live list of steps: status, elapsed time, progress."""

    interval = 0.5

    def __init__(self, job: Job) -> None:
        """Prepare to draw; nothing is shown before the run starts."""
        from rich.live import Live as RichLive

        self._job = job
        self._live = RichLive(console=console(), auto_refresh=False, transient=True)
        self._open = False

    def show(self, run: Run) -> None:
        """Draw where the run stands; the picture goes when the run has ended, and the summary takes its place."""
        if not self._open:
            self._live.start()
            self._open = True
        if run.status == model.RUNNING:
            self._live.update(_table(self._job, run), refresh=True)
        else:
            self._live.stop()


def summary(outcome: Outcome) -> None:
    """Print how a fire ended: one line for a skip, the table of steps for a run."""
    out = console()
    job, run = outcome.job, outcome.run
    if run is None:
        out.print(f"{job.name} skipped: {sentence(job, outcome.decision)}", markup=False, highlight=False)
        return
    out.print(_table(job, run))


def _table(job: Job, run: Run) -> Table:
    from rich.table import Table
    from rich.text import Text

    head = f"{job.name}  run {run.id}  {run.status}"
    if run.status == model.RUNNING:
        head += f"  {format_duration(max(0.0, time.time() - run.started_at))}"
    else:
        head += f" in {format_duration(run.duration)}"
    table = Table(title=Text(head), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("step", "group", "status", "time", ""):
        table.add_column(column, overflow="fold" if column == "" else "ellipsis")
    for step in run.steps:
        status = Text(step.status.replace("_", " "), style=_STYLES.get(step.status, ""))
        table.add_row(Text(step.step.id), Text(step.step.group or ""), status, _elapsed(step), Text(_remark(step)))
    return table


def _elapsed(step: StepRun) -> str:
    if step.status == model.RUNNING and step.started_at is not None:
        return format_duration(max(0.0, time.time() - step.started_at))
    return "" if step.duration is None else format_duration(step.duration)


def _remark(step: StepRun) -> str:
    parts = [f"attempt {len(step.attempts)}"] if len(step.attempts) > 1 else []
    if step.why:
        parts.append(one_line(step.why))
    if step.result:
        parts += [f"{one_line(str(key))} {one_line(str(value))}" for key, value in step.result.items()]
    return f" {symbols().dot} ".join(parts)
