"""What `batchctl check` costs beside 200 jobs and a million runs: against a Python that only imports what it needs.

Run it as `python benchmarks/bench_check.py [RUNS]`; it builds its history in a temporary directory first.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench_history import DAY, JOBS, build
from measure import line, ratio, seconds, wall

ROUNDS = 7
BOUND = 5.0
_NEEDED = (
    "import sys, sqlite3, json, msgspec, tomllib, typer,"
    " batchctl.commands.cli, batchctl.config.loader, batchctl.commands.check"
)


def main(runs: int = 1_000_000) -> None:
    """Build, measure, print."""
    with tempfile.TemporaryDirectory(prefix="bench-check-") as place:
        config, state = Path(place) / "batchctl.toml", Path(place) / "state"
        config.write_text(
            "".join(f'[jobs.job-{job:03d}]\nschedule = "*/10 * * * *"\nrun = "true"\n' for job in range(JOBS))
        )
        state.mkdir(mode=0o700)
        build(state, runs, 30 * DAY)
        for style in ("text", "json", "prometheus"):
            options = ["--config", str(config), "--state", str(state), "check", "--format", style]
            check, bare, times = ratio(
                lambda options=options: wall([sys.executable, "-m", "batchctl", *options]),  # type: ignore[misc]
                lambda: wall([sys.executable, "-c", _NEEDED]),
                ROUNDS,
            )
            what = f"check --format {style}, {JOBS} jobs, {runs:,} runs ({seconds(check)}, imports {seconds(bare)})"
            line(what, f"{times:.2f} x", f"under {BOUND:g}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
