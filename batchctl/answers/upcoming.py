"""The coming fires of all jobs in one list: what each will do, and beside whose runs."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.duration import parse_duration
from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.core.guard.fitness import asked
from batchctl.crontab import firing
from batchctl.watch.standing import standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.answers.site import Site
    from batchctl.core.foresight.simulate import SimulatedFire
    from batchctl.core.model import Job
    from batchctl.core.time.zones import Zone
    from batchctl.watch.standing import Standing
    from batchctl.watch.underway import Current

_LONGEST = 366 * 86400.0
_MOST = 200_000
"""Fires of all jobs together: a week of twenty that are fired each minute."""


class Fire(Record):
    """One coming fire; instants are seconds since the epoch."""

    at: float
    job: str
    verdict: str
    reason: str | None
    ends_at: float | None
    """When the run that it starts is expected to end; None for a skip, and where nobody knows how long it takes."""
    is_unfired: bool
    """No crontab line fires the job, so that nothing of it will happen."""
    overlaps: Sequence[str]
    """The other jobs whose runs run at the same time: those that run now, and those that these fires start."""


class Running(Record):
    """A run that is under way."""

    job: Job
    current: Current


class Upcoming(Record):
    """What runs now, and all fires from now (`start`) until `end`, in order."""

    start: float
    end: float
    zone: Zone
    running: Sequence[Running]
    fires: Sequence[Fire]
    conditions: Mapping[str, str] = {}
    """What these fires ask of the machine, by job; whether it is so then nobody knows."""


def upcoming(site: Site, horizon: str = "24h", *, only: str | None = None) -> Upcoming:
    """Return what will be fired within `horizon`, a duration from now; of all jobs or of one.

    Raises:
        UsageError: if it is no duration, or too long to be listed.
        StateError: if the history cannot be trusted.
    """
    now, history, jobs = clock.now(), site.history(), site.listed.jobs
    end = now + _seconds(horizon)
    chosen = [job for name, job in jobs.items() if only in {None, name}]
    stands = [standing(job, history, site.state, now, jobs) for job in chosen]
    found: list[tuple[Standing, SimulatedFire]] = []
    for each in stands:
        coming = takewhile(lambda fire: fire.at < end, each.fires())
        found += ((each, fire) for fire in islice(coming, _MOST + 1 - len(found)))
        if len(found) > _MOST:
            message = f"there are more than {_MOST:,} fires within {horizon}"
            raise UsageError(message, remedy="look less far ahead with --for")
    found.sort(key=lambda each: each[1].at)
    running = [Running(job=each.job, current=each.current) for each in stands if each.current is not None]
    conditions = {each.job.name: asked(each.job.rules.start_if) for each, _ in found if each.job.rules.start_if}
    return Upcoming(
        start=now,
        end=end,
        zone=site.config.zone,
        running=running,
        fires=_listed(running, found, now, _unfired(site, {each.job.name for each, _ in found})),
        conditions=conditions,
    )


def _unfired(site: Site, jobs: set[str]) -> frozenset[str]:
    if not jobs:
        return frozenset()
    cron, config = firing.look(site.listed, site.state), site.listed
    return frozenset(name for name in jobs if cron.fires(config, name) is False)


def _seconds(horizon: str) -> float:
    try:
        seconds = parse_duration(horizon)
    except ValueError as error:
        message = f"--for: {error}"
        raise UsageError(message, remedy="give --for a duration, for example --for 24h") from error
    if not 0 < seconds <= _LONGEST:
        message = f"--for: {horizon!r} is not between 0 and a year"
        raise UsageError(message, remedy="write for example --for 24h")
    return seconds


def _listed(
    running: Sequence[Running], found: Sequence[tuple[Standing, SimulatedFire]], now: float, unfired: frozenset[str]
) -> list[Fire]:
    ends = [_end(stands, fire) for stands, fire in found]
    # A run whose end nobody knows is taken for one without length, and one that is under way for one without end.
    spans = [(each.job.name, now, each.current.expected_end_at or float("inf")) for each in running]
    starts = ((place, each.job.name) for place, (each, fire) in enumerate(found) if fire.verdict == "start")
    places = [place for place, name in starts if name not in unfired]
    spans += [(found[place][0].job.name, found[place][1].at, ends[place] or found[place][1].at) for place in places]
    overlaps = dict(zip(places, _overlaps(spans)[len(running) :], strict=True))
    return [
        Fire(
            at=fire.at,
            job=stands.job.name,
            verdict=fire.verdict,
            reason=fire.reason,
            ends_at=end,
            is_unfired=stands.job.name in unfired,
            overlaps=sorted(overlaps.get(place, ())),
        )
        for place, ((stands, fire), end) in enumerate(zip(found, ends, strict=True))
    ]


def _end(stands: Standing, fire: SimulatedFire) -> float | None:
    known = stands.typical is not None or stands.job.timeout is not None
    return fire.ends_at if known and fire.ends_at != float("inf") else None


def _overlaps(spans: Sequence[tuple[str, float, float]]) -> list[set[str]]:
    """Return, for each run (job, begin, end), the jobs that run at the same time; given in the order of begins."""
    found: list[set[str]] = [set() for _ in spans]
    active: list[tuple[float, int]] = []
    for place, (job, begin, end) in enumerate(spans):
        while active and active[0][0] <= begin:
            heappop(active)
        for _, other in active:
            if spans[other][0] != job:
                found[place].add(spans[other][0])
                found[other].add(job)
        heappush(active, (end, place))
    return found
