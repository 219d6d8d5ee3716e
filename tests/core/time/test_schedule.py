"""Fires: plain days against croniter, clock changes against the text and the main loop of Debian's cron."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import TYPE_CHECKING

import pytest
from croniter import croniter
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batchctl.base.record import replace
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.schedule import fires, previous_fire, repeat, shift
from batchctl.core.time.zones import NamedZone, iso, parse_time

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR, DAY = 3600.0, 86400.0
SEOUL = NamedZone("Asia/Seoul")


def schedule(text: str) -> Schedule:
    """Return the schedule of an expression."""
    return Schedule(text=text, cron=parse_cron(text))


def shown(text: str, zone: str, start: str, count: int) -> list[str]:
    """Return the next fires as `MM-DDTHH:MM:SS+HH:MM`."""
    where = NamedZone(zone)
    found = islice(fires(schedule(text), where, parse_time(start, where)), count)
    return [(iso(at, where) or "")[5:] for at in found]


@pytest.mark.parametrize(
    ("text", "zone", "start", "expected"),
    [
        # a fixed-time job in the skipped hour runs right after the change
        ("30 2 * * *", "America/New_York", "2026-03-07", ["03-07T02:30:00-05:00", "03-08T03:00:00-04:00"]),
        # one that falls there twice is made up for twice, ten seconds apart, then the new time goes on
        (
            "0,30 2,3 * * *",
            "America/New_York",
            "2026-03-08",
            ["03-08T03:00:00-04:00", "03-08T03:00:10-04:00", "03-08T03:00:20-04:00", "03-08T03:30:00-04:00"],
        ),
        # a wild job has no fire in the skipped hour
        (
            "*/30 * * * *",
            "America/New_York",
            "2026-03-08T01:30",
            ["03-08T01:30:00-05:00", "03-08T03:00:00-04:00", "03-08T03:30:00-04:00"],
        ),
        # one whose only hour is skipped is not made up for: its minute begins with a star
        ("*/30 2 * * *", "America/New_York", "2026-03-08", ["03-09T02:00:00-04:00", "03-09T02:30:00-04:00"]),
        # a fixed-time job in the repeated hour runs once, the first time
        (
            "30 1 * * *",
            "America/New_York",
            "2026-11-01",
            ["11-01T01:30:00-04:00", "11-02T01:30:00-05:00", "11-03T01:30:00-05:00"],
        ),
        # a wild job runs in both
        (
            "*/30 1 * * *",
            "America/New_York",
            "2026-11-01",
            ["11-01T01:00:00-04:00", "11-01T01:30:00-04:00", "11-01T01:00:00-05:00", "11-01T01:30:00-05:00"],
        ),
        # the whole chain in Europe, at the other end of the night
        ("0 1 * * *", "Europe/Berlin", "2026-03-28", ["03-28T01:00:00+01:00", "03-29T01:00:00+01:00"]),
        # half an hour is skipped, half an hour is repeated
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["10-04T02:30:00+11:00", "10-05T02:15:00+11:00"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["04-05T01:45:00+11:00", "04-06T01:45:00+10:30"]),
        (
            "*/15 1 * * *",
            "Australia/Lord_Howe",
            "2026-04-05T01:30+11:00",
            ["04-05T01:30:00+11:00", "04-05T01:45:00+11:00", "04-05T01:30:00+10:30", "04-05T01:45:00+10:30"],
        ),
        # the change is at midnight: the day begins at 01:00, or 23:00 comes twice
        ("30 0 * * *", "America/Havana", "2026-03-08", ["03-08T01:00:00-04:00", "03-09T00:30:00-04:00"]),
        ("30 23 * * *", "America/Sao_Paulo", "2018-02-17", ["02-17T23:30:00-02:00", "02-18T23:30:00-03:00"]),
        ("0 * * * *", "America/Sao_Paulo", "2018-02-17T23:00-02:00", ["02-17T23:00:00-02:00", "02-17T23:00:00-03:00"]),
        # a day left out at the date line is a correction: nothing is made up for
        ("0 12 * * *", "Pacific/Apia", "2011-12-29", ["12-29T12:00:00-10:00", "12-31T12:00:00+14:00"]),
        ("0 0 30 12 *", "Pacific/Apia", "2011-12-29", ["12-30T00:00:00+14:00"]),
        # three hours back are not yet more than three hours, so the fixed-time job is not repeated
        ("30 1 * * *", "Antarctica/Casey", "2010-03-04T12:00", ["03-05T01:30:00+11:00", "03-06T01:30:00+08:00"]),
        # three hours ahead are, for the daemon counts the minute that passed as well
        ("30 1 * * *", "Antarctica/Casey", "2016-10-21", ["10-21T01:30:00+08:00", "10-23T01:30:00+11:00"]),
        # nearly a day back is a correction too, so the fixed-time job fires by the new time as well
        ("30 1 * * *", "Pacific/Kwajalein", "1969-09-30T12:00+11:00", ["09-30T01:30:00-12:00", "10-01T01:30:00-12:00"]),
        # a change at an odd minute, to the second: 02:01 comes once, an hour after the clock went back to 01:01
        ("1 2 * * *", "Pacific/Guam", "1976-08-21", ["08-21T02:01:00+11:00", "08-22T02:01:00+10:00"]),
        # no change at all
        ("0 1 * * *", "Asia/Seoul", "2026-11-21T01:00", ["11-21T01:00:00+09:00", "11-22T01:00:00+09:00"]),
        # month ends
        ("0 1 */2 * *", "Asia/Seoul", "2026-12-30", ["12-31T01:00:00+09:00", "01-01T01:00:00+09:00"]),
        # the leap day
        ("0 0 29 2 *", "Asia/Seoul", "2026-01-01", ["02-29T00:00:00+09:00", "02-29T00:00:00+09:00"]),
    ],
)
def test_fires_are_those_of_debians_cron(text: str, zone: str, start: str, expected: list[str]) -> None:
    """The rules of cron(8) around a change of the clock, and plain days."""
    assert shown(text, zone, start, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "days"),
    [
        # both fields restricted: either is enough
        ("0 0 13 * 5", [2, 9, 13, 16, 23, 30]),
        # a star with a step counts as a star, so both must match
        ("0 0 */2 * 1", [5, 19]),
        ("0 0 1,13,14 * */2", [1, 13]),
        # a star that does not begin the field does not: either is enough, and the star always is
        ("0 0 13 * 5,*", list(range(1, 32))),
        # only the weekday is restricted
        ("0 0 * * 7", [4, 11, 18, 25]),
    ],
)
def test_day_and_weekday_combine_as_in_debians_cron(text: str, days: list[int]) -> None:
    """October 2026 begins on a Thursday."""
    start = parse_time("2026-10-01", SEOUL)
    found = takewhile(lambda at: at < start + 31 * DAY, fires(schedule(text), SEOUL, start))
    assert [datetime.fromtimestamp(at + 9 * HOUR, UTC).day for at in found] == days


EXPRESSIONS = st.tuples(
    st.sampled_from(["0", "*", "*/7", "5,35", "10-20/5", "59"]),
    st.sampled_from(["0", "*", "*/6", "1,23", "8-17/3"]),
    st.sampled_from(["*", "1", "*/2", "31", "1,15", "28-31", "13"]),
    st.sampled_from(["*", "2", "*/3", "1,12", "4"]),
    st.sampled_from(["*", "0", "7", "*/2", "1-5", "5", "fri,sun"]),
).map(" ".join)


@settings(max_examples=120, deadline=None)
@given(EXPRESSIONS, st.integers(1_500_000_000, 1_900_000_000), st.sampled_from([0, 9]))
def test_plain_days_agree_with_croniter(text: str, start: int, hours: int) -> None:
    """Where no clock changes, every fire is one of croniter's, and none is missing."""
    try:
        wanted = schedule(text)
    except ValueError:
        assume(False)  # an impossible date
    zone = NamedZone("Asia/Seoul" if hours else "Etc/UTC")
    shift_s = hours * HOUR
    # croniter is asked in the zone's wall time, and looks after its start rather than from it
    oracle = croniter(text, start - 1 + shift_s, implement_cron_bug=True, ret_type=float)
    expected = [oracle.get_next() - shift_s for _ in range(12)]
    assert list(islice(fires(wanted, zone, start), 12)) == expected


