"""The preview: every known answer of the contract, and the corners of a run's end."""

from __future__ import annotations

from itertools import pairwise, takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchctl.core.foresight.simulate import Scenario, Simulation, simulate, simulate_groups, walk
from batchctl.core.guard.decide import Pause, Running, State
from batchctl.core.model import Rules, Window
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.schedule import fires
from batchctl.core.time.zones import NamedZone, iso, parse_time

HOUR, DAY = 3600.0, 86400.0
SEOUL = NamedZone("Asia/Seoul")
START = parse_time("2026-11-21T01:00", SEOUL)


def scenario(hours: float, cron: str = "0 1 * * *", *, days: float = 8, **changes: object) -> Scenario:
    """Return a scenario of runs of `hours` on a daily fire; keywords set fields of the scenario or of its rules."""
    of_scenario = {name: changes.pop(name) for name in ("timeout", "fail_at", "state") if name in changes}
    values: dict[str, object] = {
        "rules": Rules(zone=SEOUL, **changes),  # type: ignore[arg-type]
        "fires": fires(Schedule(cron=parse_cron(cron)), SEOUL, START),
        "start": START,
        "end": START + days * DAY,
        "duration": lambda _count: hours * HOUR,
    }
    return Scenario(**(values | of_scenario))  # type: ignore[arg-type]


def verdicts(done: Simulation) -> list[str]:
    """Return `start`, or the reason of the skip, of every fire."""
    return [fire.reason or fire.verdict for fire in done.fires]


RUNNING, GAP = "already_running", "min_gap"


@pytest.mark.parametrize(
    ("wanted", "first", "interval"),
    [
        # the case everything is measured against: day 2 is skipped, day 3 starts 22 h after the end
        (scenario(26), ["start", RUNNING, "start", RUNNING], 48 * HOUR),
        (scenario(30), ["start", RUNNING, "start", RUNNING], 48 * HOUR),
        # timed out at 01:30 of day 2, so day 2's fire is skipped all the same
        (scenario(40, timeout=24.5 * HOUR), ["start", RUNNING, "start", RUNNING], 48 * HOUR),
        (scenario(24.5, timeout=24.5 * HOUR), ["start", RUNNING, "start", RUNNING], 48 * HOUR),
        # 23 h with a gap of 6 h: over by day 2, but too short ago
        (scenario(23, min_gap=6 * HOUR), ["start", GAP, "start", GAP], 48 * HOUR),
        # 18 h with a gap of 6 h: exactly at the bound it starts
        (scenario(18, min_gap=6 * HOUR), ["start"] * 4, 24 * HOUR),
        # a second over the bound it does not
        (scenario(18 + 1 / HOUR, min_gap=6 * HOUR), ["start", GAP, "start", GAP], 48 * HOUR),
        # a run that ends at the instant of the fire is over
        (scenario(24), ["start"] * 4, 24 * HOUR),
        (scenario(24 + 1 / HOUR), ["start", RUNNING, "start", RUNNING], 48 * HOUR),
        # 31.2 h after the end
        (scenario(26, days=10, gap_factor=1.2), ["start", RUNNING, GAP, "start", RUNNING, GAP], 72 * HOUR),
        # the larger of both gaps counts
        (scenario(18, gap_factor=0.2, min_gap=7 * HOUR), ["start", GAP, "start"], 48 * HOUR),
        # a failing run ends early, and its end counts for the gap
        (scenario(26, fail_at=20 * HOUR), ["start"] * 4, 24 * HOUR),
        (scenario(26, fail_at=20 * HOUR, min_gap=6 * HOUR), ["start", GAP, "start"], 48 * HOUR),
        # unless only successes count
        (scenario(26, fail_at=20 * HOUR, min_gap=6 * HOUR, gap_after="success"), ["start"] * 4, 24 * HOUR),
        # failures make no typical duration
        (scenario(26, fail_at=20 * HOUR, gap_factor=1.2), ["start"] * 4, 24 * HOUR),
        # a stale run is taken over by each fire that finds it
        (scenario(26, stale_after=20 * HOUR), ["start"] * 4, 24 * HOUR),
        # also where a gap is set: what the fire itself ended does not hold it back
        (scenario(26, stale_after=20 * HOUR, min_gap=6 * HOUR), ["start"] * 4, 24 * HOUR),
        # exactly as old as stale_after is not older
        (scenario(26, stale_after=24 * HOUR), ["start", RUNNING, "start"], 48 * HOUR),
        # alerting takes nothing over
        (scenario(26, stale_after=20 * HOUR, on_stale="alert"), ["start", RUNNING, "start"], 48 * HOUR),
    ],
)
def test_known_answers(wanted: Scenario, first: list[str], interval: float) -> None:
    """The first fires and the effective interval are those that the contract gives."""
    done = simulate(wanted)
    assert verdicts(done)[: len(first)] == first
    assert done.summary.effective_interval_s == interval


