"""`batchctl prune`: remove the runs that retention no longer keeps."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.answers.site import Site, unknown_job
from batchctl.base.errors import EXIT_FAILED
from batchctl.commands.site import site_of
from batchctl.engine.prune import prune as prune_state
from batchctl.present import prune as render
from batchctl.present.text import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.core.model import Job


def prune(
    ctx: typer.Context,
    job: Annotated[
        str | None, typer.Argument(help="Only this job; it may be one that is no longer configured.")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Remove runs, with their logs and skips, that are older or more than `keep_days`, `keep_runs`, `keep_bytes` keep.

    A running run, the last run and the last success of a job, and what a kept run resumes, always stay. What a crash
    has left behind is removed as well. Exit code 1: something would not go.

    Examples:
    * `batchctl prune --dry-run`
    * `batchctl prune`
    * `batchctl prune daily-batch --json`
    """
    site = site_of(ctx)
    jobs = site.config.jobs
    only = None if job is None else _known(site, jobs, unicodedata.normalize("NFC", job))
    kept = {name: each.retention for name, each in jobs.items()}
    done = prune_state(site.state, kept, only, dry_run=dry_run)
    if as_json:
        typer.echo(json_text(render.as_json(done)))
    else:
        render.show(done)
    for trouble in done.not_removed:
        typer.echo(f"not removed: {trouble}", err=True)
    if done.not_removed:
        raise typer.Exit(EXIT_FAILED)


def _known(site: Site, jobs: Mapping[str, Job], job: str) -> str:
    if job in jobs:
        return job
    known = sorted({*jobs, *site.history().jobs()})
    if job not in known:
        raise unknown_job(job, known)
    return job
