"""How long previews take, as ratios measured in one run: absolute times would say more of the machine.

python benchmarks/bench_simulate.py
"""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from croniter import croniter

from batchctl.core.foresight.simulate import Scenario, simulate
from batchctl.core.model import Rules
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.schedule import fires
from batchctl.core.time.zones import NamedZone

if TYPE_CHECKING:
    from collections.abc import Callable

ZONE = NamedZone("Asia/Seoul")
START = 1_795_190_400.0  # 2026-11-21 01:00 in Seoul
DAY = 86400.0
MINUTES_OF_A_YEAR = 365 * 1440


def seconds(work: Callable[[], object], repeat: int = 3) -> float:
    """Return the shortest of several measurements."""
    best = float("inf")
    for _ in range(repeat):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def preview(expression: str, days: float, duration: float) -> int:
    """Simulate and return the number of fires."""
    scenario = Scenario(
        rules=Rules(zone=ZONE),
        fires=fires(Schedule(cron=parse_cron(expression)), ZONE, START),
        start=START,
        end=START + days * DAY,
        duration=lambda _count: duration,
    )
    return simulate(scenario).summary.fires


def iterate(count: int) -> None:
    """Ask croniter for as many fires, as its documentation shows: from a time in the zone."""
    source = croniter("* * * * *", datetime.fromtimestamp(START, ZoneInfo(ZONE.name)), ret_type=float)
    for _ in range(count):
        source.get_next()


def main() -> None:
    """Print the ratios."""
    theirs = seconds(lambda: iterate(MINUTES_OF_A_YEAR), repeat=1)
    print(f"croniter alone, {MINUTES_OF_A_YEAR:,} fires: {1e6 * theirs / MINUTES_OF_A_YEAR:.1f} µs a fire")
    for name, duration in (("26 h runs", 26 * 3600.0), ("30 s runs", 30.0), ("90 s runs", 90.0)):
        ours = seconds(partial(preview, "* * * * *", 365, duration), repeat=2)
        per_fire = 1e6 * ours / MINUTES_OF_A_YEAR
        print(f"fired and decided, {name}: {per_fire:.1f} µs a fire, {ours / theirs:.2f} of croniter alone")
    month = seconds(lambda: preview("0 1 * * *", 30, 26 * 3600.0), repeat=20)
    decade = seconds(lambda: preview("0 1 * * *", 3652, 26 * 3600.0))
    print(
        f"ten years daily: {1e3 * decade:.1f} ms, {decade / month:.0f} times 30 days ({3652 / 30:.0f} times the fires)"
    )


if __name__ == "__main__":
    main()
