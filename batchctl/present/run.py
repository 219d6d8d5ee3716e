"""`run` on a terminal and as JSON: the plan of a dry run, the live list of steps, the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import duration
from batchctl.base.said import recalled
from batchctl.core import model
from batchctl.core.time import zones
from batchctl.present.text import console, counted, format_duration, human, in_words, one_line, say, symbols, told

if TYPE_CHECKING:
    from rich.console import Group

    from batchctl.answers.run import Plan
    from batchctl.core.guard.decide import Decision
    from batchctl.core.model import Job
    from batchctl.core.run import Run, StepRun
    from batchctl.engine.fire import Outcome
    from batchctl.present import contract

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
    return decision.failed.detail(lambda instant: zones.human(instant, job.rules.zone), duration.format_duration)


def _told(job: Job, decision: Decision) -> str:
    """Return the same for whoever reads it here."""
    if decision.failed is None:
        return ""
    return decision.failed.detail(lambda instant: human(instant, job.rules.zone), format_duration, say)


def as_json(outcome: Outcome) -> contract.Run:
    """Return the contract's object for one fire."""
    job, run, failed = outcome.job, outcome.run, outcome.decision.failed
    zone = job.rules.zone
    return {
        "job": job.name,
        "verdict": "skipped" if run is None else "started",
        "reason": outcome.decision.reason,
        "detail": sentence(job, outcome.decision) or None,
        "until": None if failed is None else zones.iso(failed.until, zone),
        "run_id": None if run is None else run.id,
        "status": None if run is None else run.status,
        "exit_code": None if run is None or run.status == model.RUNNING else outcome.exit_code,
        "started_at": None if run is None else zones.iso(run.started_at, zone),
        "ended_at": None if run is None else zones.iso(run.ended_at, zone),
        "duration_s": None if run is None else run.duration,
        "steps": [] if run is None else [_step_as_json(step) for step in run.steps],
    }


def begun(outcome: Outcome, *, whole: bool) -> str:
    """Return what is said of a run that has just begun and goes on by itself: its id, or the contract's object."""
    from batchctl.present.text import json_text

    said = json_text(as_json(outcome)) if whole else "" if outcome.run is None else str(outcome.run.id)
    return f"{said}\n"


def _step_as_json(step: StepRun) -> contract.RunStep:
    last = step.last
    return {
        "id": step.step.id,
        "group": step.step.group,
        "status": step.status,
        "exit_code": None if last is None else last.exit_code,
        "signal": None if last is None else last.signal,
        "attempts": len(step.attempts) + step.attempts_before,
        "duration_s": step.duration,
        "cpu_s": step.cpu_s,
        "max_rss_bytes": step.max_rss_bytes,
        "why": step.why or None,
        "result": step.result,
    }


def dry_run(plan: Plan) -> str:
    """Return decision and plan in words."""
    job, decision = plan.job, plan.decision
    if decision.start:
        verdict = say("%s would start now", job.name)
        if decision.forced:
            verdict += say(" (forced past %s)", ", ".join(decision.forced))
    else:
        verdict = say("%s would be skipped now: %s (%s)", job.name, decision.reason, _told(job, decision))
    continued = [] if plan.resumes is None else [say("continues run %d", plan.resumes)]
    return "\n".join([verdict, *continued, "", say("plan:"), *(_planned(step, plan) for step in plan.steps)])


def _planned(run: StepRun, plan: Plan) -> str:
    step = run.step
    group = f" [{step.group}]" if step.group else ""
    if run.status == model.SKIPPED:
        return f"  - {step.id}{group}: {told(recalled(run.why))}"
    budget = say(", timeout %s", format_duration(step.timeout)) if step.timeout else ""
    retries = f", {counted(step.retries, 'retry', 'retries')}" if step.retries else ""
    before = counted(run.attempts_before, "attempt", "attempts")
    again = say(", again after %s", before) if run.attempts_before else ""
    when = say(_WHEN_TEXTS.get(step.when, ""))
    return f"  > {step.id}{group}: {one_line(plan.commands[run.seq])}{when}{budget}{retries}{again}"


_WHEN_TEXTS = {model.ALWAYS: ", whatever happens before it", model.ON_FAILURE: ", only after a failure or a stop"}


def dry_run_json(plan: Plan) -> contract.DryRun:
    """Return decision and plan as one object: the decision in the words of `explain`, steps with what each would do."""
    failed = plan.decision.failed
    return {
        "job": plan.job.name,
        "verdict": "start" if plan.decision.start else "skip",
        "reason": plan.decision.reason,
        "detail": sentence(plan.job, plan.decision) or None,
        "until": None if failed is None else zones.iso(failed.until, plan.job.rules.zone),
        "resumes": plan.resumes,
        "steps": [
            {
                "id": step.step.id,
                "group": step.step.group,
                "status": step.status,
                "why": step.why or None,
                "attempts": step.attempts_before,
                "when": step.step.when,
                "command": plan.commands[step.seq],
            }
            for step in plan.steps
        ],
    }


_COLUMN_HEADERS = ("step", "group", "status", "time", "")


def summary(outcome: Outcome) -> None:
    """Print how a fire ended: one line for a skip, the table of steps for a run."""
    out = console()
    job, run = outcome.job, outcome.run
    if run is None:
        out.print(say("%s skipped: %s", job.name, _told(job, outcome.decision)), markup=False, highlight=False)
        return
    out.print(_table(job, run))


def _table(job: Job, run: Run) -> Group:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    head = f"{job.name}  {say('run %d', run.id)}  {in_words(run.status)}{say(' in %s', format_duration(run.duration))}"
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in _COLUMN_HEADERS:
        table.add_column(say(column), overflow="fold" if column == "" else "ellipsis")
    for step in run.steps:
        status = Text(in_words(step.status), style=_STYLES.get(step.status, ""))
        took = "" if step.duration is None else format_duration(step.duration)
        said = Text(f" {symbols().dot} ".join(remarks(step)))
        table.add_row(Text(step.step.id), Text(step.step.group or ""), status, took, said)
    # Not the table's title, which would be folded to the table's width.
    return Group(Text(head), table)


def remarks(step: StepRun) -> list[str]:
    """Return what there is to say of a step: its attempts, why it ended so, what it reported."""
    parts = [say("attempt %d", len(step.attempts))] if len(step.attempts) > 1 else []
    if step.why:
        parts.append(one_line(told(recalled(step.why))))
    if step.result:
        parts += [f"{one_line(str(key))} {one_line(str(value))}" for key, value in step.result.items()]
    return parts
