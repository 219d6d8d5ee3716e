"""What it takes to end a tree: 200 processes that ignore TERM, from the end of their grace to the end of the run."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from measure import BATCHCTL, line, seconds

_PROCESSES = 200
_GRACE = 1.0
_CONFIG = """
[jobs.deaf]
grace = "{grace}s"
run = "trap '' TERM; for i in $(seq {children}); do sleep 300 & done; touch {up}; wait"
"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="batchctl-bench-") as place:
        config, up = Path(place, "batchctl.toml"), Path(place, "up")
        config.write_text(_CONFIG.format(grace=_GRACE, children=_PROCESSES - 1, up=up), encoding="utf-8")
        command = [*BATCHCTL, "--config", str(config), "--state", f"{place}/state", "run", "deaf"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not up.exists():
            time.sleep(0.01)
        living = _below(process.pid)
        begin = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        process.wait()
        spent = time.perf_counter() - begin - _GRACE
        left = sum(os.path.exists(f"/proc/{pid}") for pid in living)
    what = f"ending {len(living)} processes that ignore TERM, after the grace ({left} left)"
    line(what, seconds(spent), "under 2 s, 0 left")


def _below(pid: int) -> list[int]:
    """Return the pids of all descendants."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [pid for child in children for pid in _below(child)]


if __name__ == "__main__":
    main()
