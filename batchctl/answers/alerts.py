"""What people were told, whether they can be told, and no more reminders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.notify import heartbeat, inbox
from batchctl.notify.test_channels import send_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.site import Site
    from batchctl.core.time.zones import Zone
    from batchctl.notify.channels import Report
    from batchctl.store.outbox import Row


class Alerts(Record):
    """The newest alerts, newest first, as they stand at one instant (seconds since the epoch)."""

    at: float
    zone: Zone
    rows: Sequence[Row]


class Tried(Record):
    """How each channel of a job took a test alert."""

    job: str
    reports: Sequence[Report]
    ping: bool | None
    """Whether the monitor took the ping; None for a job without ping_url."""

    @property
    def ok(self) -> bool:
        """Whether all of them took it."""
        return self.ping is not False and all(report.ok for report in self.reports)


def alerts(site: Site, job: str | None = None, limit: int = 20) -> Alerts:
    """Return the newest alerts, of one job or of all.

    Raises:
        UsageError: if neither the configuration nor the outbox knows the job.
        StateError: if the history cannot be read.
    """
    rows = inbox.newest(site.state, limit, job)
    if job is not None and not rows:
        site.job(job)  # a job that has left the configuration keeps its alerts; one that never was is a slip
    return Alerts(at=clock.now(), zone=site.config.zone, rows=rows)


def test(site: Site, job: str) -> Tried:
    """Send a test alert now, through every channel of a job; 15 seconds at most.

    Raises:
        UsageError: if there is no such job, or it tells nobody anything.
    """
    found = site.job(job)
    alerting = found.alerting
    if not any(alerting.notify.values()) and not alerting.on_alert and alerting.ping_url is None:
        message = f"{found.name} tells nobody anything: it has no notify, no on_alert and no ping_url"
        raise UsageError(message, remedy='write for example notify = ["mailtos://user:password@example.com"]')
    reports = send_test(found)
    # An event that is only written down: a test must not look like a run.
    text = "a test of batchctl's pings"
    return Tried(
        job=found.name,
        reports=reports,
        ping=None if alerting.ping_url is None else heartbeat.ping(found, heartbeat.LOG, text),
    )


def ack(site: Site, job: str | None = None, alert: int | None = None) -> list[int]:
    """Acknowledge one alert, or the open ones of a job, or all open ones; return the ids of those that were not yet.

    Raises:
        UsageError: if there is no such job, or no alert of this id.
        StateError: if the history cannot be written.
    """
    return inbox.ack(site.state, None if job is None else site.job(job).name, alert)