def daemon(text: str, zone: NamedZone, start: float, minutes: int) -> list[float]:
    """Return what the main loop of Debian's cron would run: woken each minute, it compares wall and virtual time."""
    cron, found = parse_cron(text), []

    def matches(wall: float) -> bool:
        at = datetime.fromtimestamp(wall, UTC)
        weekday = (at.weekday() + 1) % 7
        in_days, in_week = at.day in cron.days, weekday in cron.weekdays
        day = (in_days and in_week) if cron.day_star or cron.weekday_star else (in_days or in_week)
        return day and at.month in cron.months and at.hour in cron.hours and at.minute in cron.minutes

    virtual = start + zone.offset(start)
    for minute in range(1, minutes):
        now = start + minute * 60
        wall = now + zone.offset(now)
        ahead = (wall - virtual) / 60
        if ahead == 1 or ahead > 180 or ahead <= -180:
            virtual = wall
            found += [now] * matches(wall)
        elif ahead > 0:
            found += [now] * (cron.wild and matches(wall))
            missed = range(1, int(ahead) + 1)
            found += [now for step in missed if not cron.wild and matches(virtual + 60 * step)]
            virtual = wall
        else:
            found += [now] * (cron.wild and matches(wall))
    return found


CHANGES = [
    ("America/New_York", "2026-03-07T12:00"),
    ("America/New_York", "2026-10-31T12:00"),
    ("Australia/Lord_Howe", "2026-10-03T12:00"),
    ("Australia/Lord_Howe", "2026-04-04T12:00"),
    ("America/Havana", "2026-03-07T12:00"),
    ("America/Havana", "2026-10-31T12:00"),
    ("America/Sao_Paulo", "2018-02-17T12:00"),
    ("America/Sao_Paulo", "2018-11-03T12:00"),
    ("Pacific/Apia", "2011-12-29T12:00"),
    ("Antarctica/Casey", "2010-03-04T12:00"),
    ("Antarctica/Casey", "2009-10-17T12:00"),
    ("Pacific/Kwajalein", "1969-09-29T12:00"),
    ("Antarctica/Troll", "2026-03-28T12:00"),
    ("Antarctica/Troll", "2026-10-24T12:00"),
    ("Africa/Casablanca", "2026-02-14T12:00"),
    ("Asia/Seoul", "1988-05-07T12:00"),
]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(CHANGES),
    st.sampled_from(["0", "*", "*/20", "5,35", "30", "59"]),
    st.sampled_from(["*", "0", "1", "2", "*/2", "1-3", "22-23", "0,23", "12"]),
    st.sampled_from(["* * *", "* * 0", "*/2 * *", "1,5,8,30 * 6"]),
)
def test_changes_of_the_clock_agree_with_the_daemons_loop(
    change: tuple[str, str], minute: str, hour: str, days: str
) -> None:
    """Over three days around a change the fires are those of the loop; what it makes up for begins that minute."""
    zone, text = NamedZone(change[0]), f"{minute} {hour} {days}"
    start = parse_time(change[1], zone)
    expected = daemon(text, zone, start, 3 * 1440)
    found = list(takewhile(lambda at: at < start + 3 * DAY, fires(schedule(text), zone, start + 60)))
    assert [at // 60 * 60 for at in found] == expected
    assert found == sorted(found)
    assert all(at % 10 == 0 for at in found), "made up for at the change, ten seconds apart"


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(CHANGES), st.sampled_from(["30 2 * * *", "*/20 * * * *", "0,30 1-3 * * *"]), st.integers(0, 4320)
)
def test_a_later_start_gives_the_rest_of_the_same_fires(change: tuple[str, str], text: str, minute: int) -> None:
    """Where one begins to look does not change what is seen, also in the middle of a change."""
    zone = NamedZone(change[0])
    start = parse_time(change[1], zone)
    later, end = start + 60 * minute, start + 4 * DAY
    whole = list(takewhile(lambda at: at < end, fires(schedule(text), zone, start)))
    part = list(takewhile(lambda at: at < end, fires(schedule(text), zone, later)))
    assert part == [at for at in whole if at >= later]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(CHANGES), EXPRESSIONS, st.integers(0, 5 * 86400))
