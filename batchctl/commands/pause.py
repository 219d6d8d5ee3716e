"""`batchctl pause` and `batchctl resume`: stop and resume starting anything."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.base import clock
from batchctl.base.duration import parse_duration
from batchctl.base.errors import UsageError
from batchctl.base.state_dir import StateDir
from batchctl.commands.site import site_of
from batchctl.core.time import zones
from batchctl.store import pauses


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
    site, now = site_of(ctx), clock.now()
    name = None if job is None else site.job(job).name
    try:
        until = None if duration is None else now + parse_duration(duration)
    except ValueError as error:
        raise UsageError(str(error)) from error
    StateDir(site.state).ensure()
    pauses.pause(site.state, name, now, until)
    how_long = "until `batchctl resume`" if until is None else f"until {zones.human(until, site.config.zone)}"
    typer.echo(f"{name or 'Everything'} is paused {how_long}.")


def resume(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job's own pause; else that of everything.")] = None,
) -> None:
    """End a pause: that of everything, or that of one job.

    Examples:
    * `batchctl resume`
    * `batchctl resume daily-batch`
    """
    site = site_of(ctx)
    name = None if job is None else site.job(job).name
    StateDir(site.state).ensure()
    ended = pauses.resume(site.state, name)
    typer.echo(f"{name or 'Everything'} {'is resumed' if ended else 'was not paused'}.")
