"""`batchctl logs`: what a run wrote."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.answers.site import Site, unknown_job
from batchctl.base.errors import UsageError
from batchctl.commands.site import site_of
from batchctl.core import model
from batchctl.core.guard import decide
from batchctl.engine.fire import state_of
from batchctl.present.logs import LogPrinter
from batchctl.process.environment import read_env_files, secret_values
from batchctl.store.history import History

if TYPE_CHECKING:
    from batchctl.store.history import AttemptRow, RunRow, StepRow

_LOOK = 0.2
"""Seconds between two looks at a log that is being followed."""


def logs(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="The job whose output to show.")],
    *,
    run: Annotated[int | None, typer.Option("--run", metavar="ID", help="Of this run; else of the last one.")] = None,
    step: Annotated[str | None, typer.Option("--step", metavar="ID", help="Of this step only.")] = None,
    lines: Annotated[int | None, typer.Option("-n", metavar="N", min=0, help="Only the last N lines.")] = None,
    follow: Annotated[bool, typer.Option("-f", help="Go on until the run ends.")] = False,
) -> None:
    """Show the output of a run, step by step; control characters are shown, never obeyed.

    Examples:
    * `batchctl logs daily-batch`
    * `batchctl logs daily-batch --step 32 -n 50`
    * `batchctl logs daily-batch -f`
    """
    site = site_of(ctx)
    history = site.history()
    found = _run(site, history, job, run)
    steps = _steps(history, found, step)
    attempts = _attempts(history, found, step)
    printer = LogPrinter(site.state, headers=len(steps) > 1 or len(attempts) > 1, secrets=_secrets(site, found))
    if lines is not None:
        attempts = printer.skip_to_last_lines(attempts, lines)
    printed = printer.print_new(attempts)
    if follow:
        printed |= _follow(site, history, found, step, printer)
    printer.finish()
    if not printed and lines != 0:
        what = "the logs of run {} of {} are gone" if printer.gone else "run {} of {} has written nothing"
        typer.echo(what.format(found.id, job), err=True)


def _run(site: Site, history: History, job: str, run_id: int | None) -> RunRow:
    """Return the run that was asked for; a job that has left the configuration keeps its history."""
    if run_id is None:
        found = history.newest_run(job)
        if found is not None:
            return found
        if job not in site.config.jobs:
            raise unknown_job(job, list(site.config.jobs))
        message = f"{job} has never run"
        raise UsageError(message, remedy=f"`batchctl explain {job}` says when it could start")
    found = history.run(run_id)
    if found is None or found.job != job:
        of = "" if found is None else f"; it is a run of {found.job}"
        message = f"{job} has no run {run_id}{of}"
        raise UsageError(message, remedy=f"`batchctl report {job}` lists its runs")
    return found


def _secrets(site: Site, run: RunRow) -> tuple[str, ...]:
    """Return what must not show; that of a job that has left the configuration nobody knows any more."""
    job = site.config.jobs.get(run.job)
    return () if job is None or not job.secrets else secret_values(job, read_env_files(job))


def _steps(history: History, run: RunRow, step: str | None) -> list[StepRow]:
    """Return the steps of the run that were asked for."""
    steps = history.steps([run.id]).get(run.id, [])
    chosen = [row for row in steps if step in {None, row.id}]
    if step is not None and not chosen:
        message = f"run {run.id} of {run.job} has no step {step!r}"
        raise UsageError(message, remedy=f"its steps: {', '.join(row.id for row in steps) or 'none'}")
    return chosen


def _attempts(history: History, run: RunRow, step: str | None) -> list[AttemptRow]:
    return [attempt for attempt in history.attempts(run.id) if step in {None, attempt.step}]


def _follow(site: Site, history: History, run: RunRow, step: str | None, printer: LogPrinter) -> bool:
    """Print what comes, across steps and retries, until the run has ended and all of it is printed."""
    printed = False
    try:
        while True:
            # Asked before reading: what was written before the end is then read after it.
            ended = _ended(site, history, run)
            new = printer.print_new(_attempts(history, run, step))
            printed |= new
            if ended:
                return printed
            if not new:
                time.sleep(_LOOK)
    except KeyboardInterrupt:
        return printed


def _ended(site: Site, history: History, run: RunRow) -> bool:
    row = history.run(run.id)
    if row is None or row.status != model.RUNNING:
        return True
    job = site.config.jobs.get(run.job)
    if job is None:
        return False
    running = state_of(job, site.state).running
    # A run whose owner is gone stays `running` until the next fire finds it.
    return running is None or running.run_id != run.id or decide.is_lost(running)
