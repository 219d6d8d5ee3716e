"""`batchctl crontab`: the managed block in the user's crontab."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import crontab as answer
from batchctl.answers import doctor as preflight
from batchctl.base.errors import EXIT_FAILED
from batchctl.commands.boundary import warn
from batchctl.commands.site import site_of
from batchctl.present import done
from batchctl.present.crontab import as_json as crontab_json
from batchctl.present.text import json_text

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Keep a block of lines in your crontab, one per scheduled job; every other line stays byte for byte.

The block is marked with its configuration, so that two configurations keep two blocks.

Examples:
* `batchctl crontab show`
* `batchctl crontab diff`
* `batchctl crontab install`
* `batchctl --config /srv/shop/batchctl.toml crontab install`
""",
)


Care = Annotated[
    bool | None,
    typer.Option(
        "--care/--no-care",
        help="With lines for check, prune and catch-up, the default.",
        show_default=False,
    ),
]


@app.command()
def show(
    ctx: typer.Context,
    *,
    care: Care = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines of each job as JSON.")] = False,
) -> None:
    """Print the block that `install` would write.

    Examples:
    * `batchctl crontab show`
    * `batchctl crontab show --json`
    """
    change = answer.block(site_of(ctx), care=care)
    for note in done.crontab_notes(change):
        typer.echo(note, err=True)
    if not change.block:
        typer.echo(done.no_lines(), err=True)
    typer.echo(json_text(crontab_json(change)) if as_json else change.block, nl=as_json)


@app.command()
def diff(ctx: typer.Context, *, care: Care = None) -> None:
    """Print what `install` would change, as a unified diff.

    The exit code is 0 if nothing would, 1 if something.

    Examples:
    * `batchctl crontab diff`
    """
    change = answer.change(site_of(ctx), care=care)
    for note in done.crontab_notes(change):
        typer.echo(note, err=True)
    typer.echo(answer.diff(change), nl=False)
    if change.old != change.new:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def install(ctx: typer.Context, *, care: Care = None) -> None:
    """Write the block into the crontab.

    It takes the place of the old one; the old crontab is backed up in the state directory.

    Besides a line or more for each scheduled job it has three that look after all of them: `check` every 10 minutes,
    `prune` every night and `catch-up` after a boot. A command that a line of your own runs already is left out.

    Examples:
    * `batchctl crontab install`
    * `batchctl crontab install --no-care`
    """
    site = site_of(ctx)
    change = answer.change(site, care=care)
    for note in done.crontab_notes(change):
        typer.echo(note, err=True)
    typer.echo(done.installed(change, answer.install(site, change)))
    jobs = [site.config.jobs[entry.job] for entry in change.entries]
    warn([*preflight.of_cron(site), *preflight.of_jobs(site, jobs)])


@app.command()
def remove(ctx: typer.Context) -> None:
    """Take the block out of the crontab.

    Every other line stays byte for byte, and a backup is kept.

    Examples:
    * `batchctl crontab remove`
    """
    typer.echo(done.removed(answer.remove(site_of(ctx))))
