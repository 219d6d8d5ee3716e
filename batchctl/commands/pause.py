"""`batchctl pause` and `batchctl resume`: stop and resume starting anything."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import pause as answer
from batchctl.commands.site import site_of
from batchctl.present import done


def pause(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job; without it, all of them.")] = None,
    *,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="For so long; without it, until `resume`.")
    ] = None,
) -> None:
    """Let no job start, or not this one; fires are skipped meanwhile, and what is running goes on.

    Examples:
    * `batchctl pause`
    * `batchctl pause --for 2h`
    * `batchctl pause daily-batch --for 1d`
    """
    typer.echo(done.paused(answer.pause(site_of(ctx), job, duration)))


def resume(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job's own pause; else that of everything.")] = None,
) -> None:
    """End a pause: that of everything, or that of one job.

    Examples:
    * `batchctl resume`
    * `batchctl resume daily-batch`
    """
    typer.echo(done.resumed(answer.resume(site_of(ctx), job)))
