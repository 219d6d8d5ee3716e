"""What it costs to have a step's output kept: 1 GiB through a step, beside the same program writing into a file."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from measure import BATCHCTL, line, ratio, seconds, wall

_WRITE = "head -c 1G /dev/zero"
_CONFIG = f"""
[jobs.kept]
run = "{_WRITE}"
[jobs.capped]
log_max = "64MiB"
run = "{_WRITE}"
"""
_ROUNDS = 5


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="batchctl-bench-") as place:
        os.chmod(place, 0o700)
        config = Path(place, "batchctl.toml")
        config.write_text(_CONFIG, encoding="utf-8")
        command = [*BATCHCTL, "--config", str(config), "--state", f"{place}/state", "run"]
        time.sleep(2.5)  # a configuration younger than that is not compiled yet
        _compare([*command, "kept"], "all of it kept", "at most 1.1", Path(place))
        _compare([*command, "capped"], "log_max = 64 MiB", "none: it also deletes", Path(place))


def _compare(command: list[str], what: str, bound: str, place: Path) -> None:
    plain = ["/bin/sh", "-c", f"exec {_WRITE} > {place}/plain"]

    def once(these: list[str]) -> float:
        spent = wall(these)
        # What was written is gone before the next one writes: neither waits for the other's blocks.
        for file in (place / "plain", *place.glob("state/runs/*/*.log")):
            file.unlink(missing_ok=True)
        os.sync()
        return spent

    mine, bare, times = ratio(lambda: once(command), lambda: once(plain), _ROUNDS)
    line(f"1 GiB through a step, {what} ({seconds(mine)}) : > file ({seconds(bare)})", f"{times:.2f} x", bound)


if __name__ == "__main__":
    main()
