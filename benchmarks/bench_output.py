"""What it costs to have a step's output kept: 1 GiB through a step, beside the same program writing into a file."""

from __future__ import annotations

import os
import sqlite3
import statistics
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
_ROUNDS = 9


def main() -> None:
    """Measure and print."""
    # In memory where the machine has that: a disk that writes back when it likes would be all that is measured.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private directory is made in it
    with tempfile.TemporaryDirectory(prefix="batchctl-bench-", dir=memory) as place:
        os.chmod(place, 0o700)
        config = Path(place, "batchctl.toml")
        config.write_text(_CONFIG, encoding="utf-8")
        command = [*BATCHCTL, "--config", str(config), "--state", f"{place}/state", "run"]
        time.sleep(2.5)  # a configuration younger than that is not compiled yet
        _compare([*command, "kept"], "all of it kept", "at most 1.1", Path(place))
        _compare([*command, "capped"], "log_max = 64 MiB", "none: it also deletes", Path(place))


def _compare(command: list[str], what: str, bound: str, place: Path) -> None:
    plain = ["/bin/sh", "-c", f"exec {_WRITE} > {place}/plain"]
    whole: list[float] = []

    def through_a_step() -> float:
        whole.append(wall(command))
        _tidy(place)
        return _writing(place)

    def into_a_file() -> float:
        spent = wall(plain)
        _tidy(place)
        return spent

    mine, bare, times = ratio(through_a_step, into_a_file, _ROUNDS)
    line(f"1 GiB through a step, {what} ({seconds(mine)}) : > file ({seconds(bare)})", f"{times:.2f} x", bound)
    start = statistics.median(whole[1:]) - mine
    line(f"  beside the writing: batchctl's own start and end, whatever is written ({seconds(start)})", "", "")


def _writing(place: Path) -> float:
    """Return the seconds that the step of the last run took."""
    connection = sqlite3.connect(place / "state" / "batchctl.db")
    try:
        query = "select duration_s from attempts order by run_id desc limit 1"
        return float(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


def _tidy(place: Path) -> None:
    """Remove what was written before the next one writes: neither waits for the other's blocks."""
    for file in (place / "plain", *place.glob("state/runs/*/*.log")):
        file.unlink(missing_ok=True)
    os.sync()


if __name__ == "__main__":
    main()
