"""Ending the running run of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import normalize

from batchctl.core.model import Job, Rules
from batchctl.core.time.cron import Schedule
from batchctl.engine import stop as engine

if TYPE_CHECKING:
    from batchctl.answers.site import Site
    from batchctl.engine.stop import Stopped


def stop(site: Site, job: str) -> Stopped:
    """End the running run of a job and whatever it left behind; not running is not an error.

    Raises:
        UsageError: if there is no such job.
        StateError: if the history cannot be read, the run belongs to another host, or a process survives.
    """
    return engine.stop(site.find(job) or _of_broken_module(site, job) or site.job(job), site.state)


def _of_broken_module(site: Site, name: str) -> Job | None:
    """Return a job that only the history knows, where it may be one of a module that cannot be imported now."""
    name = normalize("NFC", name)
    if not site.config.broken or name not in site.history().jobs():
        return None
    return Job(name=name, schedule=Schedule(), rules=Rules(zone=site.config.zone), steps=())
