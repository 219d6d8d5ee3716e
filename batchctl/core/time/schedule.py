"""When a schedule fires: instants as Debian's cron would produce them, without asking croniter for each.

The expanded fields are walked day by day. A day without an offset change is plain arithmetic; around a change the
rules of cron(8) and its source (3.0pl1, main loop) apply:

* A fixed-time job (neither minute nor hour begins with `*`) that falls into a skipped hour runs right after the change,
  ten seconds apart if it falls there more than once; one that falls into a repeated hour runs the first time only.
* A job with `*` there follows the wall clock: not at all in a skipped hour, twice in a repeated one.
* A change forwards of three hours or more, or backwards of more than three, is a correction: the new time counts at
  once.
"""

from __future__ import annotations

from batchctl.base.record import replace
from batchctl.core.time.cadence import every_cron
from batchctl.core.time.cron import civil, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from batchctl.core.time.cron import Cron, Schedule
    from batchctl.core.time.zones import Zone

MINUTE = 60
HOUR = 3600
DAY = 86400

_CATCH_UP_PAUSE = 10.0
"""Seconds that cron sleeps between the runs it makes up for."""
_CORRECTION = 3 * HOUR


def fires(schedule: Schedule, zone: Zone, start: float) -> Iterator[float]:
    """Yield the fires from `start` on, in order: endless for cron and every, one for `at`, none for neither."""
    if schedule.delay:
        # The crontab line sleeps so long, whatever the wall clock does meanwhile.
        delay = schedule.delay
        yield from (fire + delay for fire in fires(replace(schedule, delay=0.0), zone, start - delay))
    elif schedule.cron is not None:
        yield from _cron_fires(schedule.cron, zone, start)
    elif schedule.every is not None:
        cron, delays = every_cron(schedule.every)
        if len(delays) == 1:
            yield from _cron_fires(cron, zone, start)
            return
        for fire in _cron_fires(cron, zone, start - MINUTE):
            yield from (fire + delay for delay in delays if fire + delay >= start)
    elif schedule.at is not None and schedule.at >= start:
        yield schedule.at


def previous_fire(schedule: Schedule, zone: Zone, now: float) -> float | None:
    """Return the latest fire up to and including `now`; None where there was none."""
    if schedule.delay:
        found = previous_fire(replace(schedule, delay=0.0), zone, now - schedule.delay)
        return None if found is None else found + schedule.delay
    if schedule.at is not None:
        return schedule.at if schedule.at <= now else None
    cron = schedule.cron if schedule.every is None else every_cron(schedule.every)[0]
    if cron is None:
        return None
    # Most jobs that fire often have one in the last hour; for the others the calendar says where to look.
    found = _last_up_to(fires(schedule, zone, now - HOUR), now)
    day = int(now + zone.offset(now)) // DAY + 1
    while found is None:
        earlier = _matching_day_up_to(cron, day)
        # A day begins up to 14 hours before its midnight in UTC, and a change of the clock can shift its fires.
        found = _last_up_to(fires(schedule, zone, earlier * DAY - DAY), now)
        day = earlier - 1
    return found


def repeat(start: float, every: float, zone: Zone) -> Iterator[float]:
    """Yield `start` and each `every` seconds after it; whole days keep the wall-clock time when the clock changes."""
    whole_days = every % DAY == 0
    offset = zone.offset(start)
    count = 0
    while True:
        fire = start + count * every
        yield fire + offset - zone.offset(fire) if whole_days else fire
        count += 1


def shift(instants: Iterable[float], seconds: float, zone: Zone) -> Iterator[float]:
    """Yield each instant `seconds` of wall-clock time later."""
    for instant in instants:
        later = instant + seconds
        yield later + zone.offset(instant) - zone.offset(later)


def _last_up_to(instants: Iterable[float], now: float) -> float | None:
    found = None
    for instant in instants:
        if instant > now:
            break
        found = instant
    return found


def _matching_day_up_to(cron: Cron, day: int) -> int:
    """Return the latest day up to `day` that matches; months that do not are passed in one step.

    There is one, at most 40 years before (the 29th of February on one weekday): no expression is made that never fires.
    """
    while not matches(cron, day):
        month, month_day = civil(day)
        day -= 1 if month in cron.months else month_day
    return day


def _cron_fires(cron: Cron, zone: Zone, start: float) -> Iterator[float]:
    times = tuple(hour * HOUR + minute * MINUTE for hour in cron.hours for minute in cron.minutes)
    midnight, offset = _settled_midnight(zone, start)
    while True:
        following = midnight + DAY
        next_offset = zone.offset(following)
        if next_offset != offset:
            change = _change(zone, midnight, following, offset)
            following, found = _around_change(cron, times, midnight, change, offset, next_offset)
            yield from (fire for fire in found if fire >= start)
        elif following > start and matches(cron, (midnight + offset) // DAY):
            if midnight >= start:
                for time in times:
                    yield float(midnight + time)
            else:
                yield from (float(midnight + time) for time in times if midnight + time >= start)
        midnight, offset = following, next_offset


def _settled_midnight(zone: Zone, start: float) -> tuple[int, int]:
    """Return a local midnight before `start` from which the clock ran evenly for a day, and the offset there."""
    before = int(start) - 2 * DAY
    while True:
        offset = zone.offset(before)
        midnight = (before + offset) // DAY * DAY - offset
        if zone.offset(midnight) == offset:
            return midnight, offset
        before -= DAY


def _change(zone: Zone, before: int, after: int, offset: int) -> int:
    """Return the first second in (before, after] at which the zone's offset is no longer `offset`."""
    while after - before > 1:
        middle = (before + after) // 2
        if zone.offset(middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _around_change(
    cron: Cron, times: tuple[int, ...], midnight: int, change: int, old: int, new: int
) -> tuple[int, list[float]]:
    """Return the first midnight from which the new offset runs evenly, and the fires from `midnight` up to it."""
    # The later of both readings of the clock: where it went back, the fixed-time jobs have caught up by then.
    caught_up = change + max(old, new)
    resume = -(-caught_up // DAY) * DAY - new
    old_days = range((midnight + old) // DAY, (change + old) // DAY + 1)
    new_days = range((change + new) // DAY, (resume + new) // DAY)
    ahead = new - old
    if cron.wild or ahead >= _CORRECTION or -ahead > _CORRECTION:
        first = [wall - old for wall in _walls(cron, times, old_days)]
        second = [wall - new for wall in _walls(cron, times, new_days)]
        return resume, [float(fire) for fire in first if fire < change] + [float(f) for f in second if f >= change]
    found: list[float] = []
    for wall in _walls(cron, times, range(old_days.start, (resume + new) // DAY)):
        fire = float(wall - old if wall - old < change else max(change, wall - new))
        found.append(max(fire, found[-1] + _CATCH_UP_PAUSE) if found else fire)
    return resume, found


def _walls(cron: Cron, times: tuple[int, ...], days: range) -> list[int]:
    """Return the wall-clock seconds at which the expression matches on these days."""
    return [day * DAY + time for day in days if matches(cron, day) for time in times]
