"""Weeks and months, also where the clock changes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchctl.core.time.periods import date_of, day_of, midnight, months, weeks
from batchctl.core.time.zones import NamedZone, parse_time


@pytest.mark.parametrize(
    ("since", "until", "zone", "expected"),
    [
        ("2026-11-21", "2026-11-24", "Asia/Seoul", ["2026-W47", "2026-W48"]),  # over a Monday
        ("2026-11-16", "2026-11-23", "Asia/Seoul", ["2026-W47"]),  # exactly one week: the end is exclusive
        ("2026-12-31", "2027-01-05", "Asia/Seoul", ["2026-W53", "2027-W01"]),  # New Year belongs to the old week
        ("2024-12-30", "2024-12-31", "Asia/Seoul", ["2025-W01"]),  # and the last days to the new one
    ],
)
def test_weeks(since: str, until: str, zone: str, expected: list[str]) -> None:
    """ISO weeks from Monday to Monday."""
    where = NamedZone(zone)
    found = weeks(parse_time(since, where), parse_time(until, where), where)
    assert [week.name for week in found] == expected
    assert all(date_of(day_of(week.start, where)).weekday() == 0 for week in found)


def test_months() -> None:
    """Months follow each other over the turn of the year, each from its first midnight to the next one's."""
    where = NamedZone("Asia/Seoul")
    found = months(parse_time("2026-11-21", where), parse_time("2027-02-01", where), where)
    assert [month.name for month in found] == ["2026-11", "2026-12", "2027-01"]
    assert [month.start for month in found] == [parse_time(f"{month.name}-01", where) for month in found]
    assert [one.end for one in found[:-1]] == [two.start for two in found[1:]]


@pytest.mark.parametrize(
    ("day", "zone", "begin"),
    [
        # the clock is changed between midnight and the offset's own distance from UTC
        ("2026-10-04", "Australia/Sydney", "2026-10-04T00:00:00+10:00"),
        ("2026-04-05", "Australia/Sydney", "2026-04-05T00:00:00+11:00"),
        ("2026-03-08", "America/New_York", "2026-03-08T00:00:00-05:00"),
        ("2026-11-01", "America/New_York", "2026-11-01T00:00:00-04:00"),
        # at midnight: the day begins at one o'clock
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00"),
        ("2025-04-25", "Africa/Cairo", "2025-04-25T01:00:00+03:00"),
        # midnight comes twice: the day begins at the first, east and west of UTC
        ("2021-10-29", "Asia/Amman", "2021-10-29T00:00:00+03:00"),
        ("2026-11-01", "America/Havana", "2026-11-01T00:00:00-04:00"),
    ],
)
def test_where_the_clock_changes_near_midnight(day: str, zone: str, begin: str) -> None:
    """The first instant of that day, whichever side of the change its wall time looks like."""
    where = NamedZone(zone)
    number = datetime.fromisoformat(day).toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
    assert midnight(number, where) == datetime.fromisoformat(begin).timestamp()


def test_a_week_with_a_change_of_the_clock() -> None:
    """A week in which summer begins is an hour short."""
    where = NamedZone("Europe/Berlin")
    (week,) = weeks(parse_time("2026-03-25", where), parse_time("2026-03-26", where), where)
    assert week.end - week.start == 7 * 86400 - 3600


@given(st.integers(0, 40_000), st.sampled_from(["Asia/Seoul", "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut"]))
def test_midnight_begins_the_day(day: int, name: str) -> None:
    """A day begins at its first instant, in zones that skip midnight too."""
    where = NamedZone(name)
    begin = midnight(day, where)
    assert day_of(begin, where) == day
    assert day_of(begin - 1, where) == day - 1
    assert datetime.fromtimestamp(begin, ZoneInfo(name)).date() == date_of(day)
