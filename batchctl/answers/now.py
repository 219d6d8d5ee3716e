"""How things stand at this moment, for the beginning of a report: what runs, what is fired next, what needs a hand."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from batchctl.answers.upcoming import upcoming
from batchctl.base.record import Record
from batchctl.core import model
from batchctl.notify import inbox
from batchctl.watch.standing import job_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.site import Site
    from batchctl.answers.upcoming import Fire, Running
    from batchctl.core.time.zones import Zone
    from batchctl.store.outbox import Row
    from batchctl.watch.standing import JobStatus

_HORIZON = "7d"
_ALERTS = 200
"""Newest alerts among which the open ones are looked for."""
_SHOWN = 10


class Now(Record):
    """What is so at the instant `at`, of one job or of all."""

    at: float
    zone: Zone
    running: Sequence[Running]
    fires: Sequence[Fire]
    """Those of the next day, or where it has none the first ones of the next week."""
    broken: Sequence[JobStatus]
    """Jobs whose last run ended badly, and that do not run."""
    alerts: Sequence[Row]
    """Open, newest first."""


def now_of(site: Site, only: str | None = None) -> Now:
    """Return how things stand.

    Raises:
        StateError: if the history cannot be trusted.
    """
    found = upcoming(site, only=only)
    if not found.fires:
        found = upcoming(site, _HORIZON, only=only)
    history, jobs = site.history(), site.listed.jobs
    running = {each.job.name for each in found.running}
    asked = [job for name, job in jobs.items() if name not in running and only in {None, name}]
    bad = [
        job for job in asked if (last := history.newest_run(job.name)) is not None and last.status != model.SUCCEEDED
    ]
    stands = (job_status(job, history, site.state, found.start, jobs) for job in bad)
    broken = (each for each in stands if each.last_run is not None and each.last_run.status in model.FAILURES)
    rows = inbox.newest(site.state, _ALERTS, only)
    told = (row for row in rows if row.alert.lasting and row.over_at is None and not row.alert.suppressed)
    return Now(
        at=found.start,
        zone=found.zone,
        running=found.running,
        fires=found.fires,
        broken=list(islice(broken, _SHOWN)),
        alerts=list(islice(told, _SHOWN)),
    )
