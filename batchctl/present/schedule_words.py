"""A schedule in words: `every day at 01:00` for `0 1 * * *`."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from batchctl.base.language import weekday
from batchctl.present.text import format_duration, human, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.time.cron import Cron, Schedule
    from batchctl.core.time.zones import Zone

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOST_TIMES = 8
"""Times of day that are told one by one."""
_HOUR, _HOURS_OF_DAY, _MONTHS_OF_YEAR, _WEEK = 60, 24, 12, 7


def in_words(schedule: Schedule, zone: Zone) -> str:
    """Return when a schedule fires; what no words are known for as it was written."""
    if schedule.cron is not None:
        return _cron(schedule.cron)
    if schedule.every is not None:
        return say("every %s, counted from the last start", format_duration(schedule.every))
    if schedule.at is not None:
        return say("once, on %s", human(schedule.at, zone))
    if schedule.after:
        template = "each time that %s has ended" if schedule.after_any else "each time that %s has succeeded"
        return say(template, ", ".join(schedule.after))
    return say("only by hand")


def _cron(cron: Cron) -> str:
    time, day = _times(cron), _days(cron)
    return say("%s, %s", day, time) if day else time


def _times(cron: Cron) -> str:
    minutes, hours = cron.minutes, cron.hours
    if len(minutes) * len(hours) <= _MOST_TIMES:
        return say("at %s", ", ".join(f"{hour:02d}:{minute:02d}" for hour in hours for minute in minutes))
    step = _step(minutes, _HOUR)
    often = say("at minute %s of each hour", ", ".join(map(str, minutes)))
    if len(minutes) == _HOUR:
        often = say("every minute")
    elif step is not None:
        often = say("every %d minutes", step)
    if len(hours) == _HOURS_OF_DAY:
        return often
    hour_step = _step(hours, _HOURS_OF_DAY)
    if hour_step is not None:
        return say("%s, in every %d. hour", often, hour_step)
    return say("%s, in the hours %s", often, ", ".join(_ranges(hours)))


def _days(cron: Cron) -> str:
    month = "" if len(cron.months) == _MONTHS_OF_YEAR else ", ".join(say(_MONTHS[month - 1]) for month in cron.months)
    has_days, has_weekdays = not cron.day_star, not cron.weekday_star
    named = dict.fromkeys(_WEEKDAYS[day % _WEEK] for day in cron.weekdays)
    weekdays = ", ".join(map(weekday, named))
    days = ", ".join(_ranges(cron.days))
    if has_days and has_weekdays:
        found = say("on day %s of the month and on every %s", days, weekdays)
    elif has_weekdays and len(named) < _WEEK:
        found = say("on every %s", weekdays)
    elif has_days:
        found = say("on day %s of the month", days)
    else:
        found = say("every day") if len(cron.minutes) * len(cron.hours) <= _MOST_TIMES or month else ""
    return say("%s in %s", found, month) if month else found


def _step(values: Sequence[int], size: int) -> int | None:
    """Return the distance of values that are evenly spread from 0 over the whole; None where they are not."""
    steps = {after - before for before, after in pairwise(values)}
    step = steps.pop() if len(steps) == 1 else None
    return step if step is not None and values[0] == 0 and size % step == 0 and values[-1] + step == size else None


def _ranges(values: Sequence[int]) -> list[str]:
    """Return numbers, those that follow each other as `1-5`."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
