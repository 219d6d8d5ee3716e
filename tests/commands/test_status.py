"""`batchctl status`: the contract's JSON, and tables that tell the same on any terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from history_rows import DAY, HOUR, Rows, in_c_locale
from rich.cells import cell_len
from support import batchctl, cron_fires_all, open_terminal, start_batchctl

from batchctl.base import clock
from batchctl.commands.cli import main
from batchctl.core.run import Identity
from batchctl.core.time import zones
from batchctl.process import identity

JOB = "일괄-작업"
CONFIG = f"""
timezone = "Asia/Seoul"
[jobs.{json.dumps(JOB, ensure_ascii=False)}]
schedule = "0 1 * * *"
stale_after = "36h"
steps = [{{ id = "31", group = "검색", run = "true" }}, {{ id = "32", run = "true" }}, {{ id = "33", run = "true" }}]
[jobs.off]
enabled = false
steps = [{{ id = "1", run = "true" }}]
"""


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be at a terminal of 80 columns that knows Unicode, wherever the tests run."""
    cron_fires_all(monkeypatch)
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


@pytest.fixture
def owner() -> Iterator[Identity]:
    """Return the identity of a process that lives as long as the test."""
    with subprocess.Popen(["sleep", "600"]) as process:
        stat = identity.read_stat(process.pid)
        assert stat is not None
        yield Identity(host=identity.host(), boot_id=clock.boot_id(), pid=process.pid, start_ticks=stat.start_ticks)
        process.kill()


def running(rows: Rows, owner: Identity, ago: float) -> int:
    """Insert a running run of three steps, of which the second is under way at 4 of 10."""
    run = rows.run(JOB, clock.now() - ago, None, owner=owner)
    for seq, (step, status) in enumerate((("31", "succeeded"), ("32", "running"), ("33", "pending")), 1):
        rows.step(run, seq, step, status, started_at=clock.now() - ago)
    place = rows.state / "runs" / str(run)
    place.mkdir(parents=True)
    (place / "2.progress").write_text("4/10\n")
    return run


