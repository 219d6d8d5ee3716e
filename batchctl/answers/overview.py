"""All jobs as they stand, and how long runs like those that are running usually take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.answers.status import status
from batchctl.base.record import Record
from batchctl.watch.standing import RATE_WINDOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.answers.site import Site
    from batchctl.answers.status import Standings
    from batchctl.core.statistics import Stats


class Overview(Record):
    """The jobs at one instant."""

    standings: Standings
    usual: Mapping[str, Stats]
    """Of each job that is running, what its last 30 days say."""


def overview(site: Site, job: str | None = None) -> Overview:
    """Return where all jobs stand, or one.

    Raises:
        UsageError: if there is no job of that name.
        StateError: if the history cannot be trusted.
    """
    found = status(site, job)
    running = [each.job.name for each in found.jobs if each.current is not None]
    usual = site.history().stats(found.at - RATE_WINDOW, found.at, running) if running else {}
    return Overview(standings=found, usual=usual)
