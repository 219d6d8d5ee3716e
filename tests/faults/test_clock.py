"""The clock is set back or forward, during a run and between runs: no time runs backwards, nothing is stopped or held.

Debian's faketime moves the wall clock of batchctl and its steps while they run; the monotonic clock stays, as it does
when an operator or NTP sets the time.
"""

from __future__ import annotations

import json
import os
from glob import glob
from typing import TYPE_CHECKING, Any

import pytest
from firing import ended, start
from support import batchctl, job, rows, step, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from batchctl.core.model import Job

_LIBRARY = next(iter(glob("/usr/lib/*/faketime/libfaketime.so.1")), "")
_NEGATIVE = (
    "select 'run', id from runs where ended_at < started_at or duration_s < 0"
    " union all select 'step', run_id from steps where ended_at < started_at or duration_s < 0"
    " union all select 'attempt', run_id from attempts where ended_at < started_at or duration_s < 0"
    " union all select 'skip', id from skips where last_at < first_at"
)

pytestmark = pytest.mark.skipif(
    not _LIBRARY, reason="faketime is not installed (tests/ensure_packages.sh installs it where it can)"
)

HOUR, DAY = "1h", "1d"
SHIFTS = pytest.mark.parametrize("shift", ["-1h", "-3d", "+1d"])


