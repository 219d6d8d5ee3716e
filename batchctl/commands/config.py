"""`batchctl config`: check the configuration and see what is in force."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import config as answer
from batchctl.answers import doctor as preflight
from batchctl.commands.boundary import warn
from batchctl.commands.site import site_of


def config(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Only this job.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; durations are seconds.")] = False,
) -> None:
    """Validate the configuration and print what is in force, where each value comes from, secrets masked.

    A configuration error exits 78 and names file, line, key and remedy, and so do all others at once; one of a module
    with jobs comes after what is in force without it. What a job needs
    and does not have (a program, a directory, a function) is a warning here; `batchctl doctor` says more.

    Examples:
    * `batchctl config`
    * `batchctl config daily-batch --json`
    """
    from batchctl.present import config as view
    from batchctl.present.text import json_text, write

    site = site_of(ctx)
    found = answer.config(site, job)
    if as_json:
        typer.echo(json_text(view.as_json(found)))
    else:
        write(f"{line}\n" for line in view.as_toml(found))
    warn(preflight.of_jobs(site, found.jobs))
    if job is None and found.config.broken:
        raise found.config.broken_error
