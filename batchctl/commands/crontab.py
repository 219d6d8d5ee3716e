"""`batchctl crontab`: the managed block in the user's crontab."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers.site import Site
from batchctl.base import paths
from batchctl.base.errors import EXIT_FAILED, ConfigError
from batchctl.commands.site import site_of
from batchctl.crontab import managed

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


@app.command()
def show(
    ctx: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines of each job as JSON.")] = False,
) -> None:
    """Print the block that `install` would write; nothing is changed.

    Examples:
    * `batchctl crontab show`
    * `batchctl crontab show --json`
    """
    # Looking at the lines needs no cron on this machine; what they depend on in the crontab is then not there either.
    plan = _plan(site_of(ctx), managed.read() if managed.installed() else b"")
    if as_json:
        import json

        jobs = [{"job": entry.job, "lines": entry.lines, "note": entry.note or None} for entry in plan.entries]
        block = plan.block.decode("utf-8", "replace")
        typer.echo(json.dumps({"block": block, "jobs": jobs}, ensure_ascii=False))
        return
    typer.echo(plan.block, nl=False)


@app.command()
def diff(ctx: typer.Context) -> None:
    """Print what `install` would change, as a unified diff; exit 0 if nothing, 1 if something.

    Examples:
    * `batchctl crontab diff`
    """
    plan = _plan(site_of(ctx), managed.read())
    typer.echo(managed.unified_diff(plan.old, plan.new), nl=False)
    if plan.old != plan.new:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def install(ctx: typer.Context) -> None:
    """Write the block into the crontab, in place of the old one; the old crontab is backed up in the state directory.

    Examples:
    * `batchctl crontab install`
    """
    site = site_of(ctx)
    plan = _plan(site, managed.read())
    if plan.old == plan.new:
        typer.echo("The crontab is up to date; nothing was written.")
        return
    backup = managed.write(plan.old, plan.new, site.state)
    lines = sum(len(entry.lines) for entry in plan.entries)
    typer.echo(f"Installed {lines} line(s) for {len(plan.entries)} job(s).{_kept(backup)}")


@app.command()
def remove(ctx: typer.Context) -> None:
    """Take the block out of the crontab; every other line stays byte for byte, and a backup is kept.

    Examples:
    * `batchctl crontab remove`
    """
    site = site_of(ctx)
    old = managed.read()
    new = managed.replace_block(old, managed.label(site.config_path), b"")
    if old == new:
        typer.echo("The crontab has no block of this configuration; nothing was written.")
        return
    backup = managed.write(old, new, _state(site))
    typer.echo(f"Removed the block.{_kept(backup)}")


def _plan(site: Site, old: bytes) -> managed.Change:
    made = managed.change(site.config, site.state, old)
    for entry in made.entries:
        if entry.note:
            typer.echo(f"batchctl: {entry.job}: {entry.note}", err=True)
    return made


def _state(site: Site) -> str:
    """Return where backups go; a block must also go when its configuration is broken or already gone."""
    try:
        return site.state
    except ConfigError:
        return paths.state_dir(site.state_option, None)


def _kept(backup: str | None) -> str:
    return f" The old crontab is kept in {backup}" if backup else ""
