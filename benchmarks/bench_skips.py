"""Two hundred fires within a minute, of two hundred jobs, all of them skips: what they take of the processor together.

python benchmarks/bench_skips.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from measure import BATCHCTL, PYTHON, cpu

COUNT = 200
BOUND = 4.0
"""Seconds of the processor."""


def used(command: list[str], ending: list[str]) -> float:
    """Return the seconds of the processor that the command took, once with each of the endings."""
    return sum(cpu([*command, end]) for end in ending)


def main() -> None:
    """Print seconds, ratio and bound."""
    with tempfile.TemporaryDirectory() as place:
        config = Path(place, "batchctl.toml")
        names = [f"job-{number}" for number in range(COUNT)]
        config.write_text("".join(f'[jobs.{name}]\nrun = "true"\nenabled = false\n' for name in names))
        time.sleep(2.1)  # a file that was written just now is not compiled yet
        fire = [*BATCHCTL, "--config", str(config), "--state", f"{place}/state", "run"]
        used(fire, names[:3])
        skips, bare = used(fire, names), used(PYTHON[:-1], PYTHON[-1:] * COUNT)
        print(
            f"{COUNT} skips: {skips:.2f} s of the processor, bound {BOUND:g} s; `python -c pass` {bare:.2f} s", end=""
        )
        print(f", ratio {skips / bare:.2f}")


if __name__ == "__main__":
    main()
