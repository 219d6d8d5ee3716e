"""What a check finds about cron itself: whether it runs, and whether its lines are those that the jobs need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.said import said
from batchctl.core.judge import alerts
from batchctl.core.judge.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchctl.core.judge.findings import Severity
    from batchctl.core.model import Config, Job
    from batchctl.crontab.firing import Firing

_NAMED = 5
"""Jobs that a finding names before it counts the others."""


def findings(config: Config, firing: Firing, since: float, only: Sequence[str] | None = None) -> list[Finding]:
    """Return what is wrong, or worth knowing, of all jobs or these; `since` is when anything of it was first seen."""
    return [
        Finding(
            kind=alerts.CRON, severity=severity, job=None, text=text, since=since, event_id=f"cron:{what}:{since:.0f}"
        )
        for what, severity, text in _all(config, firing, only)
    ]


def _all(config: Config, firing: Firing, only: Sequence[str] | None) -> Iterator[tuple[str, Severity, str]]:
    wanted = config.jobs.keys() if only is None else frozenset(only)
    asked = [job for job in config.jobs.values() if job.name in wanted]
    # A ready-made job that was only run by its name is to be fired by nobody.
    scheduled = [job for job in asked if job.rules.enabled and job.schedule.text and not is_borrowed(job)]
    install = "`batchctl crontab install`"
    for text, _ in config.broken:
        yield f"broken:{text}", "warning", text
    if firing.cron == "stopped" and scheduled:
        # Without lines something else may fire the jobs.
        yield "stopped", "warning" if firing.jobs else "info", said("cron is not running, so it fires nothing")
    if firing.block == "outdated" and not config.broken:  # which would take lines out
        yield "outdated", "info", said("the crontab is not what the configuration says now: %s", install)
    if firing.trouble and scheduled:
        yield "unread", "info", said("the crontab cannot be read: %s", firing.trouble)
    names = [job.name for job in scheduled if firing.fires(config, job.name) is False]
    if names and firing.block != "outdated":
        yield "unfired", "info", said("no crontab line fires %s: %s", _some(names), install)
    for line in [line for line in firing.foreign if line.job in wanted]:
        text = said("%s, line %d runs what %s runs, unguarded", line.place, line.line, line.job)
        yield f"{line.place}:{line.text}", "warning", text


def is_borrowed(job: Job) -> bool:
    """Say whether a job is a ready-made one that no file of the operator's has made a job."""
    return job.origin.startswith("preset ")


def _some(names: Sequence[str]) -> str:
    """Return names in a sentence, the first ones and a count of the others."""
    more = len(names) - _NAMED
    return ", ".join(names) if more <= 0 else said("%s and %d more", ", ".join(names[:_NAMED]), more)
