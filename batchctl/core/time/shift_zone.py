"""A cron expression meant in one time zone, written for a cron that reads its fields in another.

Debian's cron knows no zone but the system's: no CRON_TZ, and a TZ line only changes the environment of the commands. A
line that fires at another hour than the operator wrote is worse than none, so the rule is: exactly, or not at all.

- Zones that agree on every hour of the coming year: the expression as it stands.
- Every hour of every day, and the zones differ by whole hours: the expression as it stands.
- Two zones without clock changes in the coming year: the fields are shifted, in up to a few lines, where the shifted
  days can be written. "The day before the 1st" cannot.
- Anything else, first of all a clock change that only one of the two zones makes, is refused.
"""

from __future__ import annotations

from functools import lru_cache

from batchctl.core.time.cron import NICKNAMES, days_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchctl.core.time.cron import Cron
    from batchctl.core.time.zones import Zone

_HOUR = 3600
_YEAR_OF_HOURS = 366 * 24
_DAY_OF_MINUTES = 24 * 60


def shift_zone(cron: Cron, source: Zone, target: Zone, now: float) -> tuple[str, ...]:
    """Return the expressions that fire in `target` at exactly the instants at which `cron` fires in `source`.

    Raises:
        ValueError: with the reason, if there are none.
    """
    ahead = _ahead(source, target, now)
    if all(there == here for there, here in ahead):
        return (cron.text,)
    if _any_day(cron) and len(cron.hours) == 24 and cron.wild and all((a - b) % _HOUR == 0 for a, b in ahead):  # noqa: PLR2004
        return (cron.text,)
    if len(ahead) > 1:
        message = "their clocks change at different times of the year"
        raise ValueError(message)
    ((there, here),) = ahead
    return _shifted(cron, (there - here) // 60)


@lru_cache(maxsize=4)
def _ahead(source: Zone, target: Zone, now: float) -> frozenset[tuple[int, int]]:
    """Return the pairs of offsets that target and source have at once in the coming year; asked for every job."""
    hours = (now + hour * _HOUR for hour in range(_YEAR_OF_HOURS))
    return frozenset((target.offset(at), source.offset(at)) for at in hours)


def _shifted(cron: Cron, minutes: int) -> tuple[str, ...]:
    """Return the expressions whose fires show `minutes` more on the clock."""
    by_hour: dict[tuple[int, int], set[int]] = {}
    for hour in cron.hours:
        for minute in cron.minutes:
            days, of_day = divmod(hour * 60 + minute + minutes, _DAY_OF_MINUTES)
            by_hour.setdefault((0 if _any_day(cron) else days, of_day // 60), set()).add(of_day % 60)
    lines: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for (days, hour), found in sorted(by_hour.items()):
        lines.setdefault((days, tuple(sorted(found))), []).append(hour)
    return tuple(
        f"{_field(within, 60)} {_field(hours, 24)} {_shifted_days(cron, days)}"
        for (days, within), hours in lines.items()
    )


def _shifted_days(cron: Cron, days: int) -> str:
    """Return the last three fields for fires that fall `days` (-1, 0 or 1) later."""
    if not days:
        return " ".join(NICKNAMES.get(cron.text, cron.text).split()[2:])
    both = cron.day_star or cron.weekday_star
    any_date, any_weekday = len(cron.days) == 31, len(cron.weekdays) == 7  # noqa: PLR2004
    month = _field(cron.months, 13, first=1)
    if both and any_weekday:
        return f"{_list(_dates(cron, days))} {month} *"
    if month != "*":
        message = "the day before or after falls into another month"
        raise ValueError(message)
    weekdays = _list((weekday + days) % 7 for weekday in cron.weekdays)
    if any_date:
        return f"* * {weekdays}"
    if both:
        message = "a day that must match both the day of the month and the weekday cannot be moved"
        raise ValueError(message)
    # Neither list may become a star, with which cron would ask for both fields at once.
    return f"{_list(_dates(cron, days))} * {weekdays}"


def _dates(cron: Cron, days: int) -> list[int]:
    # Only dates that every month has, before and after: the 30th of June is the day after no 29th of February.
    last = min(days_in(month, leap=False) for month in cron.months)
    moved = [day + days for day in cron.days]
    if cron.days[-1] > last or moved[0] < 1 or moved[-1] > last:
        message = "the day before or after falls into another month"
        raise ValueError(message)
    return moved


def _any_day(cron: Cron) -> bool:
    dates, weekdays = len(cron.days) == 31, len(cron.weekdays) == 7  # noqa: PLR2004
    either = not (cron.day_star or cron.weekday_star)
    return len(cron.months) == 12 and ((dates or weekdays) if either else (dates and weekdays))  # noqa: PLR2004


def _field(values: Iterable[int], end: int, *, first: int = 0) -> str:
    found = sorted(values)
    if found == list(range(first, end)):
        return "*"
    if len(found) > 3 and found == list(range(0, end, found[1])):  # noqa: PLR2004 - shorter lists read better in full
        return f"*/{found[1]}"
    return _list(found)


def _list(values: Iterable[int]) -> str:
    """Return the values as cron writes them, runs of three and more as ranges."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs]  # noqa: PLR2004
    return ",".join(parts)
