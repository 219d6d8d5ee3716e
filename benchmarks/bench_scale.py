"""What 5,000 jobs in `jobs.d` cost the commands that show them all, and a fire after one of their files has changed.

Run it as `python benchmarks/bench_scale.py [JOBS]`. The figures are the processor's seconds of whole processes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from measure import BATCHCTL, PYTHON, cpu, line, ratio

ROUNDS = 3
_SETTLED = 0.2
"""Seconds after which a changed file is old enough to be compiled."""
_COMMANDS = ((("status",), 2.5), (("check",), 2.0), (("crontab", "show"), 1.0))


def main(jobs: int = 5000) -> None:
    """Write the jobs, measure, print."""
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as place:
        config, files = Path(place, "batchctl.toml"), Path(place, "jobs.d")
        config.write_text('timezone = "Asia/Seoul"\n')
        files.mkdir()
        for number in range(jobs):
            text = f'schedule = "{number % 60} {number // 60 % 24} * * *"\nrun = "true"\ntimeout = "2h"\n'
            (files / f"job-{number:04d}.toml").write_text(text)
        time.sleep(_SETTLED)
        called = [*BATCHCTL, "--config", str(config), "--state", f"{place}/state"]
        fire = [*called, "run", "job-0001"]
        told("a first fire of all", cpu(fire), cpu(PYTHON), jobs, "")
        for words, bound in _COMMANDS:
            one, other, _ = ratio(lambda w=words: cpu([*called, *w]), lambda: cpu(PYTHON), ROUNDS)  # type: ignore[misc]
            told(f"`{' '.join(words)}`", one, other, jobs, f"at most {bound:g} s")

        def changed() -> float:
            with (files / "job-0007.toml").open("a") as file:
                file.write("# changed\n")
            time.sleep(_SETTLED)
            return cpu(fire)

        told("a fire after one file has changed", *ratio(changed, lambda: cpu(PYTHON), ROUNDS)[:2], jobs, "at most 1 s")
        told("a fire after that", *ratio(lambda: cpu(fire), lambda: cpu(PYTHON), ROUNDS)[:2], jobs, "")


def told(what: str, one: float, python: float, jobs: int, bound: str) -> None:
    """Print one figure."""
    line(f"{jobs:,} jobs: {what} ({one / python:.0f} x `python -c pass`)", f"{one:.2f} s", bound)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
