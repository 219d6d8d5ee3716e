"""What is in force, and where each value comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.base.record import Record

if TYPE_CHECKING:
    from batchctl.answers.site import Site
    from batchctl.core.model import Config, Job


class Effective(Record):
    """The configuration in force, or what of it concerns one job."""

    config: Config
    state_dir: str
    state_origin: str
    """Where the state directory was named: an option, a variable, a file, or `default`."""
    only: str | None

    @property
    def jobs(self) -> list[Job]:
        """The jobs that were asked for."""
        return [job for name, job in self.config.jobs.items() if self.only in {None, name}]


def config(site: Site, job: str | None = None) -> Effective:
    """Validate the configuration and return what is in force.

    Raises:
        ConfigError: if it is wrong; what is wrong with its modules alone is in `config.broken`.
        UsageError: if there is no such job.
    """
    origin = site.config.origins["state_dir"]
    if site.state_option:
        origin = "--state"
    elif os.environ.get("BATCHCTL_STATE"):
        origin = "BATCHCTL_STATE"
    found = None if job is None else site.job(job)
    config = site.config if found is None else site.including(found)
    return Effective(
        config=config, state_dir=site.state, state_origin=origin, only=None if found is None else found.name
    )
