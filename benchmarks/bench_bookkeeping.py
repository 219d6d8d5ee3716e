"""What batchctl itself spends on a step, by how many steps the run has: it must not grow with them.

Each step is `true`, started and recorded as ever, on a real history. What a step costs without batchctl (starting a
program, waiting for it) is measured beside it and taken off.

    python benchmarks/bench_bookkeeping.py 250 2000 10000
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from batchctl.core.model import Job, Request, Rules, Step
from batchctl.core.time.cron import Schedule
from batchctl.core.time.zones import NamedZone
from batchctl.engine.fire import fire


def run(count: int, state: str) -> tuple[float, float]:
    """Return the seconds a step of a run of so many steps took, and those of the processor in batchctl alone."""
    steps = tuple(Step(id=str(number), argv=("true",)) for number in range(count))
    job = Job(name=f"j{count}", schedule=Schedule(), rules=Rules(zone=NamedZone("UTC")), steps=steps)
    began, used = time.monotonic(), time.process_time()
    outcome = fire(job, Request(state_dir=state))
    if outcome.exit_code:
        sys.exit(f"the run of {count} steps ended with {outcome.exit_code}")
    return (time.monotonic() - began) / count, (time.process_time() - used) / count


def bare(count: int = 200) -> float:
    """Return the seconds that starting `true` and waiting for it takes here."""
    began = time.monotonic()
    for _ in range(count):
        os.waitpid(os.posix_spawn("/usr/bin/true", ["true"], {}), 0)
    return (time.monotonic() - began) / count


def main() -> None:
    """Print a line for each number of steps."""
    counts = [int(argument) for argument in sys.argv[1:]] or [250, 2000, 10_000]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as state:
        for count in counts:
            # In a process of its own: a fire takes over signals and children.
            line = f"import bench_bookkeeping as b; print(*b.run({count}, {state!r}), b.bare())"
            done = subprocess.run(
                [sys.executable, "-c", line], cwd=os.path.dirname(__file__), check=True, capture_output=True, text=True
            )
            took, used, without = map(float, done.stdout.split())
            print(
                f"{count:6} steps: {1000 * (took - without):6.2f} ms of bookkeeping a step"
                f" ({1000 * used:5.2f} of the processor), `true` alone {1000 * without:.2f}"
            )


if __name__ == "__main__":
    main()
