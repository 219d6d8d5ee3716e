"""Whether everything is there that the jobs need, as cron would find it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.errors import BatchctlError
from batchctl.base.record import Record
from batchctl.base.said import said
from batchctl.crontab import firing
from batchctl.watch import doctor as watch
from batchctl.watch import preflight
from batchctl.watch.preflight import AsCron, remarks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchctl.answers.site import Site
    from batchctl.core.model import Config, Job

Remark = preflight.Remark


class Examined(Record):
    """What was looked at."""

    remarks: Sequence[Remark]

    @property
    def is_well(self) -> bool:
        """Whether nothing is an error."""
        return all(remark.level != "error" for remark in self.remarks)


def doctor(site: Site, job: str | None = None) -> Examined:
    """Look at the machine and at every job, or at one; nothing is changed.

    Raises:
        UsageError: if there is no such job.
        ConfigError: if the configuration is wrong.
    """
    one = None if job is None else site.job(job)
    config = _known(site) if one is None else site.including(one)
    found = firing.look(config, site.state)
    jobs = [one] if one is not None else list(config.jobs.values())
    cron = AsCron(path=found.path, state=site.state)
    seen = [
        remark for remark in watch.of_site(config, site.state, found) if one is None or remark.job in {None, one.name}
    ]
    for each in jobs:
        wrong = list(remarks(each, cron))
        seen += wrong or [Remark(level="ok", job=each.name, subject="job", text=said("everything it needs is there"))]
    return Examined(remarks=seen)


def of_jobs(site: Site, jobs: Iterable[Job]) -> list[Remark]:
    """Return what is wrong with these jobs, for commands that only warn of it."""
    cron = AsCron(path=firing.search_path(site.config_path), state=site.state)
    return [remark for job in jobs for remark in remarks(job, cron)]


def of_cron(site: Site) -> list[Remark]:
    """Return what keeps an installed block from its work: no cron, or lines that fire the same command."""
    found = watch.of_cron(site.config, firing.look(site.config, site.state))
    return [remark for remark in found if remark.level != "ok" and remark.subject in {"cron", "foreign line"}]


def _known(site: Site) -> Config:
    try:
        return site.listed
    except BatchctlError:
        return site.config  # what is wrong with the history is said about the state
