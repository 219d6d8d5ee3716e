"""The next fires from the state of this moment, and when a job could start next."""

from __future__ import annotations

from itertools import islice

import pytest

from batchctl.core.foresight.preview import coming, foreseen, next_start
from batchctl.core.guard.decide import Pause, Running, State
from batchctl.core.model import Job, Rules, Window
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.zones import NamedZone, iso, parse_time

HOUR, DAY = 3600.0, 86400.0
SEOUL = NamedZone("Asia/Seoul")
NOW = parse_time("2026-11-21T12:00", SEOUL)
DAILY = Schedule(text="0 1 * * *", cron=parse_cron("0 1 * * *"))
ALIVE = Running(run_id=7, started_at=NOW - 11 * HOUR)
ENDS = Running(run_id=7, started_at=NOW - 11 * HOUR, expected_end=NOW + 15 * HOUR)
"""It began at 01:00 and takes 26 hours."""


def job(wanted: Schedule = DAILY, *, timeout: float | None = None, **rules: object) -> Job:
    """Return a job of one step."""
    return Job(
        name="일일-배치",
        schedule=wanted,
        rules=Rules(zone=SEOUL, **rules),  # type: ignore[arg-type]
        steps=(),
        timeout=timeout,
    )


@pytest.mark.parametrize(
    ("state", "duration", "timeout", "expected"),
    [
        # idle: 26 h runs skip every other day
        (State(), 26 * HOUR, None, ["start", "already_running", "start"]),
        # running since 01:00: tomorrow is skipped, the day after starts
        (State(running=ENDS), 26 * HOUR, None, ["already_running", "start", "already_running"]),
        # the typical duration stands in for a duration, and the timeout for both
        (State(running=ENDS, typical=26 * HOUR), None, None, ["already_running", "start", "already_running"]),
        (State(running=ALIVE), None, 20 * HOUR, ["start", "start", "start"]),
        # what is expected of the run itself comes first
        (
            State(running=Running(run_id=7, started_at=NOW - HOUR, expected_end=NOW + 40 * HOUR)),
            HOUR,
            None,
            ["already_running", "already_running", "start"],
        ),
        # past what was expected: over at any moment
        (
            State(running=Running(run_id=7, started_at=NOW - 11 * HOUR, expected_end=NOW - HOUR)),
            10 * HOUR,
            30 * HOUR,
            ["start", "start", "start"],
        ),
        # nothing is known that would end it
        (State(running=ALIVE), None, None, ["already_running"] * 3),
        # nothing is known of a job that never ran
        (State(), None, None, ["start"] * 3),
        # a lock that is held at this moment says nothing about tomorrow
        (State(lock_held=True), HOUR, None, ["start"] * 3),
        (State(paused=Pause(until=NOW + 24 * HOUR)), HOUR, None, ["paused", "start", "start"]),
    ],
)
def test_the_next_fires(state: State, duration: float | None, timeout: float | None, expected: list[str]) -> None:
    """Each is a start or a skip with its reason."""
    found = list(islice(coming(job(timeout=timeout), state, NOW, duration), 3))
    assert [fire.reason or fire.verdict for fire in found] == expected
    assert iso(found[0].at, SEOUL) == "2026-11-22T01:00:00+09:00"


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        # once, to come and over
        (Schedule(at=NOW + DAY), 1),
        (Schedule(at=NOW - DAY), 0),
        # by hand only
        (Schedule(), 0),
    ],
)
def test_there_may_be_fewer_fires_than_asked_for(wanted: Schedule, count: int) -> None:
    """A list shorter than what was asked for is all there is."""
    assert len(list(islice(coming(job(wanted), State(), NOW, HOUR), 5))) == count


@pytest.mark.parametrize(
    ("wanted", "state", "duration", "expected"),
    [
        # the next fire, and the one after the run
        (job(), State(), HOUR, "2026-11-22T01:00:00+09:00"),
        (job(), State(running=ENDS), 26 * HOUR, "2026-11-23T01:00:00+09:00"),
        # the gap after a run that has just ended
        (job(min_gap=20 * HOUR), State(last_end=NOW), HOUR, "2026-11-23T01:00:00+09:00"),
        # due in 30 h, and the first line fire from then on
        (
            job(Schedule(every=30 * HOUR), every=30 * HOUR),
            State(last_start=NOW - HOUR),
            HOUR,
            "2026-11-22T18:00:00+09:00",
        ),
        # never: disabled, paused without end, once and over, blocked by a run without end
        (job(enabled=False), State(), HOUR, None),
        (job(), State(paused=Pause()), HOUR, None),
        (job(Schedule(at=NOW - DAY), at=NOW - DAY), State(), HOUR, None),
        (job(), State(running=ALIVE), None, None),
        # fired each minute and paused for a week
        (
            job(Schedule(cron=parse_cron("* * * * *"))),
            State(paused=Pause(until=NOW + 7 * DAY)),
            HOUR,
            "2026-11-28T12:00:00+09:00",
        ),
        # by hand: at once, after the run, after the gap, when the hours begin
        (job(Schedule()), State(), HOUR, "2026-11-21T12:00:00+09:00"),
        (job(Schedule()), State(running=ENDS), 26 * HOUR, "2026-11-22T03:00:00+09:00"),
        (job(Schedule(), min_gap=6 * HOUR), State(running=ENDS), 26 * HOUR, "2026-11-22T09:00:00+09:00"),
        (job(Schedule(), active_hours=Window(start=780, end=800)), State(), HOUR, "2026-11-21T13:00:00+09:00"),
        # the gap ends after the hours, so they are waited for again
        (
            job(Schedule(), min_gap=2 * HOUR, active_hours=Window(start=480, end=779)),
            State(last_end=NOW),
            HOUR,
            "2026-11-22T08:00:00+09:00",
        ),
        # by hand, never
        (job(Schedule(), enabled=False), State(), HOUR, None),
        (job(Schedule()), State(running=ALIVE), None, None),
        # a run without known end is taken over once it is stale
        (job(Schedule(), stale_after=12 * HOUR), State(running=ALIVE), None, "2026-11-21T13:00:00.000001+09:00"),
        (job(Schedule(), stale_after=12 * HOUR, on_stale="alert"), State(running=ALIVE), None, None),
    ],
)
def test_the_next_start(wanted: Job, state: State, duration: float | None, expected: str | None) -> None:
    """The first fire that starts; for a job run by hand the first instant at which every check passes."""
    assert iso(next_start(wanted, state, NOW, duration), SEOUL) == expected


@pytest.mark.parametrize(
    ("hours", "running", "ended", "started"),
    [
        # the run of now goes on, is over, and the fire after it has started another
        (10, 7, None, None),
        (20, None, 7, None),
        (40, 8, 7, "2026-11-23T01:00:00+09:00"),
        # the past is judged by what is known now
        (-1, 7, None, None),
    ],
)
def test_the_state_of_another_instant(
    hours: float, running: int | None, ended: int | None, started: str | None
) -> None:
    """It is what all fires until then leave, if they do what they are expected to."""
    then = foreseen(job(), State(running=ENDS), NOW, NOW + hours * HOUR, 26 * HOUR)
    assert (None if then.state.running is None else then.state.running.run_id) == running
    assert (None if then.ended is None else then.ended.run_id) == ended
    assert (None if then.started is None else iso(then.started.at, SEOUL)) == started
