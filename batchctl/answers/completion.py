"""What may stand for a word that a shell is to complete: names and ids, each with a few words where there are any.

Asked at each press of a key, so nothing is loaded that the answer does not need; what cannot be read is no proposal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.config import ready_made
from batchctl.core.time import zones

if TYPE_CHECKING:
    from batchctl.answers.site import Site

    Proposals = list[tuple[str, str]]

_RUNS = 20


def jobs(site: Site) -> Proposals:
    """Return the configured jobs; where nothing is configured the ready-made ones, which can be run by name."""
    found = site.config.jobs
    return [(name, job.description) for name, job in found.items()] or presets(site)


def known_jobs(site: Site) -> Proposals:
    """Return the configured jobs and those that only the history knows."""
    found = site.config.jobs
    others = [(name, "no longer configured") for name in site.history().jobs() if name not in found]
    return [*((name, job.description) for name, job in found.items()), *others]


def steps(site: Site, job: str | None) -> Proposals:
    """Return the steps of a job; of all jobs where none is named."""
    chosen = [found for name, found in site.config.jobs.items() if job in {None, name}]
    return list(dict.fromkeys((step.id, step.group or "") for found in chosen for step in found.steps))


def groups(site: Site, job: str | None) -> Proposals:
    """Return the groups of a job's steps; of all jobs where none is named."""
    chosen = [found for name, found in site.config.jobs.items() if job in {None, name}]
    return list(dict.fromkeys((group.name, "group") for found in chosen for group in found.groups))


def runs(site: Site, job: str | None) -> Proposals:
    """Return the newest runs, of a job or of all, newest first."""
    zone = site.config.zone
    found = site.history().runs(0.0, float("inf"), job, _RUNS)
    return [(str(run.id), f"{run.status} {zones.human(run.started_at, zone)}") for run in found]


def presets(_site: Site) -> Proposals:
    """Return the ready-made jobs."""
    return [(name, "") for name in ready_made.names()]
