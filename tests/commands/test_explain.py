"""`batchctl explain`: every check in words, and when the job could start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from history_rows import HOUR, Rows, in_c_locale
from support import batchctl

from batchctl.base import clock
from batchctl.commands.cli import main
from batchctl.core.guard.decide import NAMES
from batchctl.core.run import Identity
from batchctl.core.time import zones
from batchctl.process import identity

JOB = "일괄-작업"
CONFIG = f"""
timezone = "Asia/Seoul"
[jobs.{json.dumps(JOB, ensure_ascii=False)}]
schedule = "0 1 * * *"
min_gap = "6h"
steps = [{{ id = "1", run = "true" }}]
[jobs.gap]
min_gap = "6h"
steps = [{{ id = "1", run = "true" }}]
[jobs.by-hand]
active_hours = "08:00-22:59"
steps = [{{ id = "1", run = "true" }}]
"""
SEOUL = zones.NamedZone("Asia/Seoul")


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be at a terminal of 80 columns that knows Unicode, wherever the tests run."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """Make an empty history."""
    return Rows(tmp_path / "state")


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Write the configuration and return the global options."""
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]


def as_json(command: list[str], capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Return what `explain --json` prints."""
    assert main([*command, "explain", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_json_has_the_keys_of_the_contract(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """All eight checks come in their order, each with its sentence."""
    found = as_json(command, capsys, JOB)
    assert set(found) >= {"job", "at", "verdict", "reason", "checks", "next_start_at"}
    assert (found["job"], found["verdict"], found["reason"]) == (JOB, "start", None)
    assert [check["name"] for check in found["checks"]] == list(NAMES)
    assert all(list(check) == ["name", "passed", "detail", "until"] for check in found["checks"])
    assert all(check["passed"] and check["detail"] for check in found["checks"])
    assert found["next_start_at"].endswith("T01:00:00+09:00")


def test_a_failing_check(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """The first check that fails is the verdict, and says until when."""
    rows.run(JOB, clock.now() - 2 * HOUR, HOUR)
    found = as_json(command, capsys, JOB)
    assert (found["verdict"], found["reason"]) == ("skip", "min_gap")
    until = zones.parse_time(found["checks"][list(NAMES).index("min_gap")]["until"], SEOUL)
    assert until == pytest.approx(clock.now() + 5 * HOUR, abs=60)
    assert main([*command, "explain", JOB]) == 0
    out = capsys.readouterr().out
    assert "✗  min_gap" in out
    assert "✓  not_due" in out
    assert "A fire would be skipped: min_gap." in out


@pytest.mark.parametrize(
    ("at", "verdict", "reason"),
    [
        ("2031-01-01T08:00", "start", None),  # the first minute of the window
        ("2031-01-01T22:59:59+09:00", "start", None),  # all of the last minute belongs to it
        ("2031-01-01T23:00", "skip", "outside_hours"),  # one later is outside
        ("2031-01-01T08:00+00:00", "start", None),  # 17:00 in the job's zone
        ("2031-01-01T15:00+00:00", "skip", "outside_hours"),  # midnight there
    ],
)
def test_at(command: list[str], capsys: pytest.CaptureFixture[str], at: str, verdict: str, reason: str | None) -> None:
    """The decision is taken as of the time given, in the configured zone where it has no offset."""
    found = as_json(command, capsys, "by-hand", "--at", at)
    assert (found["verdict"], found["reason"]) == (verdict, reason)


def test_at_after_the_expected_end(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """A run that should be over by then is taken to have ended when expected, and that is said."""
    now = clock.now()
    rows.run("gap", now - 100 * HOUR, 10 * HOUR)
    # Another host's process can never be proven dead.
    run = rows.run("gap", now - HOUR, None, owner=Identity(host="elsewhere", boot_id="b", pid=1, start_ticks=1))
    found = [
        as_json(command, capsys, "gap", "--at", str(zones.iso(now + hours * HOUR, SEOUL))) for hours in (8, 12, 16)
    ]
    assert [one["reason"] for one in found] == ["already_running", "min_gap", None]
    assert found[0]["assumption"] is None
    assert f"run {run} ends at" in found[1]["assumption"]
    gap = found[1]["checks"][list(NAMES).index("min_gap")]
    assert zones.parse_time(gap["until"], SEOUL) == pytest.approx(now + 15 * HOUR, abs=0.02 * 10 * HOUR)


def test_not_a_time(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is no time is a usage error that shows how one is written."""
    assert main([*command, "explain", JOB, "--at", "tomorrow"]) == 2
    assert "'tomorrow' is not a time" in capsys.readouterr().err


def test_c_locale(command: list[str]) -> None:
    """In the C locale the signs are ASCII."""
    done = batchctl(*command, "explain", JOB, env=in_c_locale())
    assert done.returncode == 0
    assert "+  not_due" in done.stdout
    assert done.stdout.replace(JOB, "").isascii()


@pytest.mark.parametrize("width", [80, 200])
def test_a_first_run_has_no_history_yet(
    monkeypatch: pytest.MonkeyPatch, command: list[str], rows: Rows, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    """Where neither an earlier run nor a timeout tells when it ends, that is said, and not that it never does."""
    monkeypatch.setenv("COLUMNS", str(width))
    run = rows.run("gap", clock.now() - HOUR, None, owner=identity.myself())
    assert main([*command, "explain", "gap"]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == f"Next start: no history yet, and no timeout, says when run {run} ends."
    assert main([*command, "status", "gap"]) == 0
    assert "no history yet" in capsys.readouterr().out
    rows.run("gap", clock.now() - 30 * HOUR, HOUR)
    rows.change("update runs set id = 0 where status = 'succeeded'")
    assert main([*command, "explain", "gap"]) == 0
    assert "no history yet" not in capsys.readouterr().out
