"""What a fire costs: skip, one-step run, supervisor's memory, guard beside a million runs, forty fires at once."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

from measure import BATCHCTL, PYTHON, line, ratio, seconds, wall

from batchctl.core.model import Rules
from batchctl.core.time.zones import NamedZone
from batchctl.store import database, guard

_CONFIG = """
[jobs.skips]
schedule = "* * * * *"
min_gap = "6h"
run = "true"
[jobs.starts]
run = "/bin/true"
[jobs.waits]
run = "sleep 600"
[jobs.crowd]
run = "sleep 8"
"""
_ROUNDS = 40
_RUNS = 1_000_000
_JOBS = 200
_SUCCEED = 0.95


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="batchctl-bench-") as place:
        os.chmod(place, 0o700)
        config = Path(place, "batchctl.toml")
        config.write_text(_CONFIG, encoding="utf-8")
        command = [*BATCHCTL, "--config", str(config), "--state", f"{place}/state", "run"]
        time.sleep(2.5)  # a configuration younger than that is not compiled yet
        for job in ("skips", "starts"):
            wall([*command, job])
            wall([*command, job])
        _processes(command, place)
        _memory([*command, "waits"])
        _crowd([*command, "crowd"], f"{place}/state")
        _million(place)


def _processes(command: list[str], place: str) -> None:
    mine, bare, times = ratio(lambda: wall([*command, "skips"]), lambda: wall(PYTHON), _ROUNDS)
    line(f"a skip ({seconds(mine)}) : python -c pass ({seconds(bare)})", f"{times:.2f} x", "at most 1.9")
    mine, bare, times = ratio(lambda: wall([*command, "starts"]), lambda: wall(PYTHON), _ROUNDS)
    what = f"a whole one-step run of /bin/true ({seconds(mine)}) : python -c pass ({seconds(bare)})"
    line(what, f"{times:.2f} x", "at most 4.2")
    if shutil.which("chronic") is None:
        line("the same : flock -n … timeout … chronic /bin/true", "not measured", "moreutils is not installed")
        return
    by_hand = ["flock", "-n", f"{place}/by-hand.lock", "timeout", "3600", "chronic", "/bin/true"]
    mine, other, times = ratio(lambda: wall([*command, "starts"]), lambda: wall(by_hand), _ROUNDS)
    what = f"the same ({seconds(mine)}) : flock -n … timeout … chronic /bin/true ({seconds(other)})"
    line(what, f"{times:.2f} x", "at most 1.5, aim 1.2")


def _memory(command: list[str]) -> None:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        time.sleep(2)
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        resident = next(int(row.split()[1]) for row in status.splitlines() if row.startswith("VmRSS"))
    finally:
        process.terminate()
        process.wait()
    line("a supervisor waiting on a step, resident", f"{resident / 1024:.1f} MiB", "at most 13")


def _crowd(command: list[str], state: str) -> None:
    fires = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(40)]
    codes = [fire.wait() for fire in fires]
    connection = sqlite3.connect(f"{state}/batchctl.db")
    skips = connection.execute("select sum(count) from skips where job = 'crowd'").fetchone()[0]
    connection.close()
    found = f"{codes.count(0)} + {codes.count(75)}"
    line(f"40 fires at once: starts + skips ({skips} skips in the history)", found, "1 + 39")


def _fill(state: str) -> None:
    os.makedirs(state, mode=0o700)
    connection = database.connect(state, create=True)
    draw = random.Random(1)  # noqa: S311 - sample data
    now = time.time()
    connection.execute("begin")
    connection.executemany(
        "insert into runs (job, status, started_at, ended_at, duration_s, exit_code, host, boot_id, pid, start_ticks,"
        " started_mono_s, token) values (?, ?, ?, ?, ?, 0, 'h', 'b', 1, 1, 0, 't')",
        (
            (f"job-{number % _JOBS}", "succeeded" if draw.random() < _SUCCEED else "failed", start, start + 60, 60.0)
            for number in range(_RUNS)
            for start in [now - (_RUNS - number) * 30.0]
        ),
    )
    connection.execute("commit")
    connection.close()


def _million(place: str) -> None:
    full, empty = f"{place}/full", f"{place}/empty"
    _fill(full)
    os.makedirs(empty, mode=0o700)
    database.connect(empty, create=True).close()
    rules = Rules(zone=NamedZone("Asia/Seoul"), min_gap=3600.0, gap_factor=1.2)

    def once(state: str) -> float:
        connection = database.connect(state, create=False)
        begin = time.perf_counter()
        for _ in range(20):
            with database.Immediate(connection):
                guard.read_state(connection, "job-7", rules)
                guard.running_row(connection, "job-7")
                skip = guard.Skip(job="job-7", reason="min_gap", run_id=1, after_run=1, now=time.time())
                guard.record_skip(connection, skip)
        spent = (time.perf_counter() - begin) / 20
        connection.close()
        return spent

    with_rows, without, times = ratio(lambda: once(full), lambda: once(empty), 25)
    what = f"guard and skip on 1,000,000 runs ({seconds(with_rows)}) : on none ({seconds(without)})"
    line(what, f"{times:.2f} x", "at most 1.2")


if __name__ == "__main__":
    main()
