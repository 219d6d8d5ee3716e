"""`batchctl upcoming`: the coming fires of all jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import upcoming as answer
from batchctl.commands.site import site_of
from batchctl.present import text
from batchctl.present import upcoming as render


def upcoming(
    ctx: typer.Context,
    *,
    horizon: Annotated[str, typer.Option("--for", metavar="DURATION", help="How far to look ahead.")] = "24h",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the coming fires of all jobs: start or skip and why, when the run ends, and beside whose runs it runs.

    Examples:
    * `batchctl upcoming`
    * `batchctl upcoming --for 7d`
    * `batchctl upcoming --for 7d --json`
    """
    found = answer.upcoming(site_of(ctx), horizon)
    if as_json:
        text.write([text.json_text(render.as_json(found)), "\n"])
    else:
        render.show(found)