def test_the_previous_fire_is_the_last_of_those_before(change: tuple[str, str], text: str, later: int) -> None:
    """Looking back finds what walking forward through the year before passes last."""
    zone = NamedZone(change[0])
    try:
        wanted = schedule(text)
    except ValueError:
        assume(False)  # an impossible date
    now = parse_time(change[1], zone) + later
    back = previous_fire(wanted, zone, now)
    assert back is not None
    assert back <= now
    following = list(islice(fires(wanted, zone, back), 2))
    assert following[0] == back
    assert following[1] > now


@pytest.mark.parametrize(
    ("wanted", "now", "expected"),
    [
        # exactly at a fire
        (schedule("0 1 * * *"), "2026-11-21T01:00", "2026-11-21T01:00:00+09:00"),
        # just before it
        (schedule("0 1 * * *"), "2026-11-21T00:59:59", "2026-11-20T01:00:00+09:00"),
        # the leap day, years ago, and one on a Sunday, decades ago
        (schedule("0 0 29 2 *"), "2027-12-31", "2024-02-29T00:00:00+09:00"),
        (schedule("0 0 29 2 */7"), "2031-12-31", "2004-02-29T00:00:00+09:00"),
        # the last day of a month
        (schedule("0 0 31 * *"), "2026-03-30", "2026-01-31T00:00:00+09:00"),
        # every 30 s, 30 h
        (Schedule(every=30.0), "2026-11-21T01:00:45", "2026-11-21T01:00:30+09:00"),
        (Schedule(every=30 * HOUR), "2026-11-21T05:59", "2026-11-21T00:00:00+09:00"),
        (Schedule(every=30.0), "2026-11-21T01:00:30", "2026-11-21T01:00:30+09:00"),
        # once, past, at this instant, and to come; by hand only
        (Schedule(at=1795190400.0), "2026-11-21T01:00", "2026-11-21T01:00:00+09:00"),
        (Schedule(at=1.0), "2026-11-21", "1970-01-01T09:00:01+09:00"),
        (Schedule(at=4e9), "2026-11-21", None),
        (Schedule(), "2026-11-21", None),
    ],
)
def test_the_previous_fire(wanted: Schedule, now: str, expected: str | None) -> None:
    """The latest fire up to and including now, or None."""
    assert iso(previous_fire(wanted, SEOUL, parse_time(now, SEOUL)), SEOUL) == expected


