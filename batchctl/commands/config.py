"""`batchctl config`: check the configuration and see what is in force."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from batchctl.answers.site import Site
from batchctl.commands.site import site_of


def config(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Only this job.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; durations are seconds.")] = False,
) -> None:
    """Validate the configuration and print what is in force, where each value comes from, secrets masked.

    A configuration error exits 78 and names file, line, key and remedy.

    Examples:
    * `batchctl config`
    * `batchctl config daily-batch --json`
    """
    from batchctl.present import config as view
    from batchctl.present.text import json_text, write

    site = site_of(ctx)
    only = None if job is None else site.job(job).name
    if as_json:
        typer.echo(json_text(view.as_json(site.config, site.state, only)))
        return
    write(f"{line}\n" for line in view.as_toml(site.config, site.state, _state_origin(site), only))


def _state_origin(site: Site) -> str:
    if site.state_option:
        return "--state"
    if os.environ.get("BATCHCTL_STATE"):
        return "BATCHCTL_STATE"
    return site.config.origins["state_dir"]
