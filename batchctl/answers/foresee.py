"""A job that is none yet: whether it could be one, and what its first fires would do."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Any

from batchctl.base import clock, paths
from batchctl.base.record import Record
from batchctl.config import load_as
from batchctl.config.edit import jobfiles, jobtext
from batchctl.config.values import job_name
from batchctl.core.foresight import preview
from batchctl.core.guard.decide import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.answers.site import Site
    from batchctl.core.foresight.simulate import SimulatedFire
    from batchctl.core.model import Job

FIRES = 10


class Foreseen(Record):
    """What a job would be; instants are seconds since the epoch."""

    job: Job
    at: float
    fires: Sequence[SimulatedFire]
    takes: float | None
    """How long its runs are taken to be: as long as they may; None where nothing says, and they end at once."""


def foresee(site: Site, name: str, table: Mapping[str, Any]) -> Foreseen:
    """Return what the first fires of a job with these keys would do; nothing is written.

    Raises:
        UsageError: if the name cannot be one.
        BatchctlError: if it is taken.
        ConfigError: if the configuration would be wrong with it.
    """
    valid = job_name(name)
    main = site.config_path or paths.user_config_file()
    if site.config_path is not None and valid in site.config.jobs:
        raise jobfiles.taken_name(valid, site.config.jobs[valid].origin)
    changes: dict[str, bytes | None] = {f"{os.path.dirname(main)}/jobs.d/{valid}.toml": jobtext.to_toml(table).encode()}
    if site.config_path is None:
        changes[main] = b""
    job, now = load_as(main, changes).jobs[valid], clock.now()
    fires = list(islice(preview.coming(job, State(), now, None), FIRES))
    return Foreseen(job=job, at=now, fires=fires, takes=job.timeout)