@pytest.mark.parametrize(
    ("wanted", "offsets"),
    [
        # from the start on, endless: cut off at four
        (Schedule(every=30.0), [30.0, 60.0, 90.0, 120.0]),
        (Schedule(every=90.0), [30.0, 60.0, 90.0, 120.0]),
        (Schedule(every=20 * 60.0), [1200.0, 2400.0, 3600.0, 4800.0]),
        # once
        (Schedule(at=1_000_000_040.0), [240.0]),
        # over, and never
        (Schedule(at=999_999_000.0), []),
        (Schedule(), []),
    ],
)
def test_other_schedules_fire_as_their_lines_do(wanted: Schedule, offsets: Sequence[float]) -> None:
    """`every` fires with its crontab lines, `at` once, a job without schedule never."""
    start = 999_999_800.5  # 999,999,600 is a multiple of 1,200
    base = 999_999_800.0 if wanted.every is None or wanted.every < 100 else 999_999_600.0
    if wanted.every is not None and wanted.every < 100:
        base = 999_999_780.0
    expected = [base + offset for offset in offsets if base + offset >= start]
    assert list(islice(fires(wanted, SEOUL, start), len(expected))) == expected
    assert len(expected) == len(offsets)


@pytest.mark.parametrize(
    "wanted", [schedule("0 1 * * *"), Schedule(every=30.0), Schedule(every=30 * HOUR), Schedule(at=1795190400.0)]
)
def test_a_fire_at_the_start_is_among_them(wanted: Schedule) -> None:
    """The start is included."""
    start = parse_time("2026-11-21T01:00" if wanted.every != 30 * HOUR else "2026-11-21", SEOUL)
    assert next(fires(wanted, SEOUL, start)) == start


def test_whole_days_keep_the_wall_clock_and_other_distances_do_not() -> None:
    """`--every 24h` is at 01:00 every day; `--every 12h` is 12 hours whatever the clock does."""
    zone = NamedZone("America/New_York")
    start = parse_time("2026-10-31T01:00", zone)
    assert [iso(at, zone) for at in islice(repeat(start, DAY, zone), 3)] == [
        "2026-10-31T01:00:00-04:00",
        "2026-11-01T01:00:00-04:00",
        "2026-11-02T01:00:00-05:00",
    ]
    assert list(islice(repeat(start, 12 * HOUR, zone), 4)) == [start + 12 * HOUR * count for count in range(4)]


def test_shifted_fires_keep_the_wall_clock() -> None:
    """The second group of a chain split 24 h apart fires at the same time of day, also when the clock has changed."""
    zone = NamedZone("America/New_York")
    shifted = shift([parse_time("2026-10-31T13:00", zone)], DAY, zone)
    assert [iso(at, zone) for at in shifted] == ["2026-11-01T13:00:00-05:00"]


@pytest.mark.parametrize(
    "plain",
    [
        schedule("0 1 * * *"),
        schedule("30 2 * * *"),  # in the skipped hour
        schedule("*/30 1 * * *"),  # in the repeated hour
        Schedule(every=30.0),
        Schedule(every=30 * HOUR),
    ],
)
@pytest.mark.parametrize("start", ["2026-03-07", "2026-10-31T12:00:07"])
def test_jitter_moves_every_fire(plain: Schedule, start: str) -> None:
    """Each fire comes so many seconds later, whatever the clock does meanwhile, and the previous one agrees."""
    where = NamedZone("America/New_York")
    begin = parse_time(start, where)
    late = replace(plain, jitter=900.0, delay=613.0)
    found = list(islice(fires(late, where, begin), 10))
    assert found == [fire + 613.0 for fire in islice(fires(plain, where, begin - 613.0), 10)]
    assert found[0] >= begin
    assert [previous_fire(late, where, fire + 0.5) for fire in found] == found


def test_jitter_of_a_single_date() -> None:
    """`at` fires once, later; by hand stays by hand."""
    assert list(fires(Schedule(at=100.0, delay=5.0), SEOUL, 105.0)) == [105.0]
    assert list(fires(Schedule(at=100.0, delay=5.0), SEOUL, 106.0)) == []
    assert previous_fire(Schedule(at=100.0, delay=5.0), SEOUL, 104.0) is None
    assert list(fires(Schedule(delay=5.0), SEOUL, 0.0)) == []
