"""Trying a job's channels, now and by hand."""

from __future__ import annotations

from batchctl.base import clock
from batchctl.core.judge import alerts
from batchctl.notify.channels import deliver, every_channel
from batchctl.notify.ends import secrets_of
from batchctl.process.identity import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.model import Job
    from batchctl.notify.channels import Report

_LIMIT = 15.0


def send_test(job: Job) -> list[Report]:
    """Send a test alert through every channel of a job and say how each took it; 15 seconds at most."""
    now = clock.now()
    title = f"{job.name}: test alert"
    body = f"This is a test of the alerts of {job.name}, sent from {host()} by `batchctl alerts test {job.name}`."
    alert = alerts.make("test", f"test:{job.name}:{now}", job.name, title, body, now)
    found = every_channel(job.alerting)
    return deliver(alert, found, _LIMIT, job.rules.zone, secrets_of(job) or ()) if found else []
