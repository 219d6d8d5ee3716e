"""`batchctl catch-up`: make up for the fires that were missed while the machine or cron was off."""

from __future__ import annotations

import sys

import typer

from batchctl.answers import catch_up as answer
from batchctl.base.errors import EXIT_FAILED
from batchctl.commands.site import site_of
from batchctl.present import done


def catch_up(ctx: typer.Context) -> None:
    """Fire each job with `catch_up = true` once that missed a fire within its `catch_up_window`.

    The jobs run side by side, each through its own guard, for the last fire that it missed (BATCHCTL_SCHEDULED_FOR).
    `crontab install` adds an @reboot line that does this when the machine comes up. Exits 1 if any of them failed.

    Examples:
    * `batchctl catch-up`
    """
    site = site_of(ctx)
    found = answer.missed(site)
    if not found and sys.stdout.isatty():
        # Under cron, where nothing was done there is nothing to mail.
        typer.echo("No job with catch_up = true has missed a fire.")
    for each in found:
        typer.echo(done.missed(each))
    failed = False
    for made in answer.make_up(site, found):
        typer.echo(done.made_up(made))
        failed = failed or (made.exit_code != 0 and not made.skipped)
    if failed:
        raise typer.Exit(EXIT_FAILED)
