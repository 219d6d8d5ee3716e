"""Making up for missed fires: which jobs have any, and firing each of them once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.errors import EXIT_SKIPPED
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.process import child
from batchctl.store import database
from batchctl.watch import healthfile
from batchctl.watch.health import missed_by

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from batchctl.core.model import Config, Job
    from batchctl.watch.healthfile import Watch

_CRON_IS_AT_IT = 30.0
"""Seconds after a fire within which a running cron may just be starting it."""


class Missed(Record):
    """What a job has missed within its window."""

    job: Job
    fire: float
    """The last missed fire: the one that is made up for."""
    count: int
    """How many were missed in all."""


class Made(Record):
    """How making up for a fire went."""

    missed: Missed
    exit_code: int

    @property
    def skipped(self) -> bool:
        """Whether the guard did not let it start."""
        return self.exit_code == EXIT_SKIPPED


def find(config: Config, state_dir: str) -> list[Missed]:
    """Return what the enabled jobs with `catch_up` have missed within their windows, in the configuration's order.

    Raises:
        StateError: if the history cannot be read.
    """
    jobs = [job for job in config.jobs.values() if job.catch_up and job.rules.enabled]
    if not jobs or not os.path.exists(StateDir(state_dir).history):
        return []
    now = clock.now()
    # What came a moment ago cron may be starting at this moment, but not what came before this boot.
    until = now - min(_CRON_IS_AT_IT, clock.monotonic())
    watches = healthfile.previous(state_dir, config.zone).watches
    with database.Opened(state_dir, create=False) as connection:
        every = [_of(job, connection, watches.get(job.name), now, until) for job in jobs]
    return [found for found in every if found is not None]


def _of(job: Job, connection: sqlite3.Connection, watch: Watch | None, now: float, until: float) -> Missed | None:
    fires = [
        fire
        for gap in missed_by(job, connection, watch, now, until)
        if not gap.started_since
        for fire in gap.fires
        if fire >= now - job.catch_up_window
    ]
    return Missed(job=job, fire=fires[-1], count=len(fires)) if fires else None


def make_up(found: Sequence[Missed], command: Callable[[Missed], list[str]]) -> Iterator[Made]:
    """Fire each job in a process of its own, all at once, and yield how it went as soon as one has ended.

    One after the other, a batch of 26 hours would hold back all that come after it; what must not run side by side, the
    guard and its pools keep apart.
    """
    waiting: dict[int, Missed] = {}
    for missed in found:
        try:
            waiting[child.start(command(missed))] = missed
        except OSError:
            yield Made(missed=missed, exit_code=127)
    while waiting:
        pid, code = child.wait_any(waiting)
        yield Made(missed=waiting.pop(pid), exit_code=code)
