"""`batchctl status`: where each job stands and what its next fires will do."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from batchctl.answers import status as answer
from batchctl.answers.site import Site
from batchctl.base.errors import UsageError
from batchctl.commands.site import site_of
from batchctl.present import status as render
from batchctl.present import text
from batchctl.present import watch as screen

_LOOK = 0.2
"""Seconds between two looks at the size of the terminal."""


def status(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job, with its steps.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Draw again every 2 seconds, until Ctrl-C.")] = False,
) -> None:
    """Show where each job stands, how it went, and what its next fires will do: start, or skip and why.

    Examples:
    * `batchctl status`
    * `batchctl status daily-batch`
    * `batchctl status --json`
    * `batchctl status --watch`
    """
    site = site_of(ctx)
    if watch and as_json:
        message = "--watch draws pictures, --json prints one object"
        raise UsageError(message, remedy="leave out one of the two")
    if as_json:
        found = answer.status(site, job)
        text.write([text.json_text(render.as_json(found)), "\n"])
        return

    def draw(width: int, height: int | None) -> render.Picture:
        return _picture(site, job, width, height)

    if watch:
        screen.watch(draw, lambda: time.sleep(_LOOK))
    else:
        render.show(draw)


def _picture(site: Site, job: str | None, width: int, height: int | None) -> render.Picture:
    found = answer.status(site, job)
    if job is not None:
        return render.detail(found, width, height)
    return render.overview(found, width) if height is None else screen.fitting(found, width, height)