def as_json(command: list[str], capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """Return the first job of `status --json`."""
    assert main([*command, "status", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["scheduler", "jobs"]
    job = found["jobs"][0]
    assert isinstance(job, dict)
    return job


def test_json_of_an_empty_state(command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without any history every key of the contract is there, and looking leaves no trace."""
    job = as_json(command, capsys)
    fires = job.pop("next_fires")
    assert job == {
        "job": JOB,
        "title": None,
        "state": "idle",
        "run": None,
        "last_run": None,
        "skips_since_last_start": 0,
        "success_rate": None,
        "consecutive_failures": 0,
        "in_crontab": True,
        "run_count": 0,
        "error_count": 0,
        "last_run_at": None,
        "next_run_at": fires[0]["at"] if isinstance(fires, list) else None,
    }
    assert isinstance(fires, list)
    assert [set(fire) for fire in fires] == [{"at", "verdict", "reason"}] * 3
    assert fires[0]["at"].endswith("T01:00:00+09:00")
    assert (fires[0]["verdict"], fires[0]["reason"]) == ("start", None)
    assert not (tmp_path / "state").exists()


def test_json_of_a_running_job(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, owner: Identity
) -> None:
    """A running run tells its step, how far it is and when it should end; the last run is the one before it."""
    now = clock.now()
    for days in (4, 3):
        rows.run(JOB, now - days * DAY, 26 * HOUR)
    last = rows.run(JOB, now - 2 * DAY, 1.5, "failed")
    run = running(rows, owner, 2 * HOUR)
    rows.skip(JOB, now - HOUR, count=2, run=run)
    job = as_json(command, capsys, JOB)
    found = job["run"]
    assert isinstance(found, dict)
    assert set(found) >= {"id", "step", "steps_done", "steps_total", "started_at", "elapsed_s", "expected_end_at"}
    assert (found["id"], found["step"], found["steps_done"], found["steps_total"]) == (run, "32", 1, 3)
    assert found["elapsed_s"] == pytest.approx(2 * HOUR, abs=30)
    assert found["progress"] == {"done": 4, "total": 10}
    started = zones.parse_time(found["started_at"], clock.SystemZone())
    assert zones.parse_time(found["expected_end_at"], clock.SystemZone()) - started == pytest.approx(
        26 * HOUR, rel=0.01
    )
    last_run = job["last_run"]
    assert isinstance(last_run, dict)
    assert list(last_run) == ["id", "status", "started_at", "ended_at", "duration_s"]
    assert (last_run["id"], last_run["status"], last_run["duration_s"]) == (last, "failed", 1.5)
    assert job["state"] == "running"
    assert job["skips_since_last_start"] == 2
    assert job["success_rate"] == pytest.approx(2 / 3)
    assert job["consecutive_failures"] == 1


def test_a_run_whose_owner_is_gone_is_lost(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """A running row of a dead owner is shown as lost at once, without waiting for the next fire to find it."""
    run = rows.run(JOB, clock.now() - HOUR, None)
    job = as_json(command, capsys)
    assert (job["state"], job["run"]) == ("idle", None)
    last = job["last_run"]
    assert isinstance(last, dict)
    assert (last["id"], last["status"], last["ended_at"]) == (run, "lost", None)
    assert main([*command, "status", JOB]) == 0
    assert "lost (owner gone)" in capsys.readouterr().out


def test_a_stale_run_is_named_so(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, owner: Identity
) -> None:
    """A run older than stale_after is still running, and said to be stale."""
    running(rows, owner, 37 * HOUR)
    assert main([*command, "status", JOB]) == 0
    assert "running (stale)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("pause", "expected"),
    [
        ((JOB,), ["paused", "disabled"]),  # the job alone
        ((), ["paused", "paused"]),  # everything; also what is disabled
    ],
)
def test_paused_and_disabled(
    command: list[str], capsys: pytest.CaptureFixture[str], pause: tuple[str, ...], expected: list[str]
) -> None:
    """The state says why nothing would start."""
    assert main([*command, "pause", *pause]) == 0
    capsys.readouterr()
    assert main([*command, "status", "--json"]) == 0
    assert [job["state"] for job in json.loads(capsys.readouterr().out)["jobs"]] == expected


@pytest.mark.parametrize("width", [80, 200])
def test_no_line_is_wider_than_the_terminal(
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    rows: Rows,
    owner: Identity,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    """Hangul counts two columns; step, progress, expected end, last run and next fires are all readable."""
    now = clock.now()
    rows.run(JOB, now - 4 * DAY, 26 * HOUR)
    running(rows, owner, 3 * HOUR)
    monkeypatch.setenv("COLUMNS", str(width))
    assert main([*command, "status"]) == 0
    out = capsys.readouterr().out
    assert max(map(cell_len, out.splitlines())) <= width
    for piece in (JOB, "running", "32 (2/3) 4/10 (40%)", "3h 00m", "succeeded", "(26h 00m)", "100% ok", "disabled"):
        assert piece in out
    assert "01:00 skip (already running)" in " ".join(out.split())
    if width == 200:
        assert sum(JOB in line for line in out.splitlines()) == 1


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("words", [(), (JOB,)])
def test_a_broken_run_comes_with_the_command_that_resumes_it(
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    rows: Rows,
    width: int,
    words: tuple[str, ...],
) -> None:
    """Where the last run is unfinished the exact command stands there; where it succeeded none does."""
    monkeypatch.setenv("COLUMNS", str(width))
    rows.run(JOB, clock.now() - DAY, 60.0, "timed_out")
    assert main([*command, "status", *words]) == 0
    out = capsys.readouterr().out
    assert max(map(cell_len, out.splitlines())) <= width
    assert "".join(f"batchctl {' '.join(command)} run {JOB} --resume".split()) in "".join(out.split())
    rows.run(JOB, clock.now() - HOUR, 60.0)
    assert main([*command, "status", *words]) == 0
    assert "resume" not in capsys.readouterr().out


def test_detail_shows_the_steps_of_the_last_run(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows
) -> None:
    """The steps come with what they did; a result is data and no markup."""
    run = rows.run(JOB, clock.now() - DAY, 60.0, "failed")
    rows.step(run, 1, "31", step_group="검색", duration_s=30.0, result={"저장": 1180, "제목": "[red]x[/] \x1b[31m"})
    rows.step(run, 2, "32", "failed", exit_code=7, duration_s=30.0)
    rows.step(run, 3, "33", "blocked", attempts=0)
    assert main([*command, "status", JOB]) == 0
    out = capsys.readouterr().out
    assert "저장 1180" in out
    assert "[red]x[/] \\x1b[31m" in out
    assert "\x1b" not in out
    assert "exit 7" in out
    assert "blocked" in out


def test_c_locale(command: list[str], rows: Rows) -> None:
    """In the C locale our own signs are ASCII and the operator's names still come out whole."""
    rows.run(JOB, clock.now() - DAY)
    done = batchctl(*command, "status", env=in_c_locale())
    assert (done.returncode, done.stderr) == (0, "")
    assert JOB in done.stdout
    assert done.stdout.replace(JOB, "").isascii()


def test_an_encoding_without_hangul(command: list[str]) -> None:
    """What the output's encoding lacks comes as an escape, in JSON as one that JSON knows."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = batchctl(*command, "status", "--json", env=environment)
    assert json.loads(done.stdout)["jobs"][0]["job"] == JOB
    assert "\\uc77c" in batchctl(*command, "status", env=environment).stdout


def test_unknown_job(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown job is a usage error that suggests the one that was meant."""
    assert main([*command, "status", "일괄-작엄"]) == 2
    assert JOB in capsys.readouterr().err


def test_watch_and_json_exclude_each_other(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Two ways to print cannot both be meant."""
    assert main([*command, "status", "--watch", "--json"]) == 2
    assert "--watch" in capsys.readouterr().err


def test_watch_until_ctrl_c(command: list[str]) -> None:
    """Without a terminal pictures follow each other; Ctrl-C ends it with exit 0."""
    with start_batchctl(*command, "status", "--watch") as process:
        assert process.stdout is not None
        seen = ""
        while seen.count(JOB) < 2:
            line = process.stdout.readline()
            assert line, "it ended before the second picture"
            seen += line
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")


def test_watch_on_a_terminal(command: list[str]) -> None:
    """On a terminal the picture is drawn over; Ctrl-C ends it with exit 0."""
    terminal, end = open_terminal()
    line = [sys.executable, "-m", "batchctl", *command, "status", "--watch"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(line, stdin=end, stdout=end, stderr=end, env=environment) as process:
        os.close(end)
        seen = b""
        while seen.count(JOB.encode()) < 3:
            seen += os.read(terminal, 65536)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert b"\x1b[?1049h" in seen
    os.close(terminal)


def test_nothing_configured(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready-made jobs are not listed; the first three steps are said instead, at any width in whole lines."""
    for columns in ("80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(["status"]) == 0
        out = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert out == [
            "No job is configured yet. The first three steps:",
            "  batchctl jobs add NAME --daily 01:00 --run COMMAND   or: batchctl jobs presets",
            "  batchctl crontab install",
            "  batchctl status",
        ]
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"] == []


@pytest.mark.parametrize("config", [None, "[jobs.mine]\nrun = 'true'\n"])
def test_a_ready_made_job_is_listed_once_it_has_run(
    config: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs by its name, with a configuration and without; only from then on it is a job that is listed."""
    options = ["--state", str(tmp_path / "state")]
    if config is not None:
        (tmp_path / "c.toml").write_text(config)
        options += ["--config", str(tmp_path / "c.toml")]
    listed = [] if config is None else ["mine"]
    for expected in (listed, [*listed, "health-check"]):
        assert main([*options, "status", "--json"]) == 0
        assert [job["job"] for job in json.loads(capsys.readouterr().out)["jobs"]] == expected
        assert main([*options, "jobs", "list", "--json"]) == 0
        assert [job["job"] for job in json.loads(capsys.readouterr().out)["jobs"]] == expected
        assert batchctl(*options, "run", "health-check").returncode in {0, 1}
    assert main([*options, "jobs", "disable", "health-check"]) == 1
    assert "`batchctl jobs presets --install health-check`" in capsys.readouterr().err
