"""The arithmetic of what fits."""

from __future__ import annotations

import pytest
from support import rules

from batchctl.core.advise.advice import even, gap_after, interval_of, smaller_gap, stale_above, timeout_above, with_gap

HOUR = 3600.0


@pytest.mark.parametrize(
    ("needed", "interval"),
    [
        (1, 60),  # the shortest that a crontab says
        (61, 120),  # two minutes divide an hour
        (6 * 60 + 1, 600),  # seven, eight and nine do not
        (1800, 1800),  # just as long
        (1801, HOUR),  # no part of an hour
        (4 * HOUR + 1, 6 * HOUR),  # five hours do not divide a day
        (12 * HOUR + 1, 24 * HOUR),  # nothing beyond half a day does
        (24 * HOUR, 24 * HOUR),  # a day
        (24 * HOUR + 1, 48 * HOUR),  # whole days
        (57.2 * HOUR, 72 * HOUR),  # 26 hours with a gap of 31.2
    ],
)
def test_the_smallest_even_interval(needed: float, interval: float) -> None:
    """What is advised lines up with the day: a part of an hour, of a day, or whole days."""
    assert even(needed) == interval


@pytest.mark.parametrize(
    ("fires", "interval"),
    [
        ([], None),  # none
        ([5.0], None),  # one says nothing
        ([0.0, 10.0], 10.0),  # two
        ([0.0, 10.0, 20.0, 120.0], 10.0),  # a single longer one
        ([0.0, 30.0, 40.0, 70.0, 80.0], 30.0),  # of an even number the longer of the middle
    ],
)
def test_how_far_fires_lie_apart(fires: list[float], interval: float | None) -> None:
    """It is the median distance."""
    assert interval_of(fires) == interval


@pytest.mark.parametrize(
    ("given", "gap", "smaller"),
    [
        ({}, 0.0, {}),  # no gap
        ({"min_gap": 7.0}, 7.0, {"min_gap": 6.0}),  # a fixed one
        ({"min_gap": 6.0}, 6.0, {}),  # just as large as it may be
        ({"gap_factor": 0.7}, 7.0, {"gap_factor": 0.6}),  # a share of the usual duration
        ({"gap_factor": 0.6}, 6.0, {}),  # just as large as it may be
        ({"min_gap": 8.0, "gap_factor": 0.7}, 8.0, {"min_gap": 6.0, "gap_factor": 0.6}),  # both
        ({"min_gap": 1.0, "gap_factor": 0.7}, 7.0, {"gap_factor": 0.6}),  # the larger one
    ],
)
def test_gaps(given: dict[str, float], gap: float, smaller: dict[str, float]) -> None:
    """After 10 seconds the larger gap counts; each key that asks for more than 6 is given what does not."""
    assert gap_after(rules(**given), 10.0) == gap
    assert smaller_gap(rules(**given), 6.0, 10.0) == smaller


def test_a_factor_is_rounded_down() -> None:
    """A hundredth more would be too much already."""
    assert smaller_gap(rules(gap_factor=1.2), 2.0, 3.0) == {"gap_factor": 0.66}


def test_words_and_budgets() -> None:
    """A gap is named where there is one; a timeout leaves a quarter more, stale_after a fifth beyond that."""
    assert with_gap(26 * HOUR, 0.0) == "26h 00m"
    assert with_gap(26 * HOUR, 5 * HOUR) == "26h 00m (31h 00m with its gap)"
    assert (timeout_above(20 * HOUR), stale_above(25 * HOUR)) == (25 * HOUR, 30 * HOUR)
