"""Weeks and months of the calendar, in local time: from Monday's or the first day's midnight to the next.

Days are numbered from 1970-01-01, a Thursday.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from batchctl.core.time.zones import at_wall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchctl.core.time.zones import Zone

DAY = 86400
_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = 12


class Period(NamedTuple):
    """A stretch of the calendar, [start, end) in seconds since the epoch."""

    name: str
    start: float
    end: float


def day_of(instant: float, zone: Zone) -> int:
    """Return the number of the local day that an instant falls on."""
    return int((instant + zone.offset(instant)) // DAY)


def midnight(day: int, zone: Zone) -> float:
    """Return the instant at which a local day begins; where the clock skips midnight, the first one after."""
    return at_wall(float(day * DAY), zone)


def weeks(since: float, until: float, zone: Zone) -> list[Period]:
    """Return the ISO weeks that touch [since, until), in order, each whole: `2026-W47`."""

    def monday(day: date) -> date:
        return date.fromordinal(day.toordinal() - day.weekday())

    def name(day: date) -> str:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"

    return list(_periods(since, until, zone, monday, lambda day: date.fromordinal(day.toordinal() + 7), name))


def months(since: float, until: float, zone: Zone) -> list[Period]:
    """Return the months that touch [since, until), in order, each whole: `2026-11`."""

    def following(day: date) -> date:
        return date(day.year + day.month // _MONTHS, day.month % _MONTHS + 1, 1)

    return list(_periods(since, until, zone, lambda day: day.replace(day=1), following, lambda day: f"{day:%Y-%m}"))


def _periods(
    since: float,
    until: float,
    zone: Zone,
    first: Callable[[date], date],
    following: Callable[[date], date],
    name: Callable[[date], str],
) -> Iterator[Period]:
    day = first(date_of(day_of(since, zone)))
    while (start := midnight(day.toordinal() - _EPOCH, zone)) < until:
        after = following(day)
        yield Period(name(day), start, midnight(after.toordinal() - _EPOCH, zone))
        day = after


def date_of(day: int) -> date:
    """Return the date of a numbered day."""
    return date.fromordinal(_EPOCH + day)
