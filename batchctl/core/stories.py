"""What a job's stories tell: streaks, the trend of the durations, the statistics of its steps.

A story is a run together with the runs that it resumed: what was broken off and then finished is one batch to the
operator. Its outcome is that of its last run, its duration the sum of theirs. Instants are seconds since the epoch,
durations seconds; None where there is nothing to count.
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

from batchctl.base.duration import format_duration
from batchctl.base.record import Record
from batchctl.base.said import Lasting, said
from batchctl.core import statistics
from batchctl.core.model import CANCELLED, FAILURES, RUNNING, SUCCEEDED
from batchctl.core.time.schedule import fires

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batchctl.core.statistics import Stats
    from batchctl.core.time.cron import Schedule
    from batchctl.core.time.zones import Zone

_TREND_OF = 10
_TREND_LEAST = 3
_STEADY = 0.1
_FIRES = 500


class Story(NamedTuple):
    """A run with the runs that it resumed; `id`, `status` and `ended_at` are those of the last of them."""

    id: int
    status: str
    started_at: float
    ended_at: float | None
    duration_s: float | None
    runs: int = 1


class StepStats(Record):
    """One step over a window: every execution counts for itself, the durations are those of the successful ones."""

    id: str
    group: str | None
    runs: int
    succeeded: int
    failed: int
    success_rate: float | None
    avg_s: float | None
    p50_s: float | None
    p95_s: float | None
    max_s: float | None
    cpu_avg_s: float | None
    """Processor time of a successful execution, on average."""
    max_rss_bytes: int | None
    """The most memory of any execution."""


class Trend(Record):
    """How the newest durations differ from those before them."""

    direction: str
    """`longer`, `shorter` or `steady` (within 10 %)."""
    change: float
    """Share by which the median changed: 0.12 is 12 % longer."""
    text: str


class Detail(Record):
    """What there is to know of one job beyond its counts."""

    skips_by_reason: Mapping[str, int]
    scheduled_interval_s: float | None
    longest_success_streak: int
    longest_failure_streak: int
    resumed: int
    """Runs that continued an earlier one, and so make one story with it."""
    trend: Trend | None
    steps: Sequence[StepStats]


def stats(stories: Iterable[Story], skips: int) -> Stats:
    """Return the statistics of these stories."""
    told = list(stories)
    good = [story for story in told if story.status == SUCCEEDED]
    starts = [story.started_at for story in told]
    return statistics.stats(
        [story.duration_s for story in good if story.duration_s is not None],
        len(good),
        sum(story.status in FAILURES for story in told),
        statistics.Starts(count=len(told), first=min(starts, default=None), last=max(starts, default=None)),
        skips,
    )


def streaks(stories: Iterable[Story]) -> tuple[int, int]:
    """Return how many stories in a row succeeded at most, and how many failed; given oldest first."""
    longest, current, last = {True: 0, False: 0}, 0, None
    for story in stories:
        if story.status in {RUNNING, CANCELLED}:
            continue  # an operator's own stop is neither, and ends no row
        good = story.status == SUCCEEDED
        current = current + 1 if good is last else 1
        last = good
        longest[good] = max(longest[good], current)
    return longest[True], longest[False]


def trend(durations: Sequence[float]) -> Trend | None:
    """Compare the newest 10 successful durations, given newest first, with the 10 before; None with too few."""
    size = min(_TREND_OF, len(durations) // 2)
    if size < _TREND_LEAST:
        return None
    newest, before = (sorted(durations[place : place + size]) for place in (0, size))
    now, then = statistics.percentile(newest, 0.5), statistics.percentile(before, 0.5)
    if now is None or not then:
        return None
    change = now / then - 1
    if abs(change) < _STEADY:
        text = said("steady: median %s over the last %d successes", Lasting(format_duration(now)), size)
        return Trend(direction="steady", change=change, text=text)
    direction = "longer" if change > 0 else "shorter"
    amount = f"{abs(change):.0%}" if change < 1 else f"{1 + change:.1f}"
    compared = (amount, Lasting(format_duration(now)), size, Lasting(format_duration(then)))
    template = _TREND_TEXTS["times" if change >= 1 else direction]
    return Trend(direction=direction, change=change, text=said(template, *compared))


_TREND_TEXTS = {
    "longer": "%s longer: median %s over the last %d successes, %s before",
    "shorter": "%s shorter: median %s over the last %d successes, %s before",
    "times": "%s times as long: median %s over the last %d successes, %s before",
}


class StepFact(NamedTuple):
    """One execution of a step."""

    step: str
    group: str | None
    status: str
    duration_s: float | None
    cpu_s: float | None = None
    max_rss_bytes: int | None = None


def step_stats(facts: Iterable[StepFact]) -> list[StepStats]:
    """Return the statistics of each step, in the order of first appearance."""
    seen: dict[str, list[StepFact]] = {}
    for fact in facts:
        seen.setdefault(fact.step, []).append(fact)
    return [_one_step(executions) for executions in seen.values()]


def _one_step(executions: Sequence[StepFact]) -> StepStats:
    good = [one for one in executions if one.status == SUCCEEDED]
    failed = sum(one.status in FAILURES for one in executions)
    durations = [one.duration_s for one in good if one.duration_s is not None]
    counted = statistics.stats(durations, len(good), failed, statistics.Starts(count=len(executions)), 0)
    shared = {name: getattr(counted, name) for name in StepStats._fields if name in counted._fields}
    cpu = [one.cpu_s for one in good if one.cpu_s is not None]
    return StepStats(
        id=executions[0].step,
        group=executions[0].group,
        cpu_avg_s=sum(cpu) / len(cpu) if cpu else None,
        max_rss_bytes=max((one.max_rss_bytes for one in executions if one.max_rss_bytes is not None), default=None),
        **shared,
    )


def scheduled_interval(schedule: Schedule, zone: Zone, since: float) -> float | None:
    """Return the typical distance between the fires that the schedule means; None where it has no two."""
    if schedule.every is not None:
        return schedule.every
    found = list(islice(fires(schedule, zone, since), _FIRES))
    return statistics.percentile(sorted(after - before for before, after in pairwise(found)), 0.5)
