"""`batchctl doctor`: whether everything is there that the jobs need."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import doctor as answer
from batchctl.base.errors import EXIT_FAILED
from batchctl.commands.site import site_of
from batchctl.present import doctor as view
from batchctl.present.text import json_text


def doctor(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Only this job, beside the machine.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look whether everything is there that the jobs need, as cron would find it; exit 1 if something is wrong.

    Programs, working directories, files, functions, interpreters, addresses; cron, its lines and lines of others that
    fire the same; rights, clock, disk. Nothing is changed and nothing is started, but functions are imported.

    Examples:
    * `batchctl doctor`
    * `batchctl doctor daily-batch`
    * `batchctl doctor --json`
    """
    found = answer.doctor(site_of(ctx), job)
    if as_json:
        typer.echo(json_text(view.as_json(found.remarks)))
    else:
        view.show(found.remarks)
    if not found.is_well:
        raise typer.Exit(EXIT_FAILED)