class Clock:
    """A wall clock that can be set, for the processes that get its environment."""

    def __init__(self, place: Path) -> None:
        """Begin with the true time."""
        self._file = place / "clock"
        self.set("+0")

    def set(self, shift: str) -> None:
        """Set the clock: `-3d` is three days behind the true time."""
        part = self._file.with_suffix(".part")
        part.write_text(f"{shift}\n")
        part.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have in its environment to live by this clock."""
        return {
            **os.environ,
            "LD_PRELOAD": _LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """Return a clock that shows the true time."""
    return Clock(tmp_path)


def fire(what: Job, state: Path, clock: Clock, **options: Any) -> dict[str, Any]:
    """Fire by this clock."""
    return ended(start(what, state, env=clock.environment, **options))


def test_the_clock_of_these_tests_moves(clock: Clock, state: Path) -> None:
    """A step sees the wall clock move by three days and the monotonic clock not at all."""
    look = "import time; print(time.time(), time.monotonic())"
    seen: list[list[float]] = []
    for shift in ("+0", "-3d"):
        clock.set(shift)
        fire(job(step("1", argv=("python3", "-c", look))), state, clock)
        run = len(seen) + 1
        seen.append([float(word) for word in (state / f"runs/{run}/1-1.log").read_text().split()])
    assert -3 * 86400 - 60 < seen[1][0] - seen[0][0] < -3 * 86400 + 60
    assert 0 < seen[1][1] - seen[0][1] < 60


@SHIFTS
def test_a_clock_set_during_a_run_changes_no_duration(clock: Clock, state: Path, tmp_path: Path, shift: str) -> None:
    """Nothing times out, is taken over or lasts less than nothing; a fire in between is skipped as always."""
    up, go = tmp_path / "up", tmp_path / "go"
    line = f"touch {up}; while ! test -e {go}; do sleep 0.01; done"
    what = job(step("1", line, timeout=3000.0), step("2"), timeout=3600.0, stale_after=7200.0)
    process = start(what, state, env=clock.environment)
    wait_for(up.exists, "the step")
    before = fire(what, state, clock)
    clock.set(shift)
    for _ in range(3):
        skipped = fire(what, state, clock)
        assert (skipped["verdict"], skipped["reason"]) == ("skipped", "already_running")
    go.touch()
    found = ended(process)
    assert before["reason"] == "already_running"
    assert (found["status"], found["code"]) == ("succeeded", 0)
    assert 0 <= found["duration_s"] < 120
    assert all(0 <= one["duration_s"] < 120 for one in found["steps"])
    assert found["ended_at"] >= found["started_at"]
    assert rows(state, _NEGATIVE) == []
    assert rows(state, "select sum(count) from skips") == [(4,)]
    assert rows(state, "select status from runs") == [("succeeded",)]


@SHIFTS
def test_a_timeout_counts_what_really_passes(clock: Clock, state: Path, tmp_path: Path, shift: str) -> None:
    """A step that hangs is timed out after its budget, wherever the clock went meanwhile."""
    up = tmp_path / "up"
    process = start(job(step("1", f"touch {up}; exec sleep 60", timeout=2.0)), state, env=clock.environment)
    wait_for(up.exists, "the step")
    clock.set(shift)
    found = ended(process)
    assert (found["status"], found["code"]) == ("timed_out", 124)
    assert 2 <= found["duration_s"] < 30
    assert rows(state, _NEGATIVE) == []


@SHIFTS
def test_retries_wait_as_long_as_they_should(clock: Clock, state: Path, tmp_path: Path, shift: str) -> None:
    """The delay before the next attempt neither vanishes nor lasts for days."""
    up = tmp_path / "up"
    what = job(step("1", f"test -e {up} || {{{{ touch {up}; exit 1; }}}}", retries=1, retry_delay=1.0))
    process = start(what, state, env=clock.environment)
    wait_for(up.exists, "the first attempt")
    clock.set(shift)
    found = ended(process)
    assert (found["code"], found["steps"][0]["attempts"]) == (0, 2)
    assert 1 <= found["duration_s"] < 30
    assert rows(state, _NEGATIVE) == []


@pytest.mark.parametrize(
    ("shift", "reason"),
    [
        ("-1h", None),  # the last end lies in the future: reported and ignored
        ("-3d", None),  # so does this one
        ("+1d", None),  # the gap is over by this clock
        ("+1h", "min_gap"),  # an hour of the gap of six is over
    ],
)
def test_a_clock_set_between_runs_blocks_nothing_for_ever(
    clock: Clock, state: Path, shift: str, reason: str | None
) -> None:
    """Neither `min_gap` nor `every` waits for a time that the clock will not show again for days."""
    what = job(min_gap=6 * 3600.0)
    fire(what, state, clock)
    assert fire(what, state, clock)["reason"] == "min_gap"
    clock.set(shift)
    assert fire(what, state, clock)["reason"] == reason
    assert rows(state, _NEGATIVE) == []


def test_every_is_due_after_the_clock_was_set_back(clock: Clock, state: Path) -> None:
    """`every = "30h"` counts from the last start; one that lies in the future makes the job due now, and only once."""
    what = job(every=30 * 3600.0)
    fire(what, state, clock)
    clock.set("-3d")
    assert fire(what, state, clock)["verdict"] == "started"
    assert fire(what, state, clock)["reason"] == "not_due"


@SHIFTS
def test_a_lost_run_has_no_negative_duration(clock: Clock, state: Path, tmp_path: Path, shift: str) -> None:
    """A run whose batchctl was killed is found lost at once, though by this clock it may not even have begun."""
    up = tmp_path / "up"
    what = job(step("1", f"touch {up}; exec sleep 0.5"), stale_after=3600.0)
    process = start(what, state, env=clock.environment)
    wait_for(up.exists, "the step")
    process.kill()
    process.communicate()
    clock.set(shift)
    found = wait_for(lambda: (one := fire(what, state, clock))["run_id"] and one, "the end of the step it left behind")
    assert found["code"] == 0
    assert rows(state, "select status from runs order by id") == [("lost",), ("succeeded",)]
    assert rows(state, _NEGATIVE) == []


@SHIFTS
def test_reports_show_no_negative_time(clock: Clock, state: Path, tmp_path: Path, shift: str) -> None:
    """`status`, `report` and `explain` in JSON: every duration is at least nothing, every end after its start."""
    config = tmp_path / "c.toml"
    config.write_text('[jobs."작업"]\nschedule = "0 1 * * *"\nmin_gap = "1h"\nrun = "true"\n')
    up, go = tmp_path / "up", tmp_path / "go"
    what = job(step("1", f"touch {up}; while ! test -e {go}; do sleep 0.01; done"))
    process = start(what, state, env=clock.environment)
    wait_for(up.exists, "the step")
    clock.set(shift)
    options = ("--config", str(config), "--state", str(state))
    running = batchctl(*options, "status", "--json", env=clock.environment)
    assert 0 <= json.loads(running.stdout)["jobs"][0]["run"]["elapsed_s"] < 120
    go.touch()
    ended(process)
    fire(what, state, clock)
    for command in (("status", "--json"), ("report", "--json", "--since", "2000-01-01"), ("explain", "작업", "--json")):
        done = batchctl(*options, *command, env=clock.environment)
        assert done.returncode in {0, 1}, done.stderr
        for name, value in _durations(json.loads(done.stdout)):
            assert value >= 0, f"{command}: {name} = {value}"


def _durations(value: Any) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    if isinstance(value, list):
        for inner in value:
            found += _durations(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            numeric = name.endswith("_s") and isinstance(inner, int | float)
            found += [(name, inner)] if numeric else _durations(inner)
    return found


@pytest.mark.parametrize("year", ["2500", "9999"])
@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("status", {0}),
        ("explain 작업", {0}),
        ("simulate --duration 26h --every 24h", {0, 74}),  # beyond the year 9999 there is no calendar
        ("report", {0}),
        ("report --weekly", {0, 74}),
        ("run 작업", {74}),  # the lock's library asks Python for the time, which counts to the year 2262
        ("run 작업 --json", {74}),
    ],
)
def test_a_clock_far_in_the_future_is_no_fault_of_batchctl(
    tmp_path: Path, year: str, words: str, codes: set[int]
) -> None:
    """What can be answered is; what cannot says that it is the clock, and starts nothing."""
    (tmp_path / "c.toml").write_text('[jobs."작업"]\nschedule = "0 1 * * *"\nrun = "touch ran"\ncwd = "."\n')
    moved = {
        **os.environ,
        "LD_PRELOAD": _LIBRARY,
        "FAKETIME": f"@{year}-12-31 10:00:00",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    options = ("--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state"))
    done = batchctl(*options, *words.split(), env=moved)
    assert done.returncode in codes, done.stderr
    assert done.returncode == 0 or f"the system's clock shows the year {year}" in done.stderr
    assert not (tmp_path / "ran").exists()
