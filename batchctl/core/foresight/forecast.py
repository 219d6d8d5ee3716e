"""When a running batch will end, from how long its steps took before.

The model: the logarithm of what a step takes is its usual one plus its spread times a normal number, which is partly
common to all steps of the day (on a slow day everything is slow) and partly its own; see `habits`. From that come
POINTS courses that the rest of this run may take (`draws`), each with a weight:

* The spread is an estimate from few runs, so each course has a wider or a narrower one: together Student's t, the
  predictive distribution of a normal sample (Gelman et al., Bayesian Data Analysis, 3.2).
* What today's finished steps took says how slow the day is, and with it what the others will take.
* A step under way takes longer than it has run: each course continues from there (the conditional distribution), and
  counts by how probable it made that.
* Its own progress tells its length with an error that is large at first; it counts by how small that is.
* One step in 200 does something else altogether. Of one that has outrun whatever is usual nothing is known but by how
  much, and it lasts as likely as not as long again (Gott, "Implications of the Copernican principle", 1993).
* Steps side by side take as long as the longest of them does in each course.

Expected is the median of the courses, and the span holds four of five; benchmarks/bench_foresight.py counts.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import exp, sqrt

from batchctl.base.record import Record
from batchctl.core.foresight.draws import NORMAL, POINTS, above, exceeded_by, places, widening
from batchctl.core.foresight.habits import BORROWED, CORRELATIONS, Habit, correlations, habits, logarithm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SPAN = (0.1, 0.5, 0.9)
_OTHERWISE = 0.005
"""Share of steps that take what no history foretells."""
_ANYTHING = 1.5
"""Standard deviation of the logarithm of what such a step takes."""
_UNUSUAL = 3.0
"""Standard deviations beyond which a finished step says no more about the day: something happened to it alone."""
_PROGRESS_OFF = 0.04
"""Relative error of a length that progress tells, to the end: not every part of the work takes the same."""
_PROGRESS_PARTS = 300
"""Parts of very uneven length that the work is taken to consist of: early on few are done, and say little."""
_FIRST_SHARE = 1e-4
"""Of its work that a step must have done before its progress is listened to: of less nothing follows."""


class Prospect(Record):
    """One step of the run; steps of one stage run side by side, stages after one another."""

    stage: int
    durations: Sequence[float | None] = ()
    """Seconds it took in earlier runs, the same run at the same place for each step; None where it did not run."""
    took: float | None = None
    """Seconds it took in this run, 0 where it is done without having taken its time; None where it is not done."""
    elapsed: float | None = None
    """Seconds it has run; None where it waits."""
    share: float | None = None
    """The share of its work that is done, as it says itself."""
    lost: float = 0.0
    """Seconds of `elapsed` that earlier attempts took, whose work does not count."""
    beside: int | None = None
    """How many steps of its stage run at the same time at most."""


class Remaining(Record):
    """Seconds until the end: expected, and the span within which four runs of five end."""

    expected: float
    low: float
    high: float


class _Told:
    """What a step's own progress tells: the logarithm of its whole length, the variance of that, and what to think.

    `doubted` is how probable it is that the step, if this is its length, does something else altogether.
    """

    def __init__(self, prospect: Prospect, elapsed: float, share: float, habit: Habit | None) -> None:
        self.length = logarithm(prospect.lost + (elapsed - prospect.lost) / share)
        self.variance = _PROGRESS_OFF**2 + (1 - share) / share / _PROGRESS_PARTS
        self.doubted = 1.0
        if habit is not None:
            away, own = self.length - habit.middle, (habit.spread * habit.doubt) ** 2
            usual = (1 - _OTHERWISE) * _density(away, own + self.variance)
            other = _OTHERWISE * _density(away, own + self.variance + _ANYTHING**2)
            self.doubted = other / (usual + other) if other else 1.0


class _Day:
    """How slow the day is in each course (`common`), and how far each step may be from that (`own`)."""

    def __init__(self, steps: Sequence[_Step]) -> None:
        known = [step.habit for step in steps if step.habit is not None]
        days = [
            [value for value in day if value is not None] for day in zip(*(habit.days for habit in known), strict=False)
        ]
        done = [(step.deviation, 0.0) for step in steps if step.deviation is not None]
        told = [step.told_deviation for step in steps if step.told_deviation is not None]
        self._weights = correlations(days, [value for value, _ in done])
        self.correlation = sum(map(float.__mul__, self._weights, CORRELATIONS))
        slow = [_posterior(correlation, done + told) for correlation in CORRELATIONS]
        wide = [widening(freedom) for freedom in self._freedoms(steps, known)]
        self.common, self.own = [], []
        for kind, width, value in zip(self._kinds(), places(1), places(2), strict=True):
            correlation, (mean, deviation) = CORRELATIONS[kind], slow[kind]
            factor = wide[kind][width]
            self.common.append(sqrt(correlation) * (mean + deviation * factor * NORMAL[value]))
            self.own.append(sqrt(1 - correlation) * factor)

    def _kinds(self) -> list[int]:
        """Return for each course which of CORRELATIONS holds in it, each as often as it is probable."""
        kinds: list[int] = []
        reached = 0.0
        for kind, weight in enumerate(self._weights):
            reached += weight
            kinds += [kind] * (round(reached * POINTS) - len(kinds))
        return [kinds[place] for place in places(0)]

    @staticmethod
    def _freedoms(steps: Sequence[_Step], known: Sequence[Habit]) -> Iterator[float]:
        """Yield for each correlation how many degrees of freedom the spread of what is left is known from.

        The errors of several steps' spreads cancel out, unless all steps are slow on the same days anyway.
        """
        runs = max(sum(habit.count for habit in known) / max(len(known), 1) - 1, 1)
        own = (runs / (runs + BORROWED)) ** 2
        shares = [(exp(step.habit.middle) * step.habit.spread) ** 2 for step in steps if step.habit and not step.done]
        left = sum(share * share for share in shares) / sum(shares) ** 2 if any(shares) else 1.0
        chain = 1 / max(len(known), 1)
        for alike in (correlation**2 for correlation in CORRELATIONS):
            yield runs / (own * (left + (1 - left) * alike) + (1 - own) * (chain + (1 - chain) * alike))


class _Step:
    """A step with its habit and what is known of it today."""

    def __init__(self, prospect: Prospect, habit: Habit | None) -> None:
        self.habit, self.done = habit, prospect.took is not None
        self.elapsed = prospect.elapsed or 0.0
        share = min(prospect.share or 0.0, 1.0)
        tells = share >= _FIRST_SHARE and self.elapsed and not self.done
        self.told = _Told(prospect, self.elapsed, share, habit) if tells else None
        self.deviation: float | None = None
        self.told_deviation: tuple[float, float] | None = None
        if habit is None:
            return
        if prospect.took:
            self.deviation = max(-_UNUSUAL, min(_UNUSUAL, habit.deviation(prospect.took)))
        elif self.told is not None and self.told.doubted < 0.5:  # noqa: PLR2004 - rather not than so
            unit = habit.spread * habit.doubt
            self.told_deviation = (self.told.length - habit.middle) / unit, self.told.variance / unit**2

    def left(self, day: _Day, dimension: int, weights: list[float]) -> list[float]:
        """Return the seconds that are left of it in each course; a running one makes some courses more probable."""
        habit, where = self.habit, places(dimension)
        if habit is None:
            return self._continued(where, [0.0] * POINTS, [0.0] * POINTS, weights)
        # Sums of exponentials come out too large where middles and spreads are estimates; this is by how much.
        middle = habit.middle - (1 - day.correlation) * habit.spread**2 / habit.count
        unit = habit.spread * habit.doubt
        if not self.elapsed:
            both = zip(day.common, day.own, where, strict=True)
            return [exp(middle + unit * (common + own * NORMAL[place])) for common, own, place in both]
        means = [middle + unit * common for common in day.common]
        return self._continued(where, means, [unit * own for own in day.own], weights)

    def _continued(
        self, where: Sequence[int], means: Sequence[float], deviations: Sequence[float], weights: list[float]
    ) -> list[float]:
        told, now = self.told, logarithm(self.elapsed)
        other = _OTHERWISE if told is None else told.doubted
        beyond = other * self._still_other()
        found = []
        for course, (place, mean, deviation) in enumerate(zip(where, means, deviations, strict=True)):
            if told is not None:
                trust = deviation**2 / (deviation**2 + told.variance)
                mean += trust * (told.length - mean)  # noqa: PLW2901 - what was expected, corrected
                deviation = sqrt(trust * told.variance)  # noqa: PLW2901
            usual = (1 - other) * above((now - mean) / deviation) if deviation else 0.0
            weights[course] *= max(usual + beyond, 1e-300)
            share = (place + 0.5) / POINTS * (usual + beyond)
            if share < usual:
                length = exp(mean + deviation * exceeded_by(share / (1 - other)))
            else:
                length = self._other_length((share - usual) / beyond if beyond else 0.5)
            found.append(max(0.0, length - self.elapsed))
        return found

    def _still_other(self) -> float:
        """Return how probable it is that a step that does something else altogether still runs."""
        if self.told is not None:
            return above((logarithm(self.elapsed) - self.told.length) / sqrt(self.told.variance))
        usual, play = self._usual()
        return play / (play + max(0.0, self.elapsed - usual))

    def _other_length(self, share: float) -> float:
        """Return the seconds that this share of such steps, of those that still run, takes longer than."""
        if self.told is not None:
            return exp(self.told.length + sqrt(self.told.variance) * exceeded_by(share * self._still_other()))
        usual, play = self._usual()
        return usual - play + (play + max(0.0, self.elapsed - usual)) / share

    def _usual(self) -> tuple[float, float]:
        if self.habit is None:
            return self.elapsed, self.elapsed
        usual = exp(self.habit.middle)
        return usual, 2 * self.habit.spread * self.habit.doubt * usual


def remaining(prospects: Sequence[Prospect], limit: float | None = None) -> Remaining | None:
    """Return what is left of a run; None where a step has neither history nor progress to judge it by.

    After `limit` seconds it ends in any case.
    """
    known = habits([prospect.durations for prospect in prospects])
    steps = [_Step(prospect, habit) for prospect, habit in zip(prospects, known, strict=True)]
    if any(step.habit is None and step.told is None and not step.done for step in steps):
        return None
    if all(step.done for step in steps):
        return Remaining(expected=0.0, low=0.0, high=0.0)
    day, weights = _Day(steps), [1.0] * POINTS
    stages: dict[int, list[tuple[Prospect, list[float]]]] = {}
    for place, (prospect, step) in enumerate(zip(prospects, steps, strict=True)):
        if not step.done:
            stages.setdefault(prospect.stage, []).append((prospect, step.left(day, 3 + place, weights)))
    totals = [sum(course) for course in zip(*map(_side_by_side, stages.values()), strict=True)]
    low, expected, high = _quantiles(totals, weights)
    if limit is not None:
        low, expected, high = min(low, limit), min(expected, limit), min(high, limit)
    return Remaining(expected=expected, low=low, high=high)


def _side_by_side(stage: Sequence[tuple[Prospect, list[float]]]) -> list[float]:
    """Return how long the stage lasts in each course: the next step begins as soon as one has ended."""
    most = stage[0][0].beside or len(stage)
    if len(stage) <= most:
        return [max(course) for course in zip(*(left for _, left in stage), strict=True)]
    running = [prospect.elapsed is not None for prospect, _ in stage]
    lasts = []
    for course in zip(*(left for _, left in stage), strict=True):
        ends = [left for left, runs in zip(course, running, strict=True) if runs]
        ends += [0.0] * (most - len(ends))
        heapify(ends)
        for left in (left for left, runs in zip(course, running, strict=True) if not runs):
            heappush(ends, heappop(ends) + left)
        lasts.append(max(ends))
    return lasts


def _posterior(correlation: float, seen: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return mean and standard deviation of what is common to the day, from deviations and their own variances."""
    precision, total = 1.0, 0.0
    for value, variance in seen:
        own = 1 - correlation + variance
        precision += correlation / own
        total += sqrt(correlation) * value / own
    return total / precision, sqrt(1 / precision)


def _density(value: float, variance: float) -> float:
    return exp(-0.5 * value * value / variance) / sqrt(variance)


def _quantiles(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the values below which the shares of _SPAN lie, each value standing in the middle of its weight."""
    ordered = sorted(zip(values, weights, strict=True))
    wanted, total = list(_SPAN), sum(weights)
    found, reached, before = [], 0.0, (0.0, ordered[0][0])
    for value, weight in ordered:
        here = (reached + weight / 2) / total
        while wanted and here >= wanted[0]:
            part = (wanted.pop(0) - before[0]) / (here - before[0])
            found.append(before[1] + part * (value - before[1]))
        reached, before = reached + weight, (here, value)
    return found + [ordered[-1][0]] * len(wanted)
