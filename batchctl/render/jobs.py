"""`batchctl jobs`: lists of jobs and presets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.render.config import job_as_json
from batchctl.render.tables import table
from batchctl.render.text import cell, console, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchctl.core.model import Job


def jobs_as_json(jobs: Iterable[Job]) -> dict[str, Any]:
    """Return what the list shows."""
    return {
        "jobs": [{"job": job.name, **_summary(job), "enabled": job.rules.enabled, "origin": job.origin} for job in jobs]
    }


def job_as_object(job: Job) -> dict[str, Any]:
    """Return one job in full; durations are seconds, secrets masked."""
    return {"job": job.name, "origin": job.origin, "timezone": job.timezone, **job_as_json(job)}


def presets_as_json(presets: Iterable[Job]) -> dict[str, Any]:
    """Return the presets with what they are for."""
    return {"presets": [{"preset": preset.name, **_summary(preset)} for preset in presets]}


def show_jobs(jobs: Iterable[Job]) -> None:
    """Print the jobs as a table."""
    rows = list(jobs)
    if not rows:
        console().print("No jobs are configured; `batchctl init` writes a configuration to start from.")
        return
    lines = table(["job", "schedule", "enabled", ">steps", "description"])
    for job in rows:
        enabled = cell("yes") if job.rules.enabled else cell("no", "yellow")
        lines.add_row(cell(job.name), cell(_when(job)), enabled, str(len(job.steps)), cell(job.description))
    console().print(lines)


def show_presets(presets: Iterable[Job]) -> None:
    """Print the presets as a table."""
    lines = table(["preset", "schedule", "steps", "description"])
    for preset in presets:
        steps = " ".join(step.id for step in preset.steps)
        lines.add_row(cell(preset.name), cell(_when(preset)), cell(steps), cell(preset.description))
    console().print(lines)


def _summary(job: Job) -> dict[str, Any]:
    return {
        "description": one_line(job.description),
        "schedule": job.schedule.text or None,
        "steps": [step.id for step in job.steps],
    }


def _when(job: Job) -> str:
    return job.schedule.text or "by hand"
