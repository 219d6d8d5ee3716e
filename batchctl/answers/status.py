"""Where each job stands, how it went, and what its next fires will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.record import Record
from batchctl.store.lockfile import OneLook
from batchctl.watch.standing import job_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.site import Site
    from batchctl.core.time.zones import Zone
    from batchctl.store.history import StepRow
    from batchctl.watch.standing import JobStatus


class Standings(Record):
    """The jobs as they stand at one instant (seconds since the epoch)."""

    at: float
    zone: Zone
    jobs: Sequence[JobStatus]
    steps: Sequence[StepRow] = ()
    """Where one job was asked for: the steps of its running run, else of its last one."""


def status(site: Site, job: str | None = None) -> Standings:
    """Return where all jobs stand, or one.

    Raises:
        UsageError: if there is no job of that name.
        StateError: if the history cannot be trusted.
    """
    now, history = clock.now(), site.history()
    jobs = list(site.listed.jobs.values()) if job is None else [site.job(job)]
    with OneLook():
        found = [job_status(one, history, site.state, now, site.config.jobs) for one in jobs]
    steps: Sequence[StepRow] = ()
    if job is not None:
        current, last = found[0].current, found[0].last_run
        if current is not None:
            steps = current.steps
        elif last is not None:
            steps = history.steps([last.id]).get(last.id, [])
    return Standings(at=now, zone=site.config.zone, jobs=found, steps=steps)
