"""The numbers that a history is summed up in."""

from __future__ import annotations

import statistics as reference

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchctl.core.statistics import Starts, Stats, effective_interval, percentile, stats, success_rate, typical


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ([], None),  # nothing known
        ([7.0], 7.0),  # one run is its own median
        ([1.0, 9.0], 5.0),  # between two: halfway
        ([26.0, 1.0, 27.0], 26.0),  # an outlier does not move it
        ([10.0] * 10 + [1.0] * 90, 10.0),  # only the newest ten count
    ],
)
def test_typical(durations: list[float], expected: float | None) -> None:
    """The typical duration is the median of the ten newest."""
    assert typical(durations) == expected


@given(st.lists(st.floats(0, 1e6), min_size=2), st.integers(1, 99))
def test_percentile_agrees_with_the_standard_library(values: list[float], percent: int) -> None:
    """Percentiles are those of statistics.quantiles with the inclusive method."""
    expected = reference.quantiles(values, n=100, method="inclusive")[percent - 1]
    assert percentile(sorted(values), percent / 100) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("succeeded", "failed", "expected"),
    [
        (0, 0, None),  # no run, no rate
        (3, 1, 0.75),  # a share, not a percentage
        (0, 2, 0.0),  # never is a rate too
    ],
)
def test_success_rate(succeeded: int, failed: int, expected: float | None) -> None:
    """The rate is a share of the ended runs."""
    assert success_rate(succeeded, failed) == expected


def test_effective_interval() -> None:
    """Three starts 48 hours apart make an interval of 48 hours; one start makes none."""
    assert effective_interval(Starts(count=3, first=0.0, last=345600.0)) == 172800.0
    assert effective_interval(Starts(count=1, first=0.0, last=0.0)) is None


def test_stats_of_nothing() -> None:
    """A job without history has zero counts and no numbers."""
    assert stats([], 0, 0, Starts(), 0) == Stats()


def test_stats() -> None:
    """Durations come from the successful runs, counts from all."""
    found = stats([30.0, 10.0, 20.0], 3, 1, Starts(count=5, first=0.0, last=400.0), 7)
    assert vars(found) == {
        "runs": 5,
        "succeeded": 3,
        "failed": 1,
        "success_rate": 0.75,
        "avg_s": 20.0,
        "p50_s": 20.0,
        "p95_s": pytest.approx(29.0),
        "max_s": 30.0,
        "skips": 7,
        "effective_interval_s": 100.0,
    }
