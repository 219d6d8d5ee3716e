"""How a schedule becomes crontab lines.

cron knows minutes of the wall clock and nothing of the last start. So `every` becomes the sparsest line that hits every
due time counted from a start at midnight, and the decision's check `not_due` skips the fires between.
"""

from __future__ import annotations

from math import gcd

from batchctl.base.record import Record, replace
from batchctl.core.time.cron import Cron, civil
from batchctl.core.time.zones import at_wall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.time.cron import Schedule
    from batchctl.core.time.zones import Zone

MINUTE = 60
HOUR = 3600
DAY = 86400

_FINE_LIMIT = HOUR
"""Shorter intervals are hit to the second; longer ones to the minute, which is all that cron itself offers."""


class CronLine(Record):
    """One crontab line: the five fields, and the seconds to sleep before the command."""

    text: str
    delay: float = 0.0


def share_of(jitter: float, name: str) -> float:
    """Return the whole seconds in [0, jitter) by which the job of this name is delayed: the same on every machine."""
    from hashlib import sha256

    return float(int(jitter * int.from_bytes(sha256(name.encode()).digest()[:6], "big") / 2**48))


def cron_lines(schedule: Schedule, zone: Zone) -> tuple[CronLine, ...]:
    """Return the crontab lines of a schedule; none for a job that is only run by hand.

    Raises:
        ValueError: if `every` is no whole number of seconds.
    """
    if schedule.delay:
        lines = cron_lines(replace(schedule, delay=0.0), zone)
        return tuple(replace(line, delay=line.delay + schedule.delay) for line in lines)
    if schedule.cron is not None:
        return (CronLine(text=schedule.cron.text),)
    if schedule.every is not None:
        cron, delays = every_cron(schedule.every)
        return tuple(CronLine(text=cron.text, delay=delay) for delay in delays)
    if schedule.at is not None:
        return (_at_line(schedule.at, zone),)
    return ()


def every_cron(every: float) -> tuple[Cron, tuple[float, ...]]:
    """Return the expression that hits every due time of `every` seconds, and the delays after each of its fires.

    `30h` gives `0 */6 * * *`, `90m` gives `*/30 * * * *`; `30s` fires each minute, at once and 30 seconds later.
    Seconds matter below an hour (at most 60 lines, for what has no divisor in common with 60); from an hour on they are
    left out, so that a run may start up to a minute after it is due.

    Raises:
        ValueError: if `every` is no whole number of seconds from 1.
    """
    seconds = int(every)
    if seconds != every or seconds < 1:
        message = (
            f'every = {every:g} s: cron lines reach whole seconds only; write for example every = "{seconds + 1}s"'
        )
        raise ValueError(message)
    if seconds % MINUTE and seconds < _FINE_LIMIT:
        step = gcd(seconds, MINUTE)
        return _expression(1), tuple(float(delay) for delay in range(0, MINUTE, step))
    # A due time off the minute is caught by the next one.
    return _expression(gcd(seconds, DAY) // MINUTE if seconds % MINUTE == 0 else 1), (0.0,)


def _expression(minutes: int) -> Cron:
    """Return the sparsest expression that hits every multiple of `minutes` (a divisor of a day) from midnight."""
    minute_step = gcd(minutes, 60)
    hour_step = minutes // 60 if minute_step == 60 else 1  # noqa: PLR2004
    minute_text, hour_text = _step_text(minute_step, 60), _step_text(hour_step, 24)
    return Cron(
        text=f"{minute_text} {hour_text} * * *",
        minutes=tuple(range(0, 60, minute_step)),
        hours=tuple(range(0, 24, hour_step)),
        days=tuple(range(1, 32)),
        months=tuple(range(1, 13)),
        weekdays=tuple(range(7)),
        day_star=True,
        weekday_star=True,
        wild=hour_text.startswith("*"),
    )


def _step_text(step: int, size: int) -> str:
    if step == size:
        return "0"
    return "*" if step == 1 else f"*/{step}"


def _at_line(at: float, zone: Zone) -> CronLine:
    """Return the line of one date; it fires every year, and the decision skips all others.

    cron fires on the minute, and in a repeated hour the first time only: the rest is slept.
    """
    wall = int(at + zone.offset(at)) // MINUTE * MINUTE
    fire = at_wall(wall, zone)
    month, day = civil(wall // DAY)
    return CronLine(text=f"{wall % HOUR // MINUTE} {wall % DAY // HOUR} {day} {month} *", delay=at - fire)
