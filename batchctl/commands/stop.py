"""`batchctl stop`: end the running run of a job, and whatever it left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import stop as answer
from batchctl.commands.site import site_of


def stop(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="The job whose run is to be stopped.")],
) -> None:
    """End the running run of a job: TERM, grace, KILL to the whole process tree; it becomes `cancelled`.

    Processes that a vanished batchctl left behind are ended as well. Not running is not an error.

    Examples:
        batchctl stop daily-batch
    """
    done = answer.stop(site_of(ctx), job)
    if done.run_id is None:
        typer.echo(f"{job} is not running")
    else:
        typer.echo(f"{job}: run {done.run_id} {done.status}")
