"""Where each job stands, how it went, and what its next fires will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.record import Record, replace
from batchctl.crontab import firing
from batchctl.store.lockfile import OneLook
from batchctl.watch.scheduling import findings
from batchctl.watch.standing import job_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.site import Site
    from batchctl.core.judge.findings import Finding
    from batchctl.core.time.zones import Zone
    from batchctl.crontab.firing import Firing
    from batchctl.store.history import StepRow
    from batchctl.watch.standing import JobStatus


class Standings(Record):
    """The jobs as they stand at one instant (seconds since the epoch)."""

    at: float
    zone: Zone
    jobs: Sequence[JobStatus]
    cron: Firing
    """What cron does for them."""
    notes: Sequence[Finding]
    """What is wrong with that."""
    is_paused: bool = False
    """Whether everything is."""
    paused_until: float | None = None
    """When that ends; None also where somebody has to end it."""
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
    config = site.listed if job is None else site.including(jobs[0])
    cron = firing.look(config, site.state)
    with OneLook():
        found = [
            replace(
                job_status(one, history, site.state, now, site.config.jobs),
                in_crontab=cron.fires(config, one.name),
                **history.counts(one.name),
            )
            for one in jobs
        ]
    paused = history.paused()
    steps: Sequence[StepRow] = ()
    if job is not None:
        current, last = found[0].current, found[0].last_run
        if current is not None:
            steps = current.steps
        elif last is not None:
            steps = history.steps([last.id]).get(last.id, [])
    return Standings(
        at=now,
        zone=site.config.zone,
        jobs=found,
        cron=cron,
        notes=findings(config, cron, now, [one.name for one in jobs]),
        is_paused=paused is not None and (paused.until is None or paused.until > now),
        paused_until=None if paused is None else paused.until,
        steps=steps,
    )
