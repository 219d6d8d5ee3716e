"""Does the span that says "four runs of five end in here" hold them? Simulated runs, each looked at at a random moment.

Six steps whose durations are lognormal; per scenario the shares of runs that ended inside the span, earlier and later,
the median error of the expected end as a share of the run, and the same of the forecast until 0.1 (medians and
percentiles of the history, `before`). Run it as `python benchmarks/bench_foresight.py [RUNS]`; the figures of README.md
say of how many runs they are; 16,000 take half an hour.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
from typing import TYPE_CHECKING, NamedTuple

from measure import line

from batchctl.base.record import replace
from batchctl.core.foresight.forecast import Prospect, remaining

if TYPE_CHECKING:
    from collections.abc import Sequence

HOURS = (3.0, 5.0, 4.0, 2.0, 7.0, 5.0)
SPREADS = (0.05, 0.10, 0.20, 0.40)
HISTORIES = (3, 10, 30)
BOUND = "78-84 % inside"


class Kind(NamedTuple):
    """What is peculiar to the runs of a scenario."""

    name: str
    stages: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    correlation: float = 0.0
    """Of any two steps of one day."""
    parts: int = 0
    """The step under way counts so many parts of its work, each of exponential length; 0: it tells nothing."""


KINDS = (
    Kind("one after another"),
    Kind("three side by side, twice", stages=(0, 0, 0, 1, 1, 1)),
    Kind("slow days slow all steps", correlation=0.6),
    Kind("with progress in 200 uneven parts", parts=200),
)


class Look(NamedTuple):
    """A run at the moment of the look: what the forecast may know, and what it may not."""

    prospects: list[Prospect]
    left: float
    length: float


class Counted(NamedTuple):
    """What came of all looks of a scenario: shares of 1."""

    inside: float
    earlier: float
    later: float
    error: float
    before: float


def main(runs: int = 500) -> None:
    """Simulate, count, print."""
    for kind in KINDS:
        for days in HISTORIES:
            for spread in SPREADS:
                found = count(kind, days, spread, runs)
                shares = f"{found.earlier:.1%} earlier, {found.later:.1%} later"
                errors = f"median error {found.error:.2%} of the run, before {found.before:.2%}"
                what = f"{kind.name}, {days} runs, spread {spread:.0%}: {shares}; {errors}"
                print(f"{what:<120} {found.inside:>7.1%}   {BOUND}", flush=True)
    line("", "", "")


def count(kind: Kind, days: int, spread: float, runs: int) -> Counted:
    """Return how so many forecasts turn out; always the same for the same arguments."""
    chance = random.Random(26)  # noqa: S311 - nothing secret
    places = {"inside": 0, "earlier": 0, "later": 0}
    errors, before = [], []
    for _ in range(runs):
        look = glance(kind, days, spread, chance)
        found = remaining(look.prospects)
        if found is None:
            message = "a forecast from a full history"
            raise AssertionError(message)
        places["earlier" if look.left < found.low else "later" if look.left > found.high else "inside"] += 1
        errors.append(abs(found.expected - look.left) / look.length)
        before.append(abs(medians(look.prospects) - look.left) / look.length)
    shares = {name: number / runs for name, number in places.items()}
    return Counted(**shares, error=statistics.median(errors), before=statistics.median(before))


def glance(kind: Kind, days: int, spread: float, chance: random.Random) -> Look:
    """Simulate a history and one run more, and look at that at a random moment."""
    history = [day(kind, spread, chance) for _ in range(days)]
    today = day(kind, spread, chance)
    begins, length = [], 0.0
    for stage in range(max(kind.stages) + 1):
        lengths = [took for took, own in zip(today, kind.stages, strict=True) if own == stage]
        begins += [length] * len(lengths)
        length += max(lengths)
    now = chance.random() * length
    prospects = [
        prospect(kind, number, [past[number] for past in history], now - begin, took, chance)
        for number, (begin, took) in enumerate(zip(begins, today, strict=True))
    ]
    return Look(prospects, length - now, length)


def day(kind: Kind, spread: float, chance: random.Random) -> list[float]:
    """Return what each step takes on one day."""
    slow = math.sqrt(kind.correlation) * chance.gauss(0, 1)
    own = math.sqrt(1 - kind.correlation)
    return [hours * 3600 * math.exp(spread * (slow + own * chance.gauss(0, 1))) for hours in HOURS]


def prospect(
    kind: Kind, number: int, past: Sequence[float], elapsed: float, took: float, chance: random.Random
) -> Prospect:
    """Return one step as it looks after so many seconds; negative ones are still to come."""
    waits = Prospect(stage=kind.stages[number], durations=tuple(past))
    if elapsed >= took:
        return replace(waits, took=took)
    if elapsed <= 0:
        return waits
    share = None
    if kind.parts:
        # Of a time line of exponential parts the share done is distributed as Beta(done, left).
        done = kind.parts * elapsed / took
        share = chance.betavariate(max(done, 0.01), max(kind.parts - done, 0.01))
    return replace(waits, elapsed=elapsed, share=share)


def medians(prospects: Sequence[Prospect]) -> float:
    """Return what 0.1 expected: medians less what has run, of each stage the longest, or what progress says."""
    longest: dict[int, float] = {}
    for one in prospects:
        if one.took is not None:
            continue
        elapsed, share = one.elapsed or 0.0, one.share or 0.0
        if elapsed and share >= 0.05:  # noqa: PLR2004 - the threshold of then
            left = elapsed * (1 - share) / share
        else:
            left = max(0.0, statistics.median(took for took in one.durations if took is not None) - elapsed)
        longest[one.stage] = max(longest.get(one.stage, 0.0), left)
    return sum(longest.values())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