def test_the_measured_case_day_by_day() -> None:
    """Start on day 1, skip on day 2, end on day 2 at 03:00, start on day 3, 22 h later."""
    day_1, day_2, day_3, *_ = simulate(scenario(26)).fires
    assert (iso(day_1.at, SEOUL), day_1.verdict) == ("2026-11-21T01:00:00+09:00", "start")
    assert (iso(day_1.ends_at, SEOUL), day_1.status) == ("2026-11-22T03:00:00+09:00", "succeeded")
    assert (iso(day_2.at, SEOUL), day_2.verdict, day_2.reason) == ("2026-11-22T01:00:00+09:00", "skip", RUNNING)
    assert (day_2.ends_at, day_2.status) == (None, None)
    assert (day_3.verdict, day_3.at - (day_1.ends_at or 0)) == ("start", 22 * HOUR)


def test_the_summary_adds_up() -> None:
    """Seven daily fires of a 26 h batch: four starts, three skips, busy for all but three times 22 h."""
    summary = simulate(scenario(26, days=7)).summary
    assert (summary.fires, summary.starts, summary.skips) == (7, 4, 3)
    assert summary.skips_by_reason == {RUNNING: 3}
    assert summary.busy_ratio == pytest.approx((3 * 26 + 24) / (7 * 24))


@pytest.mark.parametrize(
    ("days", "fires_and_starts"),
    [
        # nothing happened, or only one start: there is no interval
        (0.5, (1, 1)),
        (1, (1, 1)),
        (2, (2, 1)),
    ],
)
def test_fewer_than_two_starts_have_no_interval(days: float, fires_and_starts: tuple[int, int]) -> None:
    """The end of the horizon does not count as a fire."""
    summary = simulate(scenario(26, days=days)).summary
    assert (summary.fires, summary.starts) == fires_and_starts
    assert summary.effective_interval_s is None


def test_every_other_day_skips_over_the_end_of_a_month() -> None:
    """`*/2` fires on the 31st and on the 1st, 24 h apart, where a batch of 26 h skips."""
    begin = parse_time("2026-12-25", SEOUL)
    done = simulate(
        Scenario(
            rules=Rules(zone=SEOUL),
            fires=fires(Schedule(cron=parse_cron("0 1 */2 * *")), SEOUL, begin),
            start=begin,
            end=begin + 14 * DAY,
            duration=lambda _count: 26 * HOUR,
        )
    )
    assert [(iso(fire.at, SEOUL) or "")[5:10] for fire in done.fires if fire.verdict == "skip"] == ["01-01"]
    assert [(iso(fire.at, SEOUL) or "")[5:10] for fire in done.fires if fire.verdict == "start"] == [
        "12-25",
        "12-27",
        "12-29",
        "12-31",
        "01-03",
        "01-05",
        "01-07",
    ]


def test_a_takeover_ends_the_stale_run_at_that_instant() -> None:
    """The run that was taken over ends `stale` where the next one starts."""
    first, second, *_ = simulate(scenario(26, stale_after=20 * HOUR)).fires
    assert (first.ends_at, first.status) == (second.at, "stale")


