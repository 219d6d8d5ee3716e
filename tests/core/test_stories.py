"""What stories tell: streaks, trends, steps, the scheduled interval."""

from __future__ import annotations

import pytest
from support import SEOUL

from batchctl.core.stories import StepFact, Story, scheduled_interval, step_stats, streaks, trend
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.zones import parse_time


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ("", (0, 0)),  # nothing
        ("s", (1, 0)),  # one
        ("ssfsss", (3, 1)),  # the longest, not the last
        ("ffsfff", (1, 3)),  # of failures too
        ("srs", (2, 0)),  # what is running breaks nothing
    ],
)
def test_streaks(outcomes: str, expected: tuple[int, int]) -> None:
    """The longest rows of successes and of failures."""
    status = {"s": "succeeded", "f": "lost", "r": "running"}
    stories = [Story(place, status[sign], place, None, None) for place, sign in enumerate(outcomes)]
    assert streaks(stories) == expected


@pytest.mark.parametrize(
    ("durations", "direction", "words"),
    [
        ([26.0] * 5, None, ""),  # too few to compare
        ([26.0] * 20, "steady", "steady: median 26s over the last 10 successes"),  # no change
        ([27.0] * 10 + [26.0] * 10, "steady", "steady"),  # within 10 %
        ([30.0] * 10 + [20.0] * 10, "longer", "50% longer: median 30s over the last 10 successes, 20s before"),
        ([60.0] * 3 + [20.0] * 3, "longer", "3.0 times as long"),  # beyond double
        ([10.0] * 3 + [20.0] * 3, "shorter", "50% shorter"),  # faster
        ([0.0] * 6, None, ""),  # nothing to divide by
    ],
)
def test_trend(durations: list[float], direction: str | None, words: str) -> None:
    """The newest against those before them, by their medians."""
    found = trend(durations)
    assert (None if found is None else found.direction) == direction
    assert found is None or words in found.text


def test_steps() -> None:
    """Each step has its own rate and durations; what failed has no say in how long it takes."""
    first, second = step_stats(
        [
            StepFact("31", "검색", "succeeded", 10.0, 4.0, 1000),
            StepFact("31", "검색", "succeeded", 10.0),
            StepFact("31", "검색", "failed", 1.0, 0.5, 3000),
            StepFact("32", None, "running", None),
        ]
    )
    assert (first.cpu_avg_s, first.max_rss_bytes, second.cpu_avg_s, second.max_rss_bytes) == (4.0, 3000, None, None)
    assert (first.id, first.group, first.runs, first.success_rate, first.p50_s) == ("31", "검색", 3, 2 / 3, 10.0)
    assert (second.id, second.runs, second.success_rate, second.p50_s) == ("32", 1, None, None)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(cron=parse_cron("0 1 * * *")), 86400.0),  # daily
        (Schedule(every=108_000.0), 108_000.0),  # what was asked for, not how cron approximates it
        (Schedule(at=1.0), None),  # once
        (Schedule(), None),  # by hand
    ],
)
def test_scheduled_interval(schedule: Schedule, expected: float | None) -> None:
    """The distance between fires."""
    assert scheduled_interval(schedule, SEOUL, parse_time("2026-11-01", SEOUL)) == expected
