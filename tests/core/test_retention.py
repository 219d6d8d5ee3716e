"""Which runs go and which stay."""

from __future__ import annotations

from typing import Any

import pytest

from batchctl.core.model import FAILED, LOST, RUNNING, SUCCEEDED, Retention
from batchctl.core.retention import DAY, Past, verdict

NOW = 1_800_000_000.0
HOUR = 3600.0


def run(run_id: int, age_days: float, status: str = SUCCEEDED, resumed: int | None = None) -> Past:
    """Return a run of an hour that ended so many days ago; a running one has not ended."""
    ended = NOW - age_days * DAY
    return Past(run_id, status, ended - HOUR, None if status == RUNNING else ended, resumed)


def goes(runs: list[Past], sizes: dict[int, int] | None = None, **kept: Any) -> list[int]:
    """Return the ids that go; runs are written oldest first, as people read them."""
    retention = Retention(**kept)
    return list(verdict(reversed(runs), retention, NOW, (sizes or {}).__getitem__).runs)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        # Nothing to judge.
        ([], []),
        # The only run stays, however old: it is the last, and the last success.
        ([run(1, 400)], []),
        # Older than 30 days goes, younger stays.
        ([run(1, 31), run(2, 29), run(3, 1)], [1]),
        # Exactly 30 days is not older than 30 days.
        ([run(1, 30), run(2, 1)], []),
        # The last success stays behind a year of failures, which go but for the last.
        ([run(1, 365), run(2, 364, FAILED), run(3, 363, FAILED)], [2]),
        # Of two old successes only the newer one is the last.
        ([run(1, 365), run(2, 364), run(3, 1, FAILED)], [1]),
        # A running run is never old, and the run that ended before it is still what the gap counts from.
        ([run(1, 90), run(2, 80, FAILED), run(3, 70, RUNNING)], []),
        # Before that one, failures go.
        ([run(1, 90), run(2, 80, FAILED), run(3, 79, FAILED), run(4, 70, RUNNING)], [2]),
        # A running run stays wherever it stands.
        ([run(1, 90, RUNNING), run(2, 80), run(3, 1)], [2]),
        # What a kept run resumes stays, and what that one resumes, too.
        ([run(1, 50, FAILED), run(2, 45, LOST, 1), run(3, 29, SUCCEEDED, 2), run(4, 1)], []),
        # What only a removed run resumed goes with it.
        ([run(1, 50, FAILED), run(2, 45, SUCCEEDED, 1), run(3, 1)], [1, 2]),
    ],
)
def test_age(runs: list[Past], expected: list[int]) -> None:
    """A run goes when it is older than keep_days, unless something still asks for it."""
    assert goes(runs) == expected


@pytest.mark.parametrize(
    ("keep_runs", "expected"),
    [
        # No limit.
        (None, []),
        # More than there are.
        (9, []),
        # The newest two stay.
        (2, [1, 2, 3]),
        # One: the last run, a failure; but the last success stays as well.
        (1, [1, 2, 3]),
    ],
)
def test_number(keep_runs: int | None, expected: list[int]) -> None:
    """A run goes when it is not among the newest keep_runs, however young."""
    runs = [run(1, 5), run(2, 4, FAILED), run(3, 3), run(4, 2), run(5, 1, FAILED)]
    assert goes(runs, keep_runs=keep_runs) == expected


@pytest.mark.parametrize(
    ("keep_bytes", "expected"),
    [
        # All of it fits exactly.
        (100, []),
        # The oldest is what exceeds it.
        (99, [1]),
        # Once exceeded, small older ones go as well: newest are kept.
        (69, [1, 2]),
        # Less than the last run alone: it stays all the same.
        (10, [1, 2, 3]),
    ],
)
def test_size(keep_bytes: int, expected: list[int]) -> None:
    """A run goes when the files from the newest down to it exceed keep_bytes."""
    runs = [run(1, 4), run(2, 3), run(3, 2), run(4, 1)]
    assert goes(runs, {1: 5, 2: 30, 3: 25, 4: 40}, keep_bytes=keep_bytes) == expected


def test_sizes_are_only_asked_for_where_they_matter() -> None:
    """Without keep_bytes no file is looked at."""

    def fail(_run_id: int) -> int:
        pytest.fail("a size was asked for")

    assert list(verdict([run(2, 1), run(1, 99)], Retention(keep_runs=5), NOW, fail).runs) == [1]


def test_keep_days_zero_keeps_what_is_needed() -> None:
    """Keeping nothing still keeps the last run and the last success."""
    assert goes([run(1, 3), run(2, 2), run(3, 1, FAILED)], keep_days=0.0) == [1]


@pytest.mark.parametrize(
    ("kept", "days"),
    [
        # By age alone, skips have the same limit.
        ({}, 30.0),
        # Cut by number, skips before the oldest kept run go; it started 2 days and an hour ago.
        ({"keep_runs": 2}, 2 + 1 / 24),
    ],
)
def test_skips_go_with_the_runs_they_are_about(kept: dict[str, int], days: float) -> None:
    """Skips are kept from the oldest run that the limits keep, or for keep_days where nothing but age cuts."""
    runs = [run(3, 1), run(2, 2), run(1, 3)]
    assert verdict(runs, Retention(**kept), NOW, lambda _: 0).skips_before == pytest.approx(NOW - days * DAY)
