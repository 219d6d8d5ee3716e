"""`batchctl jobs import`: jobs from the lines of an existing crontab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.commands.boundary import say
from batchctl.commands.jobs_edit import tell, tell_crontab
from batchctl.commands.site import site_of
from batchctl.present import jobs as view
from batchctl.present.text import json_text
from batchctl.present.text import write as out

if TYPE_CHECKING:
    from batchctl.answers.jobs_import import Imported


def import_jobs(
    ctx: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A crontab; - is stdin, without it your own is read.")
    ] = None,
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write the jobs, as files in jobs.d/, and their pools.")
    ] = False,
    enable: Annotated[bool, typer.Option("--enable", help="Let them start; without it they are disabled.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Propose jobs for the lines of a crontab.

    What flock, timeout and redirections did, batchctl then does itself.

    The crontab is only read. What cannot be kept is said for each line; a job that would do less than its line did is
    written disabled even with --enable. Nothing is ever overwritten.

    Examples:
    * `batchctl jobs import`
    * `batchctl jobs import old-crontab.txt --write`
    * `ssh shop crontab -l | batchctl jobs import - --json`
    """
    from batchctl.answers import jobs_import as answer

    found = answer.import_jobs(site_of(ctx), file, write=write, enable=enable)
    if as_json:
        typer.echo(json_text(view.proposals_as_json(found)))
    else:
        out(f"{line}\n" for line in view.proposal_lines(found))
    if found.changed is None:
        _tell_next(found, file)
        return
    if as_json:
        tell_crontab(found.changed)
    else:
        tell(found.changed)
    say("batchctl: the lines are still in the crontab; take each one out when its job takes over\n")


def _tell_next(found: Imported, file: str | None) -> None:
    if not found.texts:
        say("batchctl: no line of the crontab can become a job\n")
    elif file != "-":
        say(f"batchctl: nothing was written; --write puts {len(found.texts)} job(s) into {found.place}\n")
