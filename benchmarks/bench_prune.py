"""What `prune` takes to remove nine tenths of a million runs: wall and processor, and what it leaves of the file.

Run it as `python benchmarks/bench_prune.py [RUNS]`; it builds its history in a temporary directory first.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench_history import DAY, JOBS, build
from measure import BATCHCTL, PYTHON, both, line

BOUND = 30.0
_SPAN, _KEPT = 300, 30


def main(runs: int = 1_000_000) -> None:
    """Build, prune, print."""
    with tempfile.TemporaryDirectory(prefix="bench-prune-") as place:
        config, state = Path(place, "batchctl.toml"), Path(place, "state")
        retention = f"keep_days = {_KEPT}\nkeep_runs = 100000\n"
        config.write_text("".join(f'[jobs.job-{job:03d}]\nrun = "true"\n{retention}' for job in range(JOBS)))
        state.mkdir(mode=0o700)
        build(state, runs, _SPAN * DAY)
        file = state / "batchctl.db"
        before = os.path.getsize(file)
        wall, cpu = both([*BATCHCTL, "--config", str(config), "--state", str(state), "prune"])
        sizes = f"a file of {before / 2**20:.1f} MiB becomes {os.path.getsize(file) / 2**20:.1f}"
        what = f"prune of {runs * (_SPAN - _KEPT) // _SPAN:,} of {runs:,} runs; {sizes}; {wall:.1f} s of wall,"
        line(f"{what} `python -c pass` {both(PYTHON)[1]:.3f} s", f"{cpu:.1f} s of cpu", f"at most {BOUND:g} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
