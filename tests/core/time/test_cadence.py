"""Schedules as crontab lines: sparse, complete, and firing exactly as the previews say."""

from __future__ import annotations

from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchctl.core.time.cadence import CronLine, cron_lines, every_cron, share_of
from batchctl.core.time.cron import Schedule, from_data, parse_cron, to_data
from batchctl.core.time.schedule import fires
from batchctl.core.time.zones import NamedZone, parse_time

HOUR, DAY = 3600.0, 86400.0
SEOUL = NamedZone("Asia/Seoul")


def delays(step: int) -> list[float]:
    """Return the delays of lines that hit every multiple of `step` seconds in a minute."""
    return [float(delay) for delay in range(0, 60, step)]


@pytest.mark.parametrize(
    ("every", "text", "slept"),
    [
        # days and whole divisors of a day
        (DAY, "0 0 * * *", [0.0]),
        (2 * DAY, "0 0 * * *", [0.0]),
        (12 * HOUR, "0 */12 * * *", [0.0]),
        (HOUR, "0 * * * *", [0.0]),
        # hours that do not divide a day: what both have in common
        (30 * HOUR, "0 */6 * * *", [0.0]),
        (7 * HOUR, "0 * * * *", [0.0]),
        (26 * HOUR, "0 */2 * * *", [0.0]),
        # minutes
        (90 * 60.0, "*/30 * * * *", [0.0]),
        (45 * 60.0, "*/15 * * * *", [0.0]),
        (15 * 60.0, "*/15 * * * *", [0.0]),
        (7 * 60.0, "* * * * *", [0.0]),
        (60.0, "* * * * *", [0.0]),
        (24.5 * HOUR, "*/30 * * * *", [0.0]),
        # seconds
        (30.0, "* * * * *", delays(30)),
        (90.0, "* * * * *", delays(30)),
        (45.0, "* * * * *", delays(15)),
        (20.0, "* * * * *", delays(20)),
        (7.0, "* * * * *", delays(1)),
        (1.0, "* * * * *", delays(1)),
        # from an hour on a minute is near enough
        (25 * HOUR + 61, "* * * * *", [0.0]),
    ],
)
def test_every_becomes_the_sparsest_lines(every: float, text: str, slept: list[float]) -> None:
    """One line to the minute, or one for each second of the minute that can be due."""
    lines = cron_lines(Schedule(every=every), SEOUL)
    assert lines == tuple(CronLine(text=text, delay=delay) for delay in slept)


@pytest.mark.parametrize("every", [0.5, 1.5, 0.0, 90.25])
def test_every_below_a_whole_second_is_refused(every: float) -> None:
    """No crontab line can fire at a fraction of a second."""
    with pytest.raises(ValueError, match="whole seconds only"):
        cron_lines(Schedule(every=every), SEOUL)


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.integers(1, 3599), st.integers(60, 4320).map(lambda minutes: minutes * 60)))
def test_every_due_time_is_hit(every: int) -> None:
    """Counted from a start at midnight, each due time within three days is one of the fires."""
    midnight = parse_time("2026-11-21", SEOUL)
    end = midnight + (3 * DAY if every >= 60 else HOUR)
    hit = set(takewhile(lambda at: at < end, fires(Schedule(every=float(every)), SEOUL, midnight)))
    due = range(int(midnight), int(end), every)
    assert all(float(at) in hit for at in due)


@pytest.mark.parametrize("every", [DAY, 30 * HOUR, 7 * HOUR, 90 * 60.0, 420.0, 30.0])
def test_the_made_expression_is_what_its_text_means(every: float) -> None:
    """The expression is built without the parser, and equals what the parser makes of its text."""
    cron, _ = every_cron(every)
    assert to_data(cron) == to_data(parse_cron(cron.text))
    assert from_data(to_data(cron)) == cron


@pytest.mark.parametrize("text", ["0 1 * * *", "@daily", "*/5 8-18 * * mon-fri"])
def test_a_cron_expression_is_its_own_line(text: str) -> None:
    """What the operator wrote is what cron gets."""
    assert cron_lines(Schedule(text=text, cron=parse_cron(text)), SEOUL) == (CronLine(text=text),)


@pytest.mark.parametrize(
    ("at", "zone", "line"),
    [
        # the date in the zone of cron
        ("2026-12-01T12:00:00+09:00", "Asia/Seoul", CronLine(text="0 12 1 12 *")),
        ("2026-12-01T00:30:00+09:00", "Etc/UTC", CronLine(text="30 15 30 11 *")),
        # seconds are slept, or the fire would come before its time
        ("2026-12-01T12:00:30+09:00", "Asia/Seoul", CronLine(text="0 12 1 12 *", delay=30.0)),
        # the second pass of a repeated hour: cron fires in the first, an hour before
        ("2026-11-01T01:30:00-04:00", "America/New_York", CronLine(text="30 1 1 11 *")),
        ("2026-11-01T01:30:00-05:00", "America/New_York", CronLine(text="30 1 1 11 *", delay=3600.0)),
        # later on the day of a change
        ("2026-11-01T12:00:00-05:00", "America/New_York", CronLine(text="0 12 1 11 *")),
        ("2026-03-08T12:00:00-04:00", "America/New_York", CronLine(text="0 12 8 3 *")),
        # right after a skipped hour
        ("2026-03-08T03:10:00-04:00", "America/New_York", CronLine(text="10 3 8 3 *")),
        # the leap day
        ("2028-02-29T08:05:00+09:00", "Asia/Seoul", CronLine(text="5 8 29 2 *")),
    ],
)
def test_a_date_becomes_one_line(at: str, zone: str, line: CronLine) -> None:
    """The line fires at that minute of that day; the decision skips it in other years."""
    where = NamedZone(zone)
    instant = parse_time(at, where)
    assert cron_lines(Schedule(at=instant), where) == (line,)
    cron = parse_cron(line.text)
    assert next(fires(Schedule(cron=cron), where, instant - DAY)) + line.delay == instant


def test_a_job_without_schedule_has_no_line() -> None:
    """It is only run by hand."""
    assert cron_lines(Schedule(), SEOUL) == ()


def test_a_share_of_the_jitter_is_the_jobs_own() -> None:
    """Whole seconds below the jitter, the same on every machine, and spread over all of it."""
    assert [share_of(300.0, name) for name in ("daily-batch", "키워드", "x")] == [173.0, 151.0, 53.0]
    shares = [share_of(300.0, f"collect-{number}") for number in range(200)]
    assert all(share == int(share) and 0 <= share < 300 for share in shares)
    assert [sum(low <= share < low + 100 for share in shares) > 40 for low in (0, 100, 200)] == [True, True, True]
    assert share_of(0.5, "x") == 0.0


@pytest.mark.parametrize(
    ("schedule", "lines"),
    [
        (Schedule(cron=parse_cron("0 1 * * *"), delay=7.0), [CronLine(text="0 1 * * *", delay=7.0)]),
        # each of the lines within the minute comes so much later
        (
            Schedule(every=30.0, delay=45.0),
            [CronLine(text="* * * * *", delay=45.0), CronLine(text="* * * * *", delay=75.0)],
        ),
        (Schedule(at=1796094030.0, delay=10.0), [CronLine(text="0 12 1 12 *", delay=40.0)]),
        (Schedule(delay=10.0), []),
    ],
)
def test_jitter_is_slept(schedule: Schedule, lines: list[CronLine]) -> None:
    """The share is added to what the line sleeps anyway."""
    assert list(cron_lines(schedule, SEOUL)) == lines
