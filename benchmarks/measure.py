"""Timing whole commands in turn, so that a ratio holds although the machine's speed drifts."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# An installation has its bytecode compiled; without this an editable one would compile at every call.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

BATCHCTL = [os.path.join(os.path.dirname(sys.executable), "batchctl")]
PYTHON = [sys.executable, "-c", "pass"]


def wall(command: Sequence[str]) -> float:
    """Return the wall seconds of one process, its output thrown away."""
    begin = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begin


def cpu(command: Sequence[str]) -> float:
    """Return the processor's seconds of one process: what others do on the machine counts least in it."""
    return both(command)[1]


def both(command: Sequence[str]) -> tuple[float, float]:
    """Return the seconds of one process: wall, and the processor's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = wall(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratio(one: Callable[[], float], other: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    """Return the medians of both and of their ratios, pair by pair, after one round that does not count."""
    pairs = [(one(), other()) for _ in range(rounds + 1)][1:]
    ratios = [first / second for first, second in pairs]
    return (
        statistics.median(first for first, _ in pairs),
        statistics.median(second for _, second in pairs),
        statistics.median(ratios),
    )


def line(what: str, value: str, bound: str) -> None:
    """Print one figure beside its bound."""
    print(f"{what:<100} {value:>16}   {bound}", flush=True)


def seconds(value: float) -> str:
    """Return seconds in milliseconds, as people compare them."""
    return f"{value * 1000:.1f} ms"
