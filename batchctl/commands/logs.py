"""`batchctl logs`: what a run wrote, or what several runs wrote of something."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers.found_lines import FoundLines
from batchctl.answers.logs import Logs
from batchctl.base.errors import UsageError
from batchctl.commands.site import site_of
from batchctl.present.logs import LogPrinter, write_raw


def logs(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="The job whose output to show.")] = None,
    *,
    run: Annotated[int | None, typer.Option("--run", metavar="ID", help="Of this run; else of the last one.")] = None,
    step: Annotated[str | None, typer.Option("--step", metavar="ID", help="Of this step only.")] = None,
    lines: Annotated[int | None, typer.Option("-n", metavar="N", min=0, help="Only the last N lines.")] = None,
    follow: Annotated[bool, typer.Option("-f", help="Go on until the run ends.")] = False,
    all_jobs: Annotated[bool, typer.Option("--all-jobs", help="Of all jobs, the runs since --since (24h).")] = False,
    grep: Annotated[
        str | None, typer.Option("--grep", metavar="REGEX", help="Only the lines that this is found in.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME|D", help="Of all runs under way since then: 2h, 2d, a time.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The bytes as they were written, secrets masked.")] = False,
) -> None:
    """Show the output of a run, step by step; control characters are shown, never obeyed.

    On a terminal colours stay. Where a program draws over a line (a carriage return), what it drew last is shown.

    Examples:
    * `batchctl logs daily-batch`
    * `batchctl logs daily-batch --step 32 -n 50`
    * `batchctl logs daily-batch -f`
    * `batchctl logs --all-jobs --grep ERROR --since 2d`
    """
    _refuse_contradictions(job=job, run=run, follow=follow, all_jobs=all_jobs, grep=grep, since=since, raw=raw)
    if all_jobs or since is not None or grep is not None:
        several = FoundLines(site_of(ctx), job, run_id=run, step=step, grep=grep, since=since)
        found_printer = LogPrinter(headers=True, with_runs=True)
        found_printer.show(several.pieces(lines))
        found_printer.finish()
        for reason in several.unseen:
            typer.echo(reason, err=True)
        return
    found = Logs(site_of(ctx), job or "", run, step, raw=raw)
    printer = LogPrinter(headers=found.several)
    show = write_raw if raw else printer.show
    if lines is not None:
        found.skip_to_last_lines(lines)
    show(found.new())
    if follow:
        try:
            for pieces in found.looks():
                show(pieces)
        except KeyboardInterrupt:
            pass  # what was looked on at goes on without us
    show(found.rest())
    if not raw:
        printer.finish()
    if not found.found and lines != 0:
        what = "the logs of run {} of {} are gone" if found.gone else "run {} of {} has written nothing"
        typer.echo(what.format(found.run.id, job), err=True)


def _refuse_contradictions(
    *,
    job: str | None,
    run: int | None,
    follow: bool,
    all_jobs: bool,
    grep: str | None,
    since: str | None,
    raw: bool,
) -> None:
    if (job is None) != all_jobs:
        message = "name a job, or give --all-jobs" if job is None else "--all-jobs and a job contradict each other"
        raise UsageError(message, remedy="write for example `batchctl logs daily-batch`")
    several = {"--all-jobs": all_jobs, "--grep": grep is not None, "--since": since is not None}
    alone = {"-f": follow, "--raw": raw, "--run": run is not None and (all_jobs or since is not None)}
    for option in (name for name, given in alone.items() if given):
        for other in (name for name, given in several.items() if given):
            message = f"{option} and {other} contradict each other"
            raise UsageError(message, remedy="leave out one of the two")
