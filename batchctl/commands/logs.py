"""`batchctl logs`: what a run wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers.logs import Logs
from batchctl.commands.site import site_of
from batchctl.present.logs import LogPrinter


def logs(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="The job whose output to show.")],
    *,
    run: Annotated[int | None, typer.Option("--run", metavar="ID", help="Of this run; else of the last one.")] = None,
    step: Annotated[str | None, typer.Option("--step", metavar="ID", help="Of this step only.")] = None,
    lines: Annotated[int | None, typer.Option("-n", metavar="N", min=0, help="Only the last N lines.")] = None,
    follow: Annotated[bool, typer.Option("-f", help="Go on until the run ends.")] = False,
) -> None:
    """Show the output of a run, step by step; control characters are shown, never obeyed.

    Examples:
    * `batchctl logs daily-batch`
    * `batchctl logs daily-batch --step 32 -n 50`
    * `batchctl logs daily-batch -f`
    """
    found = Logs(site_of(ctx), job, run, step)
    printer = LogPrinter(headers=found.several)
    if lines is not None:
        found.skip_to_last_lines(lines)
    printer.show(found.new())
    if follow:
        try:
            for pieces in found.looks():
                printer.show(pieces)
        except KeyboardInterrupt:
            pass  # what was looked on at goes on without us
    printer.show(found.rest())
    printer.finish()
    if not found.found and lines != 0:
        what = "the logs of run {} of {} are gone" if found.gone else "run {} of {} has written nothing"
        typer.echo(what.format(found.run.id, job), err=True)
