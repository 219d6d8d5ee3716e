"""From what a check finds to the alerts that people get: each event once, and a word to nobody who did not ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import language, paths
from batchctl.core.guard.decide import is_lost
from batchctl.core.guard.selection import go_on
from batchctl.core.judge import alerts, findings
from batchctl.core.model import Alerting
from batchctl.notify import ends
from batchctl.store import outbox
from batchctl.store.database import Immediate
from batchctl.watch.standing import any_left

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from batchctl.core.judge.alerts import Alert
    from batchctl.core.judge.findings import Finding
    from batchctl.core.time.zones import Zone
    from batchctl.watch.health import Health, JobHealth

_LASTING = (alerts.MISSED, alerts.SKIPS, alerts.DISK, alerts.SPOOL, alerts.CRON)
"""What goes on until a check finds it no more."""


def announce(connection: sqlite3.Connection, state_dir: str, health: Health, zone: Zone) -> int:
    """Write the alerts that are due for these findings, and reminders, into the outbox; return how many are new.

    Raises:
        sqlite3.Error: if the history cannot be written.
    """
    told = 0
    alerted = [job for job in health.jobs if job.job.alerting.notify or job.job.alerting.on_alert]
    if not alerted:
        return 0
    with Immediate(connection):
        for job in alerted:
            told += _of_job(connection, state_dir, job, health.at)
        site = [finding for finding in health.findings if finding.job is None and finding.severity != "info"]
        wanted = {finding.kind for finding in site for job in alerted if alerts.wanted(job.job.alerting, finding.kind)}
        found = [_alert(finding, health.at) for finding in site if finding.kind in wanted]
        told += ends.tell(connection, "", found, Alerting(), zone)
        _settle(connection, "", site, health.at)
    return told


def _of_job(connection: sqlite3.Connection, state_dir: str, health: JobHealth, now: float) -> int:
    job = health.job
    # The end may have come from the spool, or from a fire that found the run lost: then nobody has told of it yet.
    told = ends.tell_end(connection, health.facts, state_dir)
    present = [each for each in findings.at_present(health.facts, now) if _worth_telling(each, job.alerting)]
    running = health.facts.running
    lost = running is not None and is_lost(running)
    again = []
    if lost:
        called = paths.called(job.config_path, state_dir, job.state_home)
        again = [language.told(go_on(job, called, left=any_left(connection, job)))]
    found = [_alert(each, now, again if each.kind == alerts.LOST else ()) for each in present]
    told += ends.tell(connection, job.name, found, job.alerting, job.rules.zone)
    _settle(connection, job.name, health.findings, now)
    return told + ends.remind(connection, job)


def _worth_telling(finding: Finding, alerting: Alerting) -> bool:
    """Say whether to tell of a finding; what is as usual only whoever asked for exactly that is told of."""
    usual = finding.severity == "info" and finding.kind not in alerting.notify
    return not usual and alerts.wanted(alerting, finding.kind)


def _alert(finding: Finding, now: float, again: Sequence[str] = ()) -> Alert:
    about = finding.job or "batchctl"
    see = f"batchctl status {finding.job}" if finding.job else "batchctl check"
    lasting = finding.kind in {*_LASTING, alerts.LOST, alerts.STALE}
    return alerts.make(
        finding.kind,
        finding.event_id,
        finding.job or "",
        language.say("%s: %s", about, finding.text),
        "\n".join([language.told(finding.text), "", language.say("see: %s", see), *again]),
        now,
        run_id=finding.run_id,
        lasting=lasting,
    )


def _settle(connection: sqlite3.Connection, job: str, found: Sequence[Finding], now: float) -> None:
    """Write down what is over: what was told of and is found no more."""
    still = {finding.kind for finding in found if finding.severity != "info"}
    over = [kind for kind in _LASTING if kind not in still]
    if over and outbox.open_alerts(connection, job, over):
        outbox.settle(connection, job, now, over, before=None)
