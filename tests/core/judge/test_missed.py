"""Missed fires: what should have started and left neither a start nor a skip."""

from __future__ import annotations

from typing import Any

import pytest
from support import SEOUL, job

from batchctl.core.judge.missed import Start, Trace, expected, gaps
from batchctl.core.model import Job, Window
from batchctl.core.time.cron import Schedule, parse_cron

HOUR, DAY = 3600.0, 86400.0
NOON = 1795230000.0  # 2026-11-21 12:00 in Seoul
ONE = NOON - 11 * HOUR
"""01:00 of that day."""


def daily(**changes: Any) -> Job:
    """Return a job that fires at 01:00."""
    return job(schedule=Schedule(text="0 1 * * *", cron=parse_cron("0 1 * * *")), **changes)


def run(day: int, hours: float = 1.0, *, run_id: int | None = None, late: float = 0.0, **changes: Any) -> Start:
    """Return a run of the fire so many days before the last one, started `late` seconds after it."""
    fire = ONE - day * DAY
    given = {"scheduled_for": fire, "ended_at": fire + late + hours * HOUR} | changes
    return Start(100 - day if run_id is None else run_id, fire + late, **given)


def missed(one: Job, trace: Trace, begin: float = NOON - 4 * DAY, until: float = NOON) -> list[list[int]]:
    """Return the missed fires of each gap as days before the last fire."""
    found = gaps(one, trace, expected(one, begin, until))
    return [[round((ONE - fire) / DAY) for fire in gap.fires] for gap in found]


@pytest.mark.parametrize(
    ("trace", "days"),
    [
        # each fire has its start
        (Trace(starts=[run(3), run(2), run(1), run(0)]), []),
        # one in the middle left nothing
        (Trace(starts=[run(3), run(1), run(0)]), [[2]]),
        # none since
        (Trace(starts=[run(3)]), [[2, 1, 0]]),
        # two outages are two gaps
        (Trace(starts=[run(3), run(1)]), [[2], [0]]),
        # a skip is no missed fire
        (Trace(starts=[run(3)], skips=[(ONE - 2 * DAY + 1, ONE + 2)]), []),
        # a fire within a run that is under way would have been skipped
        (Trace(starts=[run(3, 26), run(1)]), [[0]]),
        (Trace(starts=[run(3, ended_at=None)]), []),
        # started by hand some hours later: made up for, and with it what was missed right before
        (Trace(starts=[run(3), run(1, late=5 * HOUR, scheduled_for=ONE - DAY + 5 * HOUR), run(0)]), []),
        # `catch-up` started it for the missed fire, days later
        (Trace(starts=[run(3), run(2, late=30 * HOUR, scheduled_for=ONE - 2 * DAY)]), [[0]]),
        # paused since the day before yesterday
        (Trace(starts=[run(3)], paused_since=ONE - 1.5 * DAY), [[2]]),
        # a start a moment before its fire, by a clock that was stepped
        (Trace(starts=[run(3), run(2), run(1), run(0, late=-0.5)]), []),
        # a clock that was set back: a start in the future answers for the last fire at most
        (Trace(starts=[run(3), Start(200, NOON + DAY, NOON + DAY, NOON + 2 * DAY)]), []),
        # another schedule was in force until yesterday: what it did not fire was not missed
        (
            Trace(starts=[run(3), run(1, scheduled_for=ONE - 20 * HOUR, late=4 * HOUR + 1)], config_changed=ONE - HOUR),
            [[0]],
        ),
    ],
)  # fmt: skip
def test_daily(trace: Trace, days: list[list[int]]) -> None:
    """Every way in which a daily job can leave or not leave a trace."""
    assert missed(daily(), trace) == days


@pytest.mark.parametrize(
    ("changes", "trace", "days"),
    [
        # disabled: nothing is expected of it
        ({"enabled": False}, Trace(starts=[run(3)]), []),
        # 01:00 lies outside its hours
        ({"active_hours": Window(start=480, end=1379)}, Trace(starts=[run(3)]), []),
        # within the gap after its run it would have been skipped
        ({"min_gap": 30 * HOUR}, Trace(starts=[run(3, 1), run(1, 1)]), []),
        # the adaptive gap as well
        ({"gap_factor": 30.0}, Trace(starts=[run(3, 1), run(1, 1)], typical=HOUR), []),
        # a run that is overdue to be taken over blocks nothing
        ({"stale_after": 36 * HOUR}, Trace(starts=[run(3, ended_at=None)]), [[1, 0]]),
    ],
)
def test_rules(changes: dict[str, Any], trace: Trace, days: list[list[int]]) -> None:
    """A fire that the decision would have skipped is no loss."""
    assert missed(daily(**changes), trace) == days


def test_a_gap_says_what_came_before_and_after() -> None:
    """The event is named after the last run before it, and it is told whether the job has started since."""
    trace = Trace(starts=[run(3, run_id=7), run(1, run_id=8)])
    first, second = gaps(daily(), trace, expected(daily(), NOON - 4 * DAY, NOON))
    assert (first.after_run, first.started_since) == (7, True)
    assert (second.after_run, second.started_since) == (8, False)


@pytest.mark.parametrize(
    ("ended", "skips", "until", "found"),
    [
        # due at 07:00 of the next day, fired at noon by its line of every six hours, and not started
        (ONE - DAY, [], NOON + 1, True),
        # not due yet
        (ONE - DAY, [], ONE + 4 * HOUR, False),
        # skipped since it was due
        (ONE - DAY, [(NOON, NOON)], NOON + 1, False),
        # still running
        (None, [], NOON + 1, False),
    ],
)
def test_every(ended: float | None, skips: list[tuple[float, float]], until: float, found: bool) -> None:
    """Fires that are not due leave nothing in the history, so what is due is counted from the last start."""
    one = job(schedule=Schedule(text="30h", every=30 * HOUR), every=30 * HOUR)
    start = Start(5, ONE - DAY - HOUR, ONE - DAY - HOUR, ended)
    trace = Trace(starts=[start], skips=skips)
    assert bool(gaps(one, trace, expected(one, NOON - 4 * DAY, until))) == found


def test_a_date_that_passed() -> None:
    """A job for one date has missed it, or has not."""
    one = job(schedule=Schedule(text="once", at=ONE), at=ONE)
    assert [gap.fires for gap in gaps(one, Trace(), expected(one, NOON - DAY, NOON))] == [(ONE,)]
    started = Trace(starts=[Start(1, ONE + 5, ONE, ONE + 60)])
    assert gaps(one, started, expected(one, NOON - DAY, NOON)) == []


def test_the_look_back_is_bounded() -> None:
    """A job of every minute is not looked at for a week, which would be 10,000 fires for each of 200 jobs."""
    one = job(schedule=Schedule(text="* * * * *", cron=parse_cron("* * * * *")))
    assert 100 < len(expected(one, NOON - 30 * DAY, NOON)) <= 121
    assert len(expected(daily(), NOON - 30 * DAY, NOON)) == 7


def test_the_zone_is_the_jobs() -> None:
    """01:00 means 01:00 in Seoul, whatever the machine says."""
    assert expected(daily(), NOON - DAY, NOON) == [ONE]
    assert (ONE + SEOUL.offset(ONE)) % DAY == HOUR
