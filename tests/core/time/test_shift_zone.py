"""A schedule in one zone, written for a cron in another, fires at the same instants or is refused."""

from __future__ import annotations

from itertools import takewhile

import pytest

from batchctl.core.time import zones
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.schedule import fires
from batchctl.core.time.shift_zone import shift_zone

NOW = 1795222800.0  # 2026-11-21 01:00 UTC
YEAR = 366 * 86400.0


def all_fires(texts: tuple[str, ...], zone: str) -> list[float]:
    """Return the fires of all expressions together over the year from NOW on."""
    where = zones.NamedZone(zone)
    found: list[float] = []
    for text in texts:
        every = fires(Schedule(text=text, cron=parse_cron(text)), where, NOW)
        found.extend(takewhile(lambda at: at < NOW + YEAR, every))
    return sorted(found)


@pytest.mark.parametrize(
    ("text", "source", "target", "expected"),
    [
        # the measured case: one in the night in Seoul is four in the afternoon, the day before, in UTC
        ("0 1 * * *", "Asia/Seoul", "Etc/UTC", ("0 16 * * *",)),
        # no day changes
        ("30 12 1,15 * 1", "Asia/Seoul", "Etc/UTC", ("30 3 1,15 * 1",)),
        # the weekday moves with the day
        ("0 1 * * 1", "Asia/Seoul", "Etc/UTC", ("0 16 * * 0",)),
        ("0 1 * * mon-fri", "Asia/Seoul", "Etc/UTC", ("0 16 * * 0-4",)),
        # dates that every month has move, also where one of date and weekday is enough
        ("0 1 2-27 * *", "Asia/Seoul", "Etc/UTC", ("0 16 1-26 * *",)),
        ("0 1 15 * 1", "Asia/Seoul", "Etc/UTC", ("0 16 14 * 0",)),
        # the months stay
        ("0 1 10 3,6 *", "Asia/Seoul", "Etc/UTC", ("0 16 9 3,6 *",)),
        # some hours stay in their day and some do not
        ("0 1,12 * * 6", "Asia/Seoul", "Etc/UTC", ("0 16 * * 5", "0 3 * * 6")),
        # ahead
        ("0 20 * * 6", "Etc/UTC", "Asia/Seoul", ("0 5 * * 0",)),
        # half an hour, which splits the hour of the minutes
        ("*/10 1 * * *", "Asia/Kolkata", "Etc/UTC", ("30,40,50 19 * * *", "0,10,20 20 * * *")),
        # every six hours, counted in another zone
        ("0 */6 * * *", "Asia/Seoul", "Etc/UTC", ("0 3,9,15,21 * * *",)),
        # a nickname
        ("@daily", "Asia/Seoul", "Etc/UTC", ("0 15 * * *",)),
        # every hour of every day is the same everywhere, though one clock changes
        ("*/5 * * * *", "America/New_York", "Etc/UTC", ("*/5 * * * *",)),
        # zones that agree
        ("0 1 1 * *", "Asia/Seoul", "Asia/Tokyo", ("0 1 1 * *",)),
        ("0 2 * * *", "Europe/Paris", "Europe/Berlin", ("0 2 * * *",)),
    ],
)
def test_same_instants(text: str, source: str, target: str, expected: tuple[str, ...]) -> None:
    """What is written for cron's zone fires at the very instants of the job's zone, all year."""
    found = shift_zone(parse_cron(text), zones.NamedZone(source), zones.NamedZone(target), NOW)
    assert found == expected
    assert all_fires(found, target) == all_fires((text,), source)


@pytest.mark.parametrize(
    ("text", "source", "target", "why"),
    [
        # one clock changes
        ("0 1 * * *", "America/New_York", "Etc/UTC", "clocks change"),
        # both do, at different instants
        ("0 1 * * *", "America/New_York", "America/Chicago", "clocks change"),
        # the day before the first
        ("0 1 1 * *", "Asia/Seoul", "Etc/UTC", "another month"),
        # the day before the 31st is a day that shorter months have too
        ("0 1 31 * *", "Asia/Seoul", "Etc/UTC", "another month"),
        # ditto for the leap day
        ("0 1 29 2 *", "Asia/Seoul", "Etc/UTC", "another month"),
        # the day after
        ("0 20 28 * *", "Etc/UTC", "Asia/Seoul", "another month"),
        # a month, whose first night belongs to the one before
        ("0 1 * 6 *", "Asia/Seoul", "Etc/UTC", "another month"),
        # both fields at once
        ("0 1 */2 * 1", "Asia/Seoul", "Etc/UTC", "cannot be moved"),
    ],
)
def test_refused(text: str, source: str, target: str, why: str) -> None:
    """A schedule that no line of the other zone matches exactly is refused with the reason."""
    with pytest.raises(ValueError, match=why):
        shift_zone(parse_cron(text), zones.NamedZone(source), zones.NamedZone(target), NOW)
