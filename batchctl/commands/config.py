"""`batchctl config`: check the configuration and see what is in force."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import config as answer
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

    found = answer.config(site_of(ctx), job)
    if as_json:
        typer.echo(json_text(view.as_json(found)))
        return
    write(f"{line}\n" for line in view.as_toml(found))