@pytest.mark.parametrize(
    ("changes", "hours", "status"),
    [
        # in time
        ({}, 26, "succeeded"),
        ({"timeout": 26 * HOUR}, 26, "succeeded"),
        # too long
        ({"timeout": 25 * HOUR}, 25, "timed_out"),
        # failed before it could time out, and after it had succeeded
        ({"timeout": 25 * HOUR, "fail_at": 2 * HOUR}, 2, "failed"),
        ({"fail_at": 27 * HOUR}, 26, "succeeded"),
        # timed out before it could fail
        ({"timeout": 25 * HOUR, "fail_at": 25.5 * HOUR}, 25, "timed_out"),
    ],
)
def test_how_a_run_ends(changes: dict[str, Any], hours: float, status: str) -> None:
    """A run ends at the first of its duration, its failure and its timeout."""
    first = simulate(scenario(26, **changes)).fires[0]
    assert (first.ends_at, first.status) == (START + hours * HOUR, status)


@pytest.mark.parametrize(
    ("state", "first"),
    [
        # nothing before
        (State(), ["start", RUNNING]),
        # a run that ends before the first fire, at it, after it
        (State(running=Running(run_id=7, started_at=START - 26 * HOUR, expected_end=START - 1)), ["start", RUNNING]),
        (State(running=Running(run_id=7, started_at=START - 26 * HOUR, expected_end=START)), ["start", RUNNING]),
        (State(running=Running(run_id=7, started_at=START - DAY, expected_end=START + 1)), [RUNNING, "start"]),
        # one of which no end is known blocks for ever
        (State(running=Running(run_id=7, started_at=START - DAY)), [RUNNING] * 8),
        # one whose owner is dead is reclaimed at once, unless it left something behind
        (State(running=Running(run_id=7, started_at=START - DAY, owner="dead")), ["start", RUNNING]),
        (State(running=Running(run_id=7, started_at=START - DAY, owner="dead", left_behind=True)), [RUNNING] * 8),
        # a pause that ends, and one that does not
        (State(paused=Pause(until=START + 1)), ["paused", "start"]),
        (State(paused=Pause()), ["paused"] * 8),
    ],
)
def test_the_state_at_the_beginning_counts(state: State, first: list[str]) -> None:
    """The first fires find the state as it is."""
    assert verdicts(simulate(scenario(26, state=state)))[: len(first)] == first


def test_the_end_of_the_run_at_the_beginning_counts_for_the_gap() -> None:
    """A run that ends an hour before the first fire holds it back by the gap."""
    running = Running(run_id=7, started_at=START - DAY, expected_end=START - HOUR)
    done = simulate(scenario(1, min_gap=6 * HOUR, state=State(running=running)))
    assert verdicts(done)[:2] == [GAP, "start"]


def test_a_measured_age_goes_on() -> None:
    """A run of unknown end that was 10 h old at the beginning is 34 h old, and stale, a day later."""
    running = Running(run_id=7, started_at=START - 99 * DAY, age=10 * HOUR)
    done = simulate(scenario(1, stale_after=30 * HOUR, state=State(running=running)))
    assert verdicts(done)[:2] == [RUNNING, "start"]


@pytest.mark.parametrize(
    ("typical", "first"),
    [
        # nothing known: the first run makes the gap of the second
        (None, ["start", GAP, "start"]),
        # ten runs of one hour known: one of 23 h does not move their median
        (HOUR, ["start", "start", "start"]),
    ],
)
def test_the_typical_duration_is_the_median_of_the_last_ten(typical: float | None, first: list[str]) -> None:
    """What the history knows is replaced by what is simulated, run by run."""
    state = State(typical=typical, last_end=None if typical is None else START - DAY)
    assert verdicts(simulate(scenario(23, gap_factor=0.5, state=state)))[:3] == first


def test_fires_that_are_not_due_count_as_skips() -> None:
    """`every = 30h` is fired every 6 h; the fires between are skips of the preview, though no history records them."""
    every = 30 * HOUR
    start = parse_time("2026-11-21", SEOUL)
    done = simulate(
        Scenario(
            rules=Rules(zone=SEOUL, every=every),
            fires=fires(Schedule(every=every), SEOUL, start),
            start=start,
            end=start + 5 * DAY,
            duration=lambda _count: HOUR,
        )
    )
    assert verdicts(done)[:6] == ["start", "not_due", "not_due", "not_due", "not_due", "start"]
    assert done.summary.effective_interval_s == every
    assert done.summary.skips_by_reason == {"not_due": 16}


