"""`batchctl jobs import`: jobs from the lines of an existing crontab."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.answers.site import Site
from batchctl.base.errors import UsageError
from batchctl.commands.boundary import say
from batchctl.commands.jobs_edit import tell, tell_crontab
from batchctl.commands.site import site_of
from batchctl.config.edit import jobfiles, jobtext
from batchctl.crontab import managed

if TYPE_CHECKING:
    from batchctl.crontab.adopt import Found, Proposal

_WITH_USERS = ("/etc/crontab", "/etc/cron.d/")


def import_jobs(
    ctx: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A crontab; - is stdin, without it your own is read.")
    ] = None,
    *,
    write: Annotated[bool, typer.Option("--write", help="Write the jobs, each a file in jobs.d/.")] = False,
    enable: Annotated[bool, typer.Option("--enable", help="Let them start; without it they are disabled.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Propose jobs for the lines of a crontab: flock, timeout and redirections become what batchctl does itself.

    The crontab is only read. What cannot be kept is said for each line; a job that would do less than its line did is
    written disabled even with --enable. Nothing is ever overwritten.

    Examples:
    * `batchctl jobs import`
    * `batchctl jobs import old-crontab.txt --write`
    * `ssh shop crontab -l | batchctl jobs import - --json`
    """
    from batchctl.crontab.adopt import proposals
    from batchctl.present import jobs as view
    from batchctl.present.text import json_text
    from batchctl.present.text import write as out

    site = site_of(ctx)
    has_users = file is not None and os.path.realpath(file).startswith(_WITH_USERS)
    taken = [] if site.config_path is None else list(site.config.jobs)
    found = proposals(_content(file), taken, has_users=has_users)
    texts = {made.name: _text(made, enabled=enable and made.complete) for made in found.proposals}
    done = jobfiles.add(site.config_path, texts) if write and texts else None
    if as_json:
        typer.echo(json_text(view.proposals_as_json(found, texts, [] if done is None else done.files)))
    else:
        out(f"{line}\n" for line in view.proposal_lines(found, texts))
    if done is None:
        _tell_next(site, found, file)
        return
    if as_json:
        tell_crontab(done, site)
    else:
        tell(done, site)
    say("batchctl: the lines are still in the crontab; take each one out when its job takes over\n")


def _tell_next(site: Site, found: Found, file: str | None) -> None:
    if not found.proposals:
        say("batchctl: no line of the crontab can become a job\n")
    elif file != "-":
        place = f"{os.path.dirname(site.config_path or '') or 'the configuration'}/jobs.d"
        say(f"batchctl: nothing was written; --write puts {len(found.proposals)} job(s) into {place}\n")


def _content(file: str | None) -> bytes:
    if file is None:
        return managed.read()
    try:
        if file == "-":
            return sys.stdin.buffer.read()
        with open(file, "rb") as opened:
            return opened.read()
    except OSError as error:
        message = f"{file}: {error.strerror}"
        raise UsageError(
            message, remedy="name a crontab that you can read, - for stdin, or none for your own"
        ) from error


def _text(made: Proposal, *, enabled: bool) -> str:
    table = dict(made.table)
    if not enabled:
        at = list(table).index("schedule") + 1
        items = list(table.items())
        table = dict([*items[:at], ("enabled", False), *items[at:]])
    return jobtext.to_toml(table, [f"line {made.line} of the crontab: {made.text}", *made.notes])
