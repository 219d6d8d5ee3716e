"""What advice is: its codes, the thresholds that it goes by, and the arithmetic of what fits.

A simulation and a history advise from different figures, and by what stands here alike. Durations are seconds.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor

from batchctl.base.duration import format_duration
from batchctl.base.record import Record
from batchctl.base.said import Lasting, said
from batchctl.core.foresight.bootstrap import Numbers, SkipShare, rounded_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from batchctl.core.model import Rules

SCHEDULE_FITS = "schedule_fits"
SPLIT_GROUPS = "split_groups"
MIN_GAP_TOO_LARGE = "min_gap_too_large"
GAP_FACTOR_TOO_LARGE = "gap_factor_too_large"
TIMEOUT_BELOW_DURATION = "timeout_below_duration"
STALE_AFTER_BELOW_DURATION = "stale_after_below_duration"

TOO_TIGHT = 1.1
"""A budget is to be at least this much above the longest run."""
_ROOM = 1.25
"""What is advised is this much above it."""
_STALE = 1.2
"""How far stale_after lies beyond the timeout: ending a run takes its grace, and a hung one can wait."""

HOUR, DAY = 3600, 86400
_EVEN = [60 * part for part in range(1, 60) if not 60 % part] + [HOUR * part for part in range(1, 25) if not 24 % part]
"""What divides an hour or a day evenly, as crontab fields can say it."""


class Paste(Record):
    """Lines for the configuration: keys of a table, instead of others there; `numbers` are what they rest on."""

    table: tuple[str, ...]
    """Names below `jobs`: job, then `groups` and a group; or job, `steps` and a step's id. Empty: whole jobs."""
    values: Mapping[str, Any]
    replaces: tuple[str, ...] = ()
    numbers: Numbers | None = None


class Advice(Record):
    """One piece of advice: a code for scripts, a sentence for the operator.

    What a history advises has more: its figures, what to paste, and the share of skipped fires without and with it.
    """

    code: str
    text: str
    numbers: Numbers | None = None
    paste: tuple[Paste, ...] = ()
    before: SkipShare | None = None
    after: SkipShare | None = None


class Seen(Record):
    """A run of the whole chain that succeeded, or that its timeout ended (then it takes at least that long)."""

    duration: float
    steps: Mapping[str, float] = {}
    """Seconds of each step by id."""
    timed_out: bool = False


def gap_after(rules: Rules, usual: float) -> float:
    """Return the gap that follows a run of the usual duration."""
    return max(rules.min_gap, (rules.gap_factor or 0.0) * usual)


def even(needed: float) -> float:
    """Return the smallest interval of at least `needed` seconds that is a part of a day, or whole days."""
    return next((even for even in _EVEN if even >= needed), ceil(needed / DAY) * DAY)


def span(seconds: float | None) -> Lasting:
    """Return a duration as a fact of a sentence."""
    return Lasting(format_duration(seconds))


def with_gap(duration: float, gap: float) -> str:
    """Say how long a run takes, and with its gap, where it has one."""
    return said("%s (%s with its gap)", span(duration), span(duration + gap)) if gap else span(duration)


def interval_of(fires: Iterable[float]) -> float | None:
    """Return the median distance between fires; None where there are no two."""
    distances = sorted(after - before for before, after in pairwise(fires))
    return distances[len(distances) // 2] if distances else None


def smaller_gap(rules: Rules, largest: float, usual: float) -> dict[str, float]:
    """Return the keys that make the gap larger than `largest`, each with the value that would not."""
    found: dict[str, float] = {}
    if rules.min_gap > largest:
        found["min_gap"] = largest
    if (rules.gap_factor or 0.0) * usual > largest:
        found["gap_factor"] = floor(100 * largest / usual) / 100
    return found


def timeout_above(longest: float) -> float:
    """Return a timeout that leaves the longest run room."""
    return rounded_up(_ROOM * longest)


def stale_above(timeout: float) -> float:
    """Return a stale_after that lets the timeout end a run first."""
    return rounded_up(_STALE * timeout)
