"""`batchctl stop`: end the running run of a job, and whatever it left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.commands.site import site_of
from batchctl.engine.stop import stop as stop_run


def stop(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="The job whose run is to be stopped.")],
) -> None:
    """End the running run of a job: TERM, grace, KILL to the whole process tree; it becomes `cancelled`.

    Processes that a vanished batchctl left behind are ended as well. Not running is not an error.

    Examples:
        batchctl stop daily-batch
    """
    site = site_of(ctx)
    done = stop_run(site.job(job), site.state)
    if done.run_id is None:
        typer.echo(f"{job} is not running")
    else:
        typer.echo(f"{job}: run {done.run_id} {done.status}")
