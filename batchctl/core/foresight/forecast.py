"""When a running batch will end, from how long its steps took before.

What is left of a run is the sum of its stages: of each step that waits, its median; of each that runs, its median less
what it has run, or what its own progress says. The spread is that of the steps' history (the 10th to the 90th
percentile), added as independent errors add: a chain's uncertainty grows slower than its length.
"""

from __future__ import annotations

from batchctl.base.record import Record
from batchctl.core.statistics import percentile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_ENOUGH_PROGRESS = 0.05
"""Share done from which a step's own progress says more of it than the median of other days."""


class Prospect(Record):
    """A step that is not done yet: seconds it took before, seconds it has run (None: it waits), share it has done."""

    stage: int
    durations: tuple[float, ...] = ()
    elapsed: float | None = None
    share: float | None = None


class Remaining(Record):
    """Seconds until the end: expected, and the span within which four runs of five end."""

    expected: float
    low: float
    high: float


def remaining(prospects: Sequence[Prospect]) -> Remaining | None:
    """Return what is left of a run; None where a step has neither history nor progress to judge it by.

    Steps of one stage run side by side, so a stage takes as long as its longest step.
    """
    by_stage: dict[int, list[Remaining]] = {}
    for prospect in prospects:
        one = _of_step(prospect)
        if one is None:
            return None
        by_stage.setdefault(prospect.stage, []).append(one)
    longest = [max(stage, key=lambda one: one.expected) for stage in by_stage.values()]
    expected = sum(one.expected for one in longest)
    below = sum((one.expected - one.low) ** 2 for one in longest) ** 0.5
    above = sum((one.high - one.expected) ** 2 for one in longest) ** 0.5
    return Remaining(expected=expected, low=max(0.0, expected - below), high=expected + above)


def _of_step(prospect: Prospect) -> Remaining | None:
    elapsed = prospect.elapsed or 0.0
    if elapsed and prospect.share is not None and prospect.share >= _ENOUGH_PROGRESS:
        left = elapsed * (1 - prospect.share) / prospect.share
        return Remaining(expected=left, low=left, high=left)
    ordered = sorted(prospect.durations)
    if not ordered:
        return None
    # A step that has outrun its median may end at any moment: nothing is known to be left of it.
    low, middle, high = (max(0.0, (percentile(ordered, share) or 0.0) - elapsed) for share in (0.1, 0.5, 0.9))
    return Remaining(expected=middle, low=low, high=high)
