"""The health of all jobs: gathered, left in health.json, and told to whoever is to be told."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.errors import StateError
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.core.judge.findings import status_of
from batchctl.crontab import firing
from batchctl.store import database, spool
from batchctl.store.lockfile import OneLook
from batchctl.watch import health, healthfile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchctl.answers.site import Site
    from batchctl.core.judge.findings import Finding, Status
    from batchctl.core.time.zones import Zone
    from batchctl.watch.health import Counted, Health

    Written = Callable[[Health, Sequence[Finding], Zone], str]
    """What a finding looks like in health.json; a matter of the renderer."""


class Checked(Record):
    """What a check has found."""

    health: Health
    shown: Sequence[Finding]
    """What is about the jobs that were asked for, or about no job."""
    status: Status
    """What that amounts to."""
    zone: Zone
    counted: Counted | None
    unwritten: StateError | None
    """Why health.json could not be written; everybody who is to be told has been told all the same."""


def check(site: Site, names: Sequence[str] = (), *, written: Written, counted: bool = False) -> Checked:
    """Import, look, write health.json and send; with `counted` what is counted over the whole history comes along.

    Raises:
        UsageError: if there is no job of one of these names.
        StateError: if the history cannot be trusted.
    """
    only = {site.job(name).name for name in names}
    config, state, now = site.listed, site.state, clock.now()
    StateDir(state).ensure()
    unwritten, cron = None, firing.look(config, state)
    with database.Opened(state, create=True) as connection:
        _import(state, connection)
        before = healthfile.previous(state, config.zone)
        with OneLook():
            found = health.gather(config, state, connection, before, now, cron, os.environ.get("BATCHCTL_JOB"))
        try:
            healthfile.write(state, written(found, found.findings, config.zone))
        except StateError as error:
            unwritten = error
        counts = health.count(config, connection) if counted else None
        _announce(site, connection, found)
    shown = [finding for finding in found.findings if not only or finding.job in {None, *only}]
    status = status_of(shown)
    return Checked(health=found, shown=shown, status=status, zone=config.zone, counted=counts, unwritten=unwritten)


def look(site: Site, *, counted: bool = False) -> Checked:
    """Return what a check would find, and change nothing: no health.json, no alert.

    Raises:
        StateError: if the history cannot be trusted.
    """
    config, state, now = site.listed, site.state, clock.now()
    cron, before = firing.look(config, state), healthfile.previous(state, site.config.zone)
    history = site.history()

    def found(connection: sqlite3.Connection) -> Checked:
        with OneLook():
            seen = health.gather(config, state, connection, before, now, cron, None)
        counts = health.count(config, connection) if counted else None
        return Checked(
            health=seen, shown=seen.findings, status=seen.status, zone=config.zone, counted=counts, unwritten=None
        )

    seen = history.ask(found, None)
    if seen is not None:
        return seen
    with database.Opened(state, create=True) as connection:  # which nothing has begun yet
        return found(connection)


def leave_word(site: Site, written: Callable[[float, Zone], str]) -> None:
    """Say in health.json that nothing can be said: an old "healthy" there would be a lie."""
    try:
        healthfile.write(site.state, written(clock.now(), site.config.zone))
    except StateError:
        return  # the error that is on its way already says why


def _import(state: str, connection: sqlite3.Connection) -> None:
    if not StateDir(state).waiting():
        return
    try:
        spool.import_all(state, connection)
    except (OSError, sqlite3.Error):
        return  # what still waits is a finding


def _announce(site: Site, connection: sqlite3.Connection, found: Health) -> None:
    config = site.listed
    if not any(job.alerting.notify or job.alerting.on_alert for job in config.jobs.values()):
        return
    from batchctl.engine.eventlog import emit_alerts
    from batchctl.notify.send import send_due
    from batchctl.watch.announce import announce

    announce(connection, site.state, found, config.zone)
    emit_alerts(next(iter(config.jobs.values())), connection, found.at)
    send_due(site.state, config.jobs, site_wide=True)
