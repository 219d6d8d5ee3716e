"""Ending the running run of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    return engine.stop(site.job(job), site.state)
