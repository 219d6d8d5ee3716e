"""`batchctl advise`: what the history of a job says about its configuration."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import advise as answer
from batchctl.commands.site import site_of
from batchctl.present import advise as render
from batchctl.present.text import json_text

_DAYS = 90.0


def advise(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job.")] = None,
    *,
    days: Annotated[float, typer.Option("--days", metavar="N", help="Look at the last N days.")] = _DAYS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which schedule, gap and timeouts suit what the history has seen, and whether a split would fit.

    Each piece of advice comes with its figures, the share of skipped fires without and with it (simulated over 28
    days), and lines for the configuration. Nothing is changed.

    Examples:
    * `batchctl advise`
    * `batchctl advise daily-batch --days 30`
    """
    planned = answer.advise(site_of(ctx), job, days=days)
    if as_json:
        typer.echo(json_text(render.as_json(planned, days)))
        return
    if not planned:
        typer.echo("There are no jobs.")
    for each in planned:
        render.show(each, days)
