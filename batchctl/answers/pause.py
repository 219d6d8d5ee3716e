"""Stopping and resuming the start of everything, or of one job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.answers import given
from batchctl.base import clock
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.store import pauses

if TYPE_CHECKING:
    from batchctl.answers.site import Site
    from batchctl.core.time.zones import Zone


class Paused(Record):
    """A pause that was begun."""

    job: str | None
    """None where it is everything that is paused."""
    until: float | None
    """None where only `resume` ends it."""
    zone: Zone


class Resumed(Record):
    """A pause that was ended, or that there was none."""

    job: str | None
    was_paused: bool


def pause(site: Site, job: str | None = None, duration: str | None = None) -> Paused:
    """Let no job start, or not this one, for so long (`2h`), or until `resume`; what is running goes on.

    Raises:
        UsageError: if there is no such job, or `duration` is none.
        StateError: if the history cannot be written.
    """
    name, now = None if job is None else site.job(job).name, clock.now()
    until = None if duration is None else now + given.seconds("--for", duration)
    StateDir(site.state).ensure()
    pauses.pause(site.state, name, now, until)
    return Paused(job=name, until=until, zone=site.config.zone)


def resume(site: Site, job: str | None = None) -> Resumed:
    """End the pause of everything, or of one job.

    Raises:
        UsageError: if there is no such job.
        StateError: if the history cannot be written.
    """
    name = None if job is None else site.job(job).name
    StateDir(site.state).ensure()
    return Resumed(job=name, was_paused=pauses.resume(site.state, name))
