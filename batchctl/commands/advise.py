"""`batchctl advise`: what the history of a job says about its configuration."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.commands.site import Site, site_of
from batchctl.core.advise.planning import Ask, Planned, Seen, plan
from batchctl.core.model import SKIPPED, SUCCEEDED, TIMED_OUT
from batchctl.present import advise as render
from batchctl.present.text import json_text
from batchctl.store.history import History

if TYPE_CHECKING:
    from batchctl.core.model import Job
    from batchctl.store.history import RunRow, StepRow

_DAY = 86400.0
_DAYS = 90.0
_LONGEST_DAYS = 36525
_RUNS = 500
"""How many of the newest runs are looked at: enough for a percentile, and a second's work at most."""


def advise(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job.")] = None,
    *,
    days: Annotated[float, typer.Option("--days", metavar="N", help="Look at the last N days.")] = _DAYS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which schedule, gap and timeouts suit what the history has seen, and whether a split would fit.

    Each piece of advice comes with its figures, the share of skipped fires without and with it (simulated over 28
    days), and lines for the configuration. Nothing is changed.

    Examples:
    * `batchctl advise`
    * `batchctl advise daily-batch --days 30`
    """
    site = site_of(ctx)
    if not 0 < days < _LONGEST_DAYS:
        message = f"--days {days:g} is no span of time"
        raise UsageError(message, remedy="write for example --days 30")
    jobs = list(site.config.jobs.values()) if job is None else [site.job(job)]
    history, now = site.history(), clock.now()
    planned = [plan(_ask(site, history, each, now, now - days * _DAY)) for each in jobs]
    if as_json:
        typer.echo(json_text(render.as_json(planned, days)))
    else:
        _show(planned, days)


def _show(planned: list[Planned], days: float) -> None:
    if not planned:
        typer.echo("There are no jobs.")
    for each in planned:
        render.show(each, days)


def _ask(site: Site, history: History, job: Job, now: float, since: float) -> Ask:
    seen: list[Seen] = []
    steps: dict[str, list[float]] = {step.id: [] for step in job.steps}
    for run, rows in history.runs_with_steps(since, now, job.name, _RUNS):
        took = {row.id: row.duration_s for row in rows if row.status == SUCCEEDED and row.duration_s is not None}
        for row in rows:
            if row.id in steps and row.status in {SUCCEEDED, TIMED_OUT} and row.duration_s is not None:
                steps[row.id].append(row.duration_s)
        if run.duration_s is not None and _is_whole(run, rows):
            seen.append(Seen(duration=run.duration_s, steps=took, timed_out=run.status == TIMED_OUT))
    return Ask(
        job=job,
        now=now,
        seen=seen,
        steps=steps,
        # The same every time it is asked about the same history.
        choose=random.Random(0).choice,  # noqa: S311 - lots for a forecast, not a secret
        editable_steps=not site.config.origins.get(f"jobs.{job.name}.steps", "").startswith("preset "),
    )


def _is_whole(run: RunRow, rows: list[StepRow]) -> bool:
    """Say whether the run went through the whole chain, or as far as its timeout let it; a resumed part does not."""
    if run.status not in {SUCCEEDED, TIMED_OUT} or run.resumed_from is not None:
        return False
    return not any(row.status == SKIPPED for row in rows)
