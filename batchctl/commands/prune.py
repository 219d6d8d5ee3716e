"""`batchctl prune`: remove the runs that retention no longer keeps."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import prune as answer
from batchctl.base.errors import EXIT_FAILED
from batchctl.commands.site import site_of
from batchctl.present import prune as render
from batchctl.present.text import json_text


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
    done = answer.prune(site_of(ctx), job, dry_run=dry_run)
    if as_json:
        typer.echo(json_text(render.as_json(done)))
    else:
        render.show(done)
    for trouble in done.not_removed:
        typer.echo(f"not removed: {trouble}", err=True)
    if done.not_removed:
        raise typer.Exit(EXIT_FAILED)
