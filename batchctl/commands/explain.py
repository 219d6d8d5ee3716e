"""`batchctl explain`: every check of the decision in words."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import explain as answer
from batchctl.commands.site import site_of
from batchctl.present import explain as render
from batchctl.present import text


def explain(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="The job to ask about.")],
    *,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Decide as of this time, given the state of now.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every check that a fire of the job would have to pass, and when the job could start next.

    Examples:
    * `batchctl explain daily-batch`
    * `batchctl explain daily-batch --at 2026-12-01T01:00`
    * `batchctl explain daily-batch --json`
    """
    found = answer.explain(site_of(ctx), job, at)
    if as_json:
        text.write([text.json_text(render.as_json(found, found.zone)), "\n"])
    else:
        render.show(found, found.zone)
