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
        # dates up to the ends of the shortest month
        ("0 1 28 2 *", "Asia/Seoul", "Etc/UTC", ("0 16 27 2 *",)),
        ("0 20 27 2 *", "Etc/UTC", "Asia/Seoul", ("0 5 28 2 *",)),
        ("0 1 2,31 1,3 *", "Asia/Seoul", "Etc/UTC", ("0 16 1,30 1,3 *",)),
        ("0 1 30 4,6 *", "Asia/Seoul", "Etc/UTC", ("0 16 29 4,6 *",)),
        # every day, written as dates or weekdays of which either is enough
        ("0 1 1-31 * 1", "Asia/Seoul", "Etc/UTC", ("0 16 1-31 * 1",)),
        ("0 1 15 * 0-6", "Asia/Seoul", "Etc/UTC", ("0 16 15 * 0-6",)),
        # every minute; two hours and three; three in even distance and four
        ("* 1 * * *", "Asia/Seoul", "Etc/UTC", ("* 16 * * *",)),
        ("0 10,11 * * *", "Asia/Seoul", "Etc/UTC", ("0 1,2 * * *",)),
        ("0 10-12 * * *", "Asia/Seoul", "Etc/UTC", ("0 1-3 * * *",)),
        ("0 */8 * * *", "Asia/Manila", "Etc/UTC", ("0 0,8,16 * * *",)),
        ("0 */6 * * *", "Asia/Dhaka", "Etc/UTC", ("0 */6 * * *",)),
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
        ("7 * * * *", "Pacific/Chatham", "Asia/Kathmandu", ("7 * * * *",)),
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
        # every hour of every day, but a fixed time: what comes twice runs once
        ("0 0-23 * * *", "America/New_York", "Etc/UTC", "clocks change"),
        # of some days only, or in zones that are not whole hours apart all year
        ("*/5 * * * 1", "America/New_York", "Etc/UTC", "clocks change"),
        ("30 * * * *", "Australia/Lord_Howe", "Etc/UTC", "clocks change"),
        # the day before the first
        ("0 1 1 * *", "Asia/Seoul", "Etc/UTC", "another month"),
        # the day before the 31st is a day that shorter months have too
        ("0 1 31 * *", "Asia/Seoul", "Etc/UTC", "another month"),
        # ditto for the leap day
        ("0 1 29 2 *", "Asia/Seoul", "Etc/UTC", "another month"),
        ("0 1 31 4 1", "Asia/Seoul", "Etc/UTC", "another month"),
        ("0 1 1,15 1 *", "Asia/Seoul", "Etc/UTC", "another month"),
        # the day after
        ("0 20 31 1 *", "Etc/UTC", "Asia/Seoul", "another month"),
        ("0 20 30 4 *", "Etc/UTC", "Asia/Seoul", "another month"),
        ("0 20 28 * *", "Etc/UTC", "Asia/Seoul", "another month"),
        # a month, whose first night belongs to the one before
        ("0 1 * 6 *", "Asia/Seoul", "Etc/UTC", "another month"),
        ("0 1 15 6 0-6", "Asia/Seoul", "Etc/UTC", "another month"),
        # both fields at once
        ("0 1 */2 * 1", "Asia/Seoul", "Etc/UTC", "cannot be moved"),
    ],
)
def test_refused(text: str, source: str, target: str, why: str) -> None:
    """A schedule that no line of the other zone matches exactly is refused with the reason."""
    with pytest.raises(ValueError, match=why):
        shift_zone(parse_cron(text), zones.NamedZone(source), zones.NamedZone(target), NOW)


def test_only_the_coming_year_counts() -> None:
    """Brazil gave up its summer time in 2019: from then on a line for UTC is exact."""
    november = zones.parse_time("2019-11-01", zones.NamedZone("Etc/UTC"))
    sao_paulo, utc = zones.NamedZone("America/Sao_Paulo"), zones.NamedZone("Etc/UTC")
    assert shift_zone(parse_cron("0 1 * * *"), sao_paulo, utc, november) == ("0 4 * * *",)
    with pytest.raises(ValueError, match="clocks change"):
        shift_zone(parse_cron("0 1 * * *"), sao_paulo, utc, november - YEAR)
