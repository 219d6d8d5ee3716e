"""`batchctl jobs`: lists of jobs and presets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.present.config import job_as_json
from batchctl.present.descriptions import described
from batchctl.present.tables import keep_whole, table
from batchctl.present.text import FIRST_STEPS, cell, console, harmless, one_line, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.text import Text

    from batchctl.answers.jobs import Jobs
    from batchctl.answers.jobs_edit import Changed
    from batchctl.answers.jobs_import import Imported
    from batchctl.core.model import Job
    from batchctl.present import contract_jobs as contract


def jobs_as_json(found: Jobs) -> contract.JobList:
    """Return what the list shows; `done` is null for a job that is not to start once."""
    return {
        "jobs": [
            {
                "job": job.name,
                **_summary(job),
                "kind": job.kind,
                "enabled": job.rules.enabled,
                "done": None if job.rules.at is None else job.name in found.done,
                "origin": job.origin,
            }
            for job in found.jobs
        ]
    }


def changed_as_json(done: Changed) -> contract.Changed:
    """Return what was written."""
    return {
        "jobs": list(done.jobs),
        "files": list(done.files),
        "created": done.created,
        "skipped": list(done.skipped),
    }


def job_as_object(job: Job) -> contract.ShownJob:
    """Return one job in full; durations are seconds, secrets masked."""
    return {"job": job.name, "origin": job.origin, "timezone": job.timezone, **job_as_json(job)}


def presets_as_json(presets: Iterable[Job]) -> contract.Presets:
    """Return the presets with what they are for."""
    return {"presets": [{"preset": preset.name, **_summary(preset)} for preset in presets]}


def show_jobs(found: Jobs) -> None:
    """Print the jobs as a table; the column of kinds only where a job has one."""
    rows = found.jobs
    if not rows:
        from rich.text import Text

        console().print(Text(say(FIRST_STEPS) if found.kind is None else say("No job is of the kind %s.", found.kind)))
        return
    has_kinds, has_titles = any(job.kind for job in rows), any(job.title for job in rows)
    lines = table(
        [
            "job",
            *(["title"] if has_titles else []),
            *(["kind"] if has_kinds else []),
            "schedule",
            "enabled",
            ">steps",
            "description",
        ]
    )
    for job in rows:
        kinds = [cell(job.title)] if has_titles else []
        kinds += [cell(job.kind or "")] if has_kinds else []
        enabled = _enabled(job, is_done=job.name in found.done)
        lines.add_row(
            cell(job.name), *kinds, cell(_when(job)), enabled, str(len(job.steps)), cell(described(job.description))
        )
    keep_whole(lines)
    console().print(lines)


def proposals_as_json(imported: Imported) -> contract.Imported:
    """Return what a crontab's lines would be as jobs, and which files were written."""
    found, changed = imported.found, imported.changed
    return {
        "jobs": [
            {
                "line": made.line,
                "text": made.text,
                "job": made.name,
                "schedule": made.table["schedule"],
                "toml": imported.texts[made.name],
                "notes": list(made.notes),
                "complete": made.complete,
            }
            for made in found.proposals
        ],
        "left_out": [{"line": left.line, "text": left.text, "reason": left.reason} for left in found.left_out],
        "notes": list(found.notes),
        "pools": dict(found.pools),
        "written": [] if changed is None else list(changed.files),
    }


def proposal_lines(imported: Imported) -> Iterator[str]:
    """Yield line by line what a crontab's lines would be as jobs, and which cannot be any."""
    found = imported.found
    for made in found.proposals:
        yield harmless(say("line %d: %s", made.line, made.text))
        yield harmless(f"  jobs.d/{made.name}.toml")
        lines = imported.texts[made.name].rstrip("\n").split("\n")
        yield from (harmless(f"    {line}") for line in lines if not line.startswith("#"))
        yield from (harmless(say("  note: %s", note)) for note in made.notes)
        yield ""
    for left in found.left_out:
        yield harmless(say("line %d: %s", left.line, left.text))
        yield harmless(say("  not imported: %s", left.reason))
        yield ""
    if found.pools:
        yield harmless(imported.main)
        yield from (harmless(f"    {line}") for line in ("[pools]", *(f"{name} = 1" for name in found.pools)))
        yield ""
    yield from (harmless(say("note: %s", note)) for note in found.notes)


def _enabled(job: Job, *, is_done: bool) -> Text:
    if is_done:
        return cell("once, done", "dim")
    return cell("yes") if job.rules.enabled else cell("no", "yellow")


def show_presets(presets: Iterable[Job]) -> None:
    """Print the presets as a table."""
    lines = table(["preset", "schedule", "steps", "description"])
    for preset in presets:
        steps = " ".join(step.id for step in preset.steps)
        lines.add_row(cell(preset.name), cell(_when(preset)), cell(steps), cell(described(preset.description)))
    keep_whole(lines)
    console().print(lines)


def _summary(job: Job) -> contract.JobSummary:
    return {
        "title": job.title or None,
        "description": one_line(job.description),
        "schedule": job.schedule.text or None,
        "steps": [step.id for step in job.steps],
    }


def _when(job: Job) -> str:
    return job.schedule.text or "by hand"
