"""`batchctl jobs`: lists of jobs and presets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.present.config import job_as_json
from batchctl.present.tables import table
from batchctl.present.text import cell, console, harmless, one_line

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from rich.text import Text

    from batchctl.config.edit.jobfiles import Done
    from batchctl.core.model import Job
    from batchctl.crontab.adopt import Found


def jobs_as_json(jobs: Iterable[Job], done: Container[str]) -> dict[str, Any]:
    """Return what the list shows; `done` are the jobs that were to start once and have, null for any other."""
    return {
        "jobs": [
            {
                "job": job.name,
                **_summary(job),
                "kind": job.kind,
                "enabled": job.rules.enabled,
                "done": None if job.rules.at is None else job.name in done,
                "origin": job.origin,
            }
            for job in jobs
        ]
    }


def done_as_json(done: Done) -> dict[str, Any]:
    """Return what was written."""
    return {
        "jobs": list(done.jobs),
        "files": list(done.files),
        "created": done.created,
        "skipped": list(done.skipped),
    }


def job_as_object(job: Job) -> dict[str, Any]:
    """Return one job in full; durations are seconds, secrets masked."""
    return {"job": job.name, "origin": job.origin, "timezone": job.timezone, **job_as_json(job)}


def presets_as_json(presets: Iterable[Job]) -> dict[str, Any]:
    """Return the presets with what they are for."""
    return {"presets": [{"preset": preset.name, **_summary(preset)} for preset in presets]}


def show_jobs(jobs: Iterable[Job], done: Container[str], kind: str | None = None) -> None:
    """Print the jobs as a table; the column of kinds only where a job has one."""
    rows = list(jobs)
    if not rows:
        nothing = "No jobs are configured; `batchctl init` writes a configuration to start from."
        console().print(nothing if kind is None else f"No job is of the kind {kind}.")
        return
    has_kinds = any(job.kind for job in rows)
    lines = table(["job", *(["kind"] if has_kinds else []), "schedule", "enabled", ">steps", "description"])
    for job in rows:
        kinds = [cell(job.kind or "")] if has_kinds else []
        enabled = _enabled(job, is_done=job.name in done)
        lines.add_row(cell(job.name), *kinds, cell(_when(job)), enabled, str(len(job.steps)), cell(job.description))
    console().print(lines)


def proposals_as_json(found: Found, texts: Mapping[str, str], written: Iterable[str]) -> dict[str, Any]:
    """Return what a crontab's lines would be as jobs; `texts` are the files by job, `written` those that were."""
    return {
        "jobs": [
            {
                "line": made.line,
                "text": made.text,
                "job": made.name,
                "schedule": made.table["schedule"],
                "toml": texts[made.name],
                "notes": list(made.notes),
                "complete": made.complete,
            }
            for made in found.proposals
        ],
        "left_out": [{"line": left.line, "text": left.text, "reason": left.reason} for left in found.left_out],
        "notes": list(found.notes),
        "written": list(written),
    }


def proposal_lines(found: Found, texts: Mapping[str, str]) -> Iterator[str]:
    """Yield line by line what a crontab's lines would be as jobs, and which cannot be any."""
    for made in found.proposals:
        yield harmless(f"line {made.line}: {made.text}")
        yield harmless(f"  jobs.d/{made.name}.toml")
        lines = texts[made.name].rstrip("\n").split("\n")
        yield from (harmless(f"    {line}") for line in lines if not line.startswith("#"))
        yield from (harmless(f"  note: {note}") for note in made.notes)
        yield ""
    for left in found.left_out:
        yield harmless(f"line {left.line}: {left.text}")
        yield harmless(f"  not imported: {left.reason}")
        yield ""
    yield from (harmless(f"note: {note}") for note in found.notes)


def _enabled(job: Job, *, is_done: bool) -> Text:
    if is_done:
        return cell("once, done", "dim")
    return cell("yes") if job.rules.enabled else cell("no", "yellow")


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
