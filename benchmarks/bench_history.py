"""What a million runs cost the commands that show them: `status` and `report` against the same on an empty history.

Run it as `python benchmarks/bench_history.py [RUNS]`; it builds its history in a temporary directory and takes about a
minute.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measure import cpu, line, ratio, seconds
from sqlite_utils import Database

from batchctl.base.state_dir import StateDir
from batchctl.store.migrations import migrations

if TYPE_CHECKING:
    from collections.abc import Iterator

JOBS = 200
DAY = 86400.0
ROUNDS = 7
BOUNDS = {"status": 1.3, "report": 2.5}
COMMANDS = (("status",), ("report", "--days", "30"), ("report", "job-007", "--days", "30"))
_INSERT_RUN = (
    "insert into runs (job, status, started_at, ended_at, duration_s, exit_code, host, boot_id, pid, start_ticks,"
    " started_mono_s, token) values (?, ?, ?, ?, ?, ?, 'host', 'boot', 1, 1, 0.0, 'token')"
)
_INSERT_SKIP = "insert into skips (job, reason, count, first_at, last_at) values (?, 'already_running', 3, ?, ?)"


def main(runs: int = 1_000_000) -> None:
    """Build, measure, print."""
    with tempfile.TemporaryDirectory(prefix="bench-history-") as place:
        config = Path(place) / "batchctl.toml"
        config.write_text(
            "".join(f'[jobs.job-{job:03d}]\nsteps = [{{ id = "1", run = "true" }}]\n' for job in range(JOBS))
        )
        for name, span in (("a year", 365 * DAY), ("30 days", 30 * DAY)):
            full, empty = Path(place) / f"full-{span:.0f}", Path(place) / f"empty-{span:.0f}"
            for state in (full, empty):
                state.mkdir(mode=0o700)
            build(full, runs, span)
            for command in COMMANDS:
                after, before, times = ratio(
                    lambda c=command, state=full: measure(config, state, c),  # type: ignore[misc]
                    lambda c=command, state=empty: measure(config, state, c),  # type: ignore[misc]
                    ROUNDS,
                )
                shown = " ".join(command)
                what = f"{runs:,} runs over {name}: {shown} ({seconds(after)}) : on none ({seconds(before)})"
                line(what, f"{times:.2f} x", f"at most {BOUNDS[command[0]]:g}")


def build(state: Path, runs: int, span: float) -> None:
    """Write a history of so many runs, evenly spread over the last `span` seconds, one in ten failed."""
    database = Database(StateDir(str(state)).history, execute_plugins=False)
    migrations.apply(database)
    connection = database.conn
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = off")
    connection.execute("begin")
    # One statement: a row at a time, the triggers that keep the counts would take minutes.
    connection.execute("create temp table made as select * from runs limit 0")
    connection.executemany(_INSERT_RUN.replace("into runs", "into temp.made"), rows(runs, span))
    columns = _INSERT_RUN[_INSERT_RUN.index("(") + 1 : _INSERT_RUN.index(")")]
    connection.execute(f"insert into runs ({columns}) select {columns} from temp.made order by rowid")  # noqa: S608
    now = time.time()
    skips = ((f"job-{n % JOBS:03d}", now - span + n * span / (runs / 10), now) for n in range(runs // 10))
    connection.executemany(_INSERT_SKIP, ((job, at, at) for job, at, _ in skips))
    connection.execute("commit")
    database.close()


def rows(runs: int, span: float) -> Iterator[tuple[object, ...]]:
    """Yield the runs, oldest first."""
    chance, now = random.Random(26), time.time()  # noqa: S311 - nothing secret
    for number in range(runs):
        start = now - span + number * span / runs
        duration = chance.uniform(1, 100)
        status = "failed" if chance.random() < 0.1 else "succeeded"  # noqa: PLR2004 - one in ten
        yield (f"job-{number % JOBS:03d}", status, start, start + duration, duration, int(status == "failed"))


def measure(config: Path, state: Path, command: tuple[str, ...]) -> float:
    """Return the processor's seconds of a whole process."""
    return cpu([sys.executable, "-m", "batchctl", "--config", str(config), "--state", str(state), *command])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
