"""Figures from a history: what durations come to, and how often fires are skipped where they vary as they did.

Durations are seconds, shares 0 to 1.
"""

from __future__ import annotations

from math import ceil, floor

from batchctl.base.record import Record, replace
from batchctl.core.foresight.simulate import walk
from batchctl.core.statistics import percentile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from batchctl.core.foresight.simulate import Scenario

ROUNDS = 200
_AFFORDABLE = 300_000
"""Decisions that take about a second."""
_FEWEST = 10
"""Rounds below which a spread says nothing."""


class Numbers(Record):
    """What some durations come to: how many there are, and their percentiles."""

    n: int
    p50: float
    p95: float
    max: float


class SkipShare(Record):
    """The share of fires that are skipped, over many rounds of drawn durations: mean, and where 9 of 10 rounds lie."""

    mean: float
    p5: float
    p95: float
    rounds: int


def numbers(durations: Iterable[float]) -> Numbers | None:
    """Return what these durations come to; None without any."""
    ascending = sorted(durations)
    p50, p95 = percentile(ascending, 0.5), percentile(ascending, 0.95)
    if p50 is None or p95 is None:
        return None
    return Numbers(n=len(ascending), p50=p50, p95=p95, max=ascending[-1])


def skip_share(
    scenario: Scenario,
    fires: Sequence[float],
    draw: Callable[[], float],
    *,
    rounds: int = ROUNDS,
    leaving_out: str | None = None,
) -> SkipShare | None:
    """Return how many of the fires are skipped if each run takes what `draw` gives.

    Fires skipped for the reason `leaving_out` count as no fires at all. So many fires that only a few rounds could be
    afforded, or none, give None.
    """
    rounds = min(rounds, _AFFORDABLE // max(1, len(fires)))
    if not fires or rounds < _FEWEST:
        return None
    drawn = replace(scenario, fires=fires, duration=lambda _count: draw())
    shares = sorted(_share(drawn, leaving_out) for _ in range(rounds))
    return SkipShare(
        mean=sum(shares) / rounds,
        p5=percentile(shares, 0.05) or 0.0,
        p95=percentile(shares, 0.95) or 0.0,
        rounds=rounds,
    )


def _share(scenario: Scenario, leaving_out: str | None) -> float:
    fires = skips = 0
    for fire in walk(scenario):
        if fire.reason is not None and fire.reason == leaving_out:
            continue
        fires += 1
        skips += fire.reason is not None
    return skips / fires if fires else 0.0


_NICE = (1, 5, 10, 30, 60, 300, 600, 1800, 3600)
"""What durations are rounded to, in seconds."""
_PARTS = 12


def shortly(seconds: float) -> str:
    """Return a duration without empty parts, as it stands in a configuration: `48h`, `1h30m`, `20s`."""
    whole = round(seconds)
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "m"), (whole % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def rounded_up(seconds: float) -> float:
    """Return the next duration that somebody would write: in steps of at most a twelfth of it, and an hour."""
    step = _step(seconds)
    return float(ceil(seconds / step) * step)


def rounded_down(seconds: float) -> float:
    """Return the last duration that somebody would write."""
    step = _step(seconds)
    return float(floor(seconds / step) * step)


def _step(seconds: float) -> int:
    return max((step for step in _NICE if step * _PARTS <= seconds), default=1)
