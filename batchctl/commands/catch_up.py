"""`batchctl catch-up`: make up for the fires that were missed while the machine or cron was off."""

from __future__ import annotations

import sys

import typer

from batchctl.answers.site import Site
from batchctl.base.errors import EXIT_FAILED
from batchctl.commands.site import site_of
from batchctl.core.time import zones
from batchctl.watch import catchup
from batchctl.watch.catchup import Made, Missed


def catch_up(ctx: typer.Context) -> None:
    """Fire each job with `catch_up = true` once that missed a fire within its `catch_up_window`.

    The jobs run side by side, each through its own guard, for the last fire that it missed (BATCHCTL_SCHEDULED_FOR).
    `crontab install` adds an @reboot line that does this when the machine comes up. Exits 1 if any of them failed.

    Examples:
    * `batchctl catch-up`
    """
    site = site_of(ctx)
    found = catchup.find(site.config, site.state)
    if not found and sys.stdout.isatty():
        # Under cron, where nothing was done there is nothing to mail.
        typer.echo("No job with catch_up = true has missed a fire.")
    for missed in found:
        fires = "1 fire" if missed.count == 1 else f"{missed.count} fires"
        meant = zones.human(missed.fire, missed.job.rules.zone)
        typer.echo(f"{missed.job.name}: {fires} missed, making up for that of {meant}")
    failed = False
    for made in catchup.make_up(found, lambda missed: _command(site, missed)):
        typer.echo(f"{made.missed.job.name}: {_went(made)}")
        failed = failed or (made.exit_code != 0 and not made.skipped)
    if failed:
        raise typer.Exit(EXIT_FAILED)


def _command(site: Site, missed: Missed) -> list[str]:
    # -P: a directory named batchctl where cron starts us must not be taken for the program.
    words = [sys.executable, "-P", "-m", "batchctl"]
    if site.config_path is not None:
        words += ["--config", site.config_path]
    instant = zones.iso(missed.fire, missed.job.rules.zone) or ""
    return [*words, "--state", site.state, "run", missed.job.name, "--scheduled-for", instant]


def _went(made: Made) -> str:
    if made.skipped:
        return f"skipped; see `batchctl explain {made.missed.job.name}`"
    return "succeeded" if made.exit_code == 0 else f"ended with exit code {made.exit_code}"
