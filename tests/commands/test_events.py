"""`batchctl events`: what happened, from the history, and the same lines written as it happens."""

from __future__ import annotations

import json
import os
import syslog
from typing import TYPE_CHECKING, Any

import pytest
from firing import ended, fire, start
from history_rows import HOUR, Rows
from support import batchctl, job, start_batchctl, step, wait_for

from batchctl.base import clock
from batchctl.commands.cli import main
from batchctl.core import events
from batchctl.core.time import zones
from batchctl.present import contract
from batchctl.store.events import EventHistory

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
timezone = "Asia/Seoul"
[events]
file = "log/events.log"
[jobs."일괄-작업"]
min_gap = "1h"
notify = ["json://localhost:1/"]
steps = [
    { id = "31", run = "test $BATCHCTL_ATTEMPT = 2", retries = 1 },
    { id = "61", run = "exit 3" },
    { id = "62", run = "true" },
]
[jobs.quiet]
run = "true"
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Write the configuration and return the global options."""
    (tmp_path / "log").mkdir()
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]


def _without_times(text: str) -> list[str]:
    return [line.partition(" ")[2].partition(" in ")[0] for line in text.splitlines()]


def test_a_day_line_by_line(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Start, steps, a retry, an end, an alert, a skip: in the file as they happened, and the same from the history."""
    assert batchctl(*command, "run", "일괄-작업").returncode == 1
    assert batchctl(*command, "run", "일괄-작업").returncode == 75
    assert batchctl(*command, "run", "quiet").returncode == 0
    assert main([*command, "events"]) == 0
    shown = capsys.readouterr().out
    written = (tmp_path / "log/events.log").read_text(encoding="utf-8")
    assert _without_times(written) == [
        "start 일괄-작업 run 1",
        "step_start 일괄-작업 run 1 step 31",
        "step_end 일괄-작업 run 1 step 31 failed exit 1",
        "retry 일괄-작업 run 1 step 31 attempt 2",
        "step_end 일괄-작업 run 1 step 31 succeeded",
        "step_start 일괄-작업 run 1 step 61",
        "step_end 일괄-작업 run 1 step 61 failed exit 3",
        "end 일괄-작업 run 1 failed",
        "alert 일괄-작업 run 1 warning failed 일괄-작업: run 1 failed: step 61: exit code 3",
        "skip 일괄-작업 run 1 min_gap",
        "start quiet run 2",
        "step_start quiet run 2 step 1",
        "step_end quiet run 2 step 1 succeeded",
        "end quiet run 2 succeeded",
    ]
    assert shown == written
    assert (tmp_path / "log/events.log").stat().st_mode & 0o777 == 0o600
    assert main([*command, "events", "quiet", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(each) for each in found] == [set(contract.Event.__annotations__)] * 4
    assert [each["event"] for each in found] == ["start", "step_start", "step_end", "end"]
    assert all(each["at"].endswith("+09:00") and each["job"] == "quiet" for each in found)


def test_a_span_and_what_was_taken_over(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--since` takes a duration or a time; skips in a row are their first and last; a takeover says so."""
    rows, now = Rows(tmp_path / "state"), clock.now()
    rows.run("quiet", now - 50 * HOUR, HOUR)
    rows.run("quiet", now - 5 * HOUR, HOUR, status="stale")
    rows.skip("quiet", now - 3 * HOUR, count=7, run=2)
    for since, expected in (
        ("6h", ["start", "takeover", "end", "skip", "skip"]),
        (zones.iso(now - 4.5 * HOUR, zones.NamedZone("Asia/Seoul")), ["takeover", "end", "skip", "skip"]),
        ("3d", ["start", "end", "start", "takeover", "end", "skip", "skip"]),
    ):
        assert main([*command, "events", "--since", since]) == 0
        shown = capsys.readouterr().out
        assert [line.split()[1] for line in shown.splitlines()] == expected
    assert shown.splitlines()[-1].endswith("skip quiet run 2 already_running 7 times in a row")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [("nobody", "there is no job 'nobody'"), ("--since soon", "--since: 'soon' is neither a time nor a duration")],
)
def test_what_cannot_be_shown(
    command: list[str], capsys: pytest.CaptureFixture[str], words: str, complaint: str
) -> None:
    """Exit 2 with what to do."""
    assert main([*command, "events", *words.split()]) == 2
    assert complaint in capsys.readouterr().err


def test_following_shows_each_event_once_though_it_is_written_late(command: list[str], tmp_path: Path) -> None:
    """A row that a busy history takes some seconds after it happened is shown all the same."""
    rows = Rows(tmp_path / "state")
    with start_batchctl(*command, "events", "-f", "--since", "1h") as process:
        assert process.stdout is not None
        first = rows.run("quiet", clock.now() - 20, 5.0)
        assert [process.stdout.readline().split()[1:5] for _ in range(2)] == [
            ["start", "quiet", "run", str(first)],
            ["end", "quiet", "run", str(first)],
        ]
        second = rows.run("quiet", clock.now() - 25, 5.0)
        assert process.stdout.readline().split()[1:5] == ["start", "quiet", "run", str(second)]
        process.terminate()
        assert process.stdout.read().count("\n") <= 1  # the second end, and nothing twice


@pytest.mark.parametrize("file", ["/nonexistent/events.log", "/dev/full", "fifo", "."])
def test_a_line_that_cannot_be_written_hurts_no_run(tmp_path: Path, file: str) -> None:
    """No directory, no room, a pipe that nobody reads: the run is what it would have been."""
    os.mkfifo(tmp_path / "fifo")
    what = job(events_file=str(tmp_path / file))
    assert fire(what, tmp_path / "state")["status"] == "succeeded"


def test_a_run_that_was_killed_is_told_of_by_the_next_fire(tmp_path: Path) -> None:
    """Its own batchctl could not: `lost`, and then the new start."""
    up = tmp_path / "up"
    what = job(step("1", f"touch {up}; exec sleep 0.5"), events_file=str(tmp_path / "e.log"))
    process = start(what, tmp_path / "state")
    wait_for(up.exists, "the step")
    process.kill()
    process.communicate()
    wait_for(lambda: ended(start(what, tmp_path / "state"))["run_id"], "the end of the step that was left")
    shown = [line.split()[1:] for line in (tmp_path / "e.log").read_text(encoding="utf-8").splitlines()]
    lost = next(place for place, words in enumerate(shown) if words[:1] == ["end"])
    assert shown[lost][2:5] == ["run", "1", "lost"]
    assert shown[lost + 1][0] == "start"


def test_syslog_gets_the_line_without_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has one of its own; what went wrong is a warning."""
    from batchctl.engine import eventlog

    sent: list[tuple[int, str]] = []
    monkeypatch.setattr(syslog, "syslog", lambda level, text: sent.append((level, text)))
    what: Any = job(events_syslog=True)
    eventlog.emit(
        what, [events.skipped("작업", "min_gap", 0.0, 3), *events.ended("작업", 4, "failed", 0.0, 2.0, "why")]
    )
    assert sent == [
        (syslog.LOG_INFO, "skip 작업 run 3 min_gap"),
        (syslog.LOG_WARNING, "end 작업 run 4 failed in 2.0s: why"),
    ]


def test_an_empty_history_has_no_events(tmp_path: Path) -> None:
    """And is not made by being asked."""
    assert EventHistory(str(tmp_path / "state")).events(0.0, clock.now()) == []
    assert not (tmp_path / "state").exists()
