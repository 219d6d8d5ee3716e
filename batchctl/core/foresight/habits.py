"""What a short history says of a chain's steps: what each usually takes, how it varies, who is slow on the same days.

Durations are judged by their logarithms, because what slows a step slows it by a factor. Ten values say little of a
spread and three hardly anything, so each step's is drawn towards what is common to all steps of the chain, as Smyth
does for thousands of genes with three samples each ("Linear models and empirical Bayes methods", 2004), and the rest
of the doubt is left to the forecast. A day on which everything went wrong says nothing about usual days: what lies far
from a step's median is counted as less far (Huber's way to keep an estimate from single outliers).
"""

from __future__ import annotations

from math import exp, log, sqrt

from batchctl.base.record import Record
from batchctl.core.statistics import percentile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BORROWED = 6.0
"""Runs' worth of weight that the spread common to all steps has beside a step's own."""
CORRELATIONS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97)
_BEFORE = (0.5, 0.12, 0.11, 0.09, 0.07, 0.06, 0.05)
"""How likely each correlation is before any history is seen: steps that have nothing to do with each other are common,
and so few days can hardly tell."""

_GUESS, _GUESS_WEIGHT = 0.15, 0.03
"""The spread of a step of which nothing is known, and how little the guess counts once something is."""
_LEAST = 0.005
"""No step is known to vary less: ten equal durations do not prove an eleventh."""
_SHORTEST = 1e-3
_FAR = 4 * 1.4826
"""Median absolute deviations from which on a value counts as no farther: four standard deviations of a normal one."""
_OWN_DEVIATION_FROM = 5
"""Values from which on a step has a median deviation of its own."""


class Habit(Record):
    """One step: the logarithm of its usual seconds, the standard deviation around it, and each day's value."""

    middle: float
    spread: float
    days: tuple[float | None, ...]
    """Standardized deviations, one for each day of the history; None where the step did not run."""
    count: int

    @property
    def doubt(self) -> float:
        """By what factor a new value is less certain than the spread says, because the middle is an estimate too."""
        return sqrt(1 + 1 / self.count)

    def deviation(self, seconds: float) -> float:
        """Return how unusual a new duration is, in standard deviations of what was to be expected."""
        return (logarithm(seconds) - self.middle) / (self.spread * self.doubt)


def logarithm(seconds: float) -> float:
    """Return the logarithm of a duration; what takes no time takes a millisecond."""
    return log(max(seconds, _SHORTEST))


def habits(histories: Sequence[Sequence[float | None]]) -> list[Habit | None]:
    """Return the habit of each step from the seconds it took day by day; None for one that has no history."""
    logs = _without_outliers([[None if s is None else logarithm(s) for s in days] for days in histories])
    known = [[value for value in days if value is not None] for days in logs]
    middles = [sum(values) / len(values) if values else 0.0 for values in known]
    variances = [_variance(values, middle) for values, middle in zip(known, middles, strict=True)]
    common = _common(list(zip(variances, map(len, known), strict=True)))
    found: list[Habit | None] = []
    for days, values, middle, variance in zip(logs, known, middles, variances, strict=True):
        freedom = max(len(values) - 1, 0)
        spread = sqrt((BORROWED * common + freedom * variance) / (BORROWED + freedom))
        deviations = tuple(None if value is None else (value - middle) / spread for value in days)
        found.append(Habit(middle=middle, spread=spread, days=deviations, count=len(values)) if values else None)
    return found


def _variance(values: Sequence[float], middle: float) -> float:
    return max(sum((value - middle) ** 2 for value in values) / max(len(values) - 1, 1), _LEAST**2)


def _common(variances: Iterable[tuple[float, int]]) -> float:
    """Return the typical variance of the steps: the geometric mean, so that one wild step does not stand for all."""
    total, weight = _GUESS_WEIGHT * 2 * log(_GUESS), _GUESS_WEIGHT
    for variance, count in variances:
        if count > 1:
            # Mean and variance of the logarithm of a sample variance: digamma and trigamma of half its freedom.
            freedom = count - 1
            uncertain = 2 / freedom + 2 / freedom**2 + 4 / (3 * freedom**3)
            own = 1 / (uncertain + _DIFFER)
            total += own * (log(variance) + 1 / freedom + 1 / (3 * freedom**2))
            weight += own
    return exp(total / weight)


_DIFFER = 0.6
"""Variance between the steps' own log variances: some steps vary twice as much as others."""


def _without_outliers(logs: list[list[float | None]]) -> list[list[float | None]]:
    medians, all_deviations, own = [], [], []
    for days in logs:
        values = sorted(value for value in days if value is not None)
        median = percentile(values, 0.5) or 0.0
        deviations = sorted(abs(value - median) for value in values)
        medians.append(median)
        # The median itself does not deviate from itself, which among three values would count for much.
        all_deviations += deviations[1:]
        own.append((percentile(deviations, 0.5) or 0.0) if len(values) >= _OWN_DEVIATION_FROM else 0.0)
    usual = percentile(sorted(all_deviations), 0.5) or 0.0
    return [
        _pulled_in(days, median, _FAR * max(usual, mine, _LEAST))
        for days, median, mine in zip(logs, medians, own, strict=True)
    ]


def _pulled_in(days: Sequence[float | None], median: float, limit: float) -> list[float | None]:
    return [None if value is None else max(median - limit, min(median + limit, value)) for value in days]


def correlations(days: Sequence[Sequence[float]], today: Sequence[float]) -> list[float]:
    """Return how probable each of CORRELATIONS is, from the standardized deviations of each day, and of today.

    The likelihood is that of normal values of which any two of one day are equally correlated: its covariance has one
    eigenvalue for the day's mean, and another for what the steps differ by within the day.
    """
    count = len(days)
    seen = [_split(day, (count - 1) / count) for day in days] + [_split(today, 1.0)]
    scores = []
    for correlation, before in zip(CORRELATIONS, _BEFORE, strict=True):
        score = log(before)
        for steps, common, within, weight in seen:
            slow, apart = 1 + (steps - 1) * correlation, 1 - correlation
            freedom = steps - 1
            score -= 0.5 * (weight * (log(slow) + freedom * log(apart)) + common / slow + within / apart)
        scores.append(score)
    best = max(scores)
    likely = [exp(score - best) for score in scores]
    return [value / sum(likely) for value in likely]


def _split(day: Sequence[float], weight: float) -> tuple[int, float, float, float]:
    """Return how many steps a day has, the squares of what is common to them and of what is not, and its weight.

    A day of the history weighs a little less than one, because the steps' middles were estimated from it.
    """
    if len(day) < 2:  # noqa: PLR2004 - one step tells nothing of a day
        return 1, 0.0, 0.0, 0.0
    common = sum(day) ** 2 / len(day)
    return len(day), common, sum(value * value for value in day) - common, weight
