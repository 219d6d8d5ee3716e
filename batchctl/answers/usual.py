"""How long a run of a job usually takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.core import statistics

if TYPE_CHECKING:
    from batchctl.answers.site import Site
    from batchctl.core.model import Job


def usual(site: Site, job: Job) -> float | None:
    """Return the median of the last 10 successful durations, in seconds; None without any."""
    return statistics.typical(site.history().durations(job.name, statistics.TYPICAL_OF))
