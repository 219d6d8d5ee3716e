"""What a person types answers at once: each command as a whole process, against a Python that does nothing."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from measure import BATCHCTL, PYTHON, line, ratio, seconds, wall

ROUNDS = 15
BOUND, AIM = 15, 10
_CONFIG = '[jobs.nightly]\nschedule = "0 1 * * *"\nrun = "true"\n'
_SETTLED = 0.2
"""Seconds after which a configuration is old enough to be compiled."""
_COMMANDS = (
    ("status", "nightly"),
    ("explain", "nightly"),
    ("simulate", "nightly"),
    ("report",),
    ("--help",),
    ("status", "--help"),
)


def main() -> None:
    """Print the ratio of each command."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "batchctl.toml")
        config.write_text(_CONFIG, encoding="utf-8")
        os.environ |= {"BATCHCTL_CONFIG": str(config), "BATCHCTL_STATE": f"{folder}/state"}
        time.sleep(_SETTLED)
        subprocess.run([*BATCHCTL, "run", "nightly"], check=True)
        for arguments in _COMMANDS:
            one, other, times = ratio(lambda a=arguments: wall([*BATCHCTL, *a]), lambda: wall(PYTHON), ROUNDS)  # type: ignore[misc]
            what = f"`batchctl {' '.join(arguments)}` ({seconds(one)} : {seconds(other)} of `python -c pass`)"
            line(what, f"{times:.1f} x", f"<= {BOUND}, aim {AIM}")


if __name__ == "__main__":
    main()
