"""What the history of a job says about its configuration."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.core.advise import observed
from batchctl.core.advise.advice import Seen
from batchctl.core.advise.observed import Advised, Ask
from batchctl.core.model import SUCCEEDED, TIMED_OUT

if TYPE_CHECKING:
    from batchctl.answers.site import Site
    from batchctl.core.model import Job
    from batchctl.store.history import History, RunRow, StepRow

_DAY = 86400.0
_LONGEST_DAYS = 36525
_RUNS = 500
"""How many of the newest runs are looked at: enough for a percentile, and a second's work at most."""


def advise(site: Site, job: str | None = None, *, days: float = 90.0) -> list[Advised]:
    """Return what the last `days` advise for every job, or for one.

    Raises:
        UsageError: if there is no such job, or `days` is no span of time.
        StateError: if the history cannot be trusted.
    """
    if not 0 < days < _LONGEST_DAYS:
        message = f"--days {days:g} is no span of time"
        raise UsageError(message, remedy="write for example --days 30")
    jobs = list(site.listed.jobs.values()) if job is None else [site.job(job)]
    history, now = site.history(), clock.now()
    return [observed.advise(_ask(site, history, each, now, now - days * _DAY)) for each in jobs]


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
        pair=site.pair_of(job),
        editable_steps=not site.including(job).origins.get(f"jobs.{job.name}.steps", "").startswith("preset "),
    )


def _is_whole(run: RunRow, rows: list[StepRow]) -> bool:
    """Say whether the run went through the whole chain, or as far as its timeout let it; a resumed part does not."""
    if run.status not in {SUCCEEDED, TIMED_OUT} or run.resumed_from is not None:
        return False
    return not any(row.left_out for row in rows)
