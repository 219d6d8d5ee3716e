"""When a job fires, as values: what `create_job` and `@job` take, and what can be asked for its next fires."""

from __future__ import annotations

from batchctl.base.errors import UsageError
from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from typing import Any

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class Schedule(Record):
    """When a job fires: the keys of the configuration that say so.

    >>> daily("02:00")
    Schedule(keys={'daily': '02:00'})
    """

    keys: Mapping[str, Any]

    def next(
        self, n: int = 1, *, timezone: str | None = None, start: datetime | str | None = None
    ) -> tuple[datetime, ...]:
        """Return the next `n` fires from `start` (now) on, as cron makes them; of `after` there are none to foretell.

        Args:
            n: how many.
            timezone: the zone that the schedule's times mean; the system's, as cron uses it, unless told otherwise.
            start: an aware datetime, or ISO 8601 text.

        Raises:
            UsageError: if the schedule cannot be one, or zone or time are none.

        >>> [fire.isoformat() for fire in daily("02:00").next(2, timezone="Asia/Seoul", start="2026-12-01")]
        ['2026-12-01T02:00:00+09:00', '2026-12-02T02:00:00+09:00']
        """
        from datetime import datetime

        from batchctl.answers.schedules import next_fires
        from batchctl.core.time.zones import iso

        since = start.isoformat() if isinstance(start, datetime) else start
        found = next_fires(self.keys, n, timezone=timezone, start=since)
        return tuple(datetime.fromisoformat(iso(at, found.zone) or "") for at in found.at)


def cron(expression: str) -> Schedule:
    """Fire as Debian's cron would for the five fields.

    >>> cron("15 * * * *").keys
    {'schedule': '15 * * * *'}
    """
    return Schedule(keys={"schedule": expression})


def daily(time: str) -> Schedule:
    """Fire each day at a time of day, `HH:MM`.

    >>> daily("02:00").keys
    {'daily': '02:00'}
    """
    return Schedule(keys={"daily": time})


def hourly(minute: int = 0) -> Schedule:
    """Fire each hour at a minute, 0 to 59.

    >>> hourly(minute=15).keys
    {'schedule': '15 * * * *'}
    """
    return cron(f"{_within(minute, 0, 59, 'minute')} * * * *")


def weekly(day: str, time: str = "00:00") -> Schedule:
    """Fire each week on a day (`sun` to `sat`, or its English name) at `HH:MM`.

    >>> weekly("sun", "03:00").keys
    {'schedule': '0 3 * * 0'}
    """
    short = day.strip().lower()[:3]
    if short not in _WEEKDAYS:
        message = f"{day!r} is no day of the week"
        raise UsageError(message, remedy=f"give one of {', '.join(_WEEKDAYS)}")
    hour, minute = _time(time)
    return cron(f"{minute} {hour} * * {_WEEKDAYS.index(short)}")


def monthly(day: int, time: str = "00:00") -> Schedule:
    """Fire each month on a day, 1 to 31, at `HH:MM`; a month that has no such day has no fire.

    >>> monthly(1, "04:00").keys
    {'schedule': '0 4 1 * *'}
    """
    hour, minute = _time(time)
    return cron(f"{minute} {hour} {_within(day, 1, 31, 'day')} * *")


def every(interval: str | float | timedelta) -> Schedule:
    """Fire so long after the last start: `30h`, seconds, or a timedelta.

    >>> every("30h").keys
    {'every': '30h'}
    """
    return Schedule(keys={"every": duration(interval)})


def at(moment: datetime | str) -> Schedule:
    """Fire once; a datetime without offset means the configuration's time zone.

    >>> at("2026-12-01T12:00:00+09:00").keys
    {'at': datetime.datetime(2026, 12, 1, 12, 0, tzinfo=datetime.timezone(datetime.timedelta(seconds=32400)))}
    """
    from datetime import datetime

    if isinstance(moment, datetime):
        return Schedule(keys={"at": moment})
    try:
        return Schedule(keys={"at": datetime.fromisoformat(moment)})
    except ValueError as error:
        message = f"{moment!r} is not a time"
        raise UsageError(message, remedy="write for example 2026-12-01T12:00, or with an offset, +09:00") from error


def after(*jobs: str, any: bool = False) -> Schedule:  # noqa: A002 - reads as the configuration's after_any
    """Fire when another job's run has succeeded; of several, once all have since this job's last start.

    Args:
        jobs: names of jobs.
        any: whatever came of their runs.

    >>> after("keyword-search").keys
    {'after': ['keyword-search']}
    """
    keys: dict[str, Any] = {"after": list(jobs)}
    return Schedule(keys={**keys, "after_any": True} if any else keys)


def duration(length: str | float | timedelta) -> str:
    """Return a duration as the configuration has it: text stays, numbers are seconds.

    >>> from datetime import timedelta
    >>> duration(timedelta(hours=1.5)), duration(90), duration("2d")
    ('5400s', '90s', '2d')
    """
    if isinstance(length, str):
        return length
    seconds = length if isinstance(length, int | float) else length.total_seconds()
    return f"{seconds:g}s" if seconds < 1e6 else f"{seconds:.0f}s"  # noqa: PLR2004 - g would write 1e+06


def plain(value: Any) -> Any:
    """Return a value as the configuration has it: a timedelta as text."""
    return duration(value) if hasattr(value, "total_seconds") else value


def _within(value: int, least: int, most: int, what: str) -> int:
    if not least <= value <= most:
        message = f"{value} is no {what}"
        raise UsageError(message, remedy=f"give {least} to {most}")
    return value


def _time(text: str) -> tuple[int, int]:
    hour, colon, minute = text.partition(":")
    if not colon or not hour.isdecimal() or not minute.isdecimal():
        message = f"{text!r} is no time of day"
        raise UsageError(message, remedy="write HH:MM, for example 03:00")
    return _within(int(hour), 0, 23, "hour"), _within(int(minute), 0, 59, "minute")
