"""`batchctl events`: what happened, line by line."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers.events import Events
from batchctl.commands.site import site_of
from batchctl.present import events as render


def events(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job.")] = None,
    *,
    since: Annotated[str, typer.Option("--since", metavar="TIME|D", help="From then on: 2h, 7d, a time.")] = "24h",
    follow: Annotated[bool, typer.Option("-f", help="Go on as things happen, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """Show what happened, a line each, the newest last: starts, skips, steps, retries, takeovers, ends, alerts.

    `[events] file = "…"` or `syslog = true` in the configuration writes the same lines as things happen.

    Examples:
    * `batchctl events`
    * `batchctl events daily-batch --since 7d`
    * `batchctl events -f --json`
    """
    found = Events(site_of(ctx), job, since)
    if not follow:
        render.show(found.new(), found.zone, as_json=as_json)
        return
    try:
        for new in found.looks():
            render.show(new, found.zone, as_json=as_json)
    except KeyboardInterrupt:
        return