def test_active_hours_are_those_of_the_zone() -> None:
    """A fire at 01:00 in Seoul is outside 08:00-22:59 there."""
    done = simulate(scenario(1, active_hours=Window(start=480, end=1379)))
    assert set(verdicts(done)) == {"outside_hours"}


def test_a_full_pool_stays_full() -> None:
    """What other jobs will do is not known."""
    done = simulate(scenario(1, pool="collectors", pool_limit=1, state=State(pool_running=1)))
    assert set(verdicts(done)) == {"pool_full"}


def test_durations_are_asked_for_by_start() -> None:
    """The n-th start, not the n-th fire, takes the n-th duration."""
    asked: list[int] = []

    def duration(count: int) -> float:
        asked.append(count)
        return (26 if count % 2 == 0 else 2) * HOUR

    base = scenario(1)
    done = simulate(Scenario(rules=base.rules, fires=base.fires, start=base.start, end=base.end, duration=duration))
    assert verdicts(done) == ["start", RUNNING, "start", "start", RUNNING, "start", "start", RUNNING]
    assert asked == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("apart", "interval", "busy"),
    [
        # 13 h each, 12 h apart: both daily, together always busy but for the first hours
        (12 * HOUR, 24 * HOUR, 1.0),
        # 2 h apart: they overlap, and the union of both is 15 h a day
        (2 * HOUR, 24 * HOUR, 15 / 24),
    ],
)
def test_groups_are_jobs_of_their_own(apart: float, interval: float, busy: float) -> None:
    """A chain of 26 h in two halves runs every day; nothing is counted twice."""
    first, second = scenario(13), scenario(13)
    assert not callable(second.fires)
    later = (at + apart for at in second.fires)
    split = simulate_groups(
        {
            "search": first,
            "upload": Scenario(
                rules=second.rules, fires=later, start=second.start, end=second.end, duration=second.duration
            ),
        }
    )
    assert list(split.groups) == ["search", "upload"]
    assert split.summary.effective_interval_s == interval
    assert split.summary.skips == 0
    assert split.summary.fires == 16
    assert split.summary.busy_ratio == pytest.approx(busy, abs=0.01)


def test_the_slowest_group_gives_the_cadence() -> None:
    """A chain is no faster than its slowest group, and of a group that starts but once nothing is known."""
    split = simulate_groups({"search": scenario(26), "upload": scenario(2)})
    assert split.summary.effective_interval_s == 48 * HOUR
    assert split.summary.skips_by_reason == {RUNNING: 4}
    once = simulate_groups({"search": scenario(26, days=2), "upload": scenario(2, days=2)})
    assert once.summary.effective_interval_s is None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 4000),
    st.integers(0, 600),
    st.sampled_from(["* * * * *", "*/15 * * * *", "0 */6 * * *", "30 1,13 * * *"]),
    st.sampled_from([None, 3600.0, 30000.0]),
    st.sampled_from([None, 7200.0, 100000.0]),
)
def test_runs_never_overlap_and_gaps_are_kept(
    minutes: int, gap: int, cron: str, timeout: float | None, stale_after: float | None
) -> None:
    """Whatever the numbers: one run at a time, and after one that was not taken over never less than the gap."""
    wanted = scenario(minutes / 60, cron, days=5, timeout=timeout, min_gap=60.0 * gap, stale_after=stale_after)
    starts = [fire for fire in simulate(wanted).fires if fire.verdict == "start"]
    assert starts
    for before, after in pairwise(starts):
        assert before.ends_at is not None
        assert after.at >= before.ends_at + (0 if before.status == "stale" else 60 * gap)


def test_walking_gives_the_same_fires_one_at_a_time() -> None:
    """A walk can be left at any fire, also of an endless schedule."""
    early = [fire.verdict for fire in takewhile(lambda fire: fire.at < START + 3 * DAY, walk(scenario(26, days=9999)))]
    assert early == [fire.verdict for fire in simulate(scenario(26, days=3)).fires]
