"""What a history says in numbers: typical durations, percentiles, rates, the effective interval.

Durations are seconds, instants seconds since the epoch, shares 0 to 1. Everything is None where there is nothing to
count.
"""

from __future__ import annotations

from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

ENOUGH = 5
"""Successful runs from which on a history says what is usual."""
TYPICAL_OF = 10
"""How many of the newest successful durations make the typical one."""


class Starts(Record):
    """How many runs of a job started, and when the first and the last of them did."""

    count: int = 0
    first: float | None = None
    last: float | None = None


class Stats(Record):
    """The statistics of one job over a window.

    `runs` counts every run, `failed` those that failed, timed out, were lost or stale; one that is running, or was
    cancelled, is in neither of the two outcomes and so in no rate. The durations are those of the successful runs: a
    run that broke off after two seconds says nothing about how long the batch takes.
    """

    runs: int = 0
    succeeded: int = 0
    failed: int = 0
    success_rate: float | None = None
    avg_s: float | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    max_s: float | None = None
    skips: int = 0
    effective_interval_s: float | None = None


def typical(durations: Sequence[float]) -> float | None:
    """Return the median of the last 10 successful durations, given newest first."""
    return percentile(sorted(durations[:TYPICAL_OF]), 0.5)


def percentile(ascending: Sequence[float], share: float) -> float | None:
    """Return the value below which this share of the sorted values lies, interpolated between neighbours."""
    if not ascending:
        return None
    place = share * (len(ascending) - 1)
    below = int(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (place - below)


def success_rate(succeeded: int, failed: int) -> float | None:
    """Return the share of the runs that succeeded or failed which succeeded."""
    ended = succeeded + failed
    return succeeded / ended if ended else None


def effective_interval(starts: Starts) -> float | None:
    """Return the mean distance between consecutive starts; one start has none."""
    if starts.count < 2 or starts.first is None or starts.last is None:  # noqa: PLR2004 - two make an interval
        return None
    return (starts.last - starts.first) / (starts.count - 1)


class Spread(Record):
    """How long the successful runs took, in seconds."""

    average: float | None = None
    p50: float | None = None
    p95: float | None = None
    longest: float | None = None


def spread(successes: Sequence[float]) -> Spread:
    """Return the spread of durations, given in any order."""
    ascending = sorted(successes)
    if not ascending:
        return Spread()
    return Spread(
        average=sum(ascending) / len(ascending),
        p50=percentile(ascending, 0.5),
        p95=percentile(ascending, 0.95),
        longest=ascending[-1],
    )


def stats(successes: Sequence[float], succeeded: int, failed: int, starts: Starts, skips: int) -> Stats:
    """Return the statistics of a job from its successful durations (in any order) and its counts."""
    return stats_of(spread(successes), succeeded, failed, starts, skips)


def stats_of(took: Spread, succeeded: int, failed: int, starts: Starts, skips: int) -> Stats:
    """Return the statistics of a job from the spread of its successful durations and its counts."""
    return Stats(
        runs=starts.count,
        succeeded=succeeded,
        failed=failed,
        success_rate=success_rate(succeeded, failed),
        avg_s=took.average,
        p50_s=took.p50,
        p95_s=took.p95,
        max_s=took.longest,
        skips=skips,
        effective_interval_s=effective_interval(starts),
    )
