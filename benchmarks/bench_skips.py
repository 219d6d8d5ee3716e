"""Two hundred fires within a minute, of two hundred jobs, all of them skips: what they take of the processor together.

python benchmarks/bench_skips.py
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COUNT = 200
BOUND = 4.0
"""Seconds of the processor."""


def used(command: list[str], ending: list[str]) -> float:
    """Return the seconds of the processor that the command took, once with each of the endings."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for end in ending:
        subprocess.run([*command, end], env=environment, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print seconds, ratio and bound."""
    with tempfile.TemporaryDirectory() as place:
        config = Path(place, "batchctl.toml")
        names = [f"job-{number}" for number in range(COUNT)]
        config.write_text("".join(f'[jobs.{name}]\nrun = "true"\nenabled = false\n' for name in names))
        time.sleep(2.1)  # a file that was written just now is not compiled yet
        fire = [sys.executable, "-m", "batchctl", "--config", str(config), "--state", f"{place}/state", "run"]
        used(fire, names[:3])
        skips, bare = used(fire, names), used([sys.executable, "-c"], ["pass"] * COUNT)
        print(
            f"{COUNT} skips: {skips:.2f} s of the processor, bound {BOUND:g} s; `python -c pass` {bare:.2f} s", end=""
        )
        print(f", ratio {skips / bare:.2f}")


if __name__ == "__main__":
    main()
