"""`batchctl report`: the contract's JSON, complete files, tables that fit."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from history_rows import DAY, HOUR, Rows, in_c_locale
from rich.cells import cell_len
from support import batchctl

from batchctl.base import clock
from batchctl.commands.cli import main
from batchctl.core.time import zones

JOB = "일괄-작업"
CONFIG = f"""
timezone = "Asia/Seoul"
[jobs.{json.dumps(JOB, ensure_ascii=False)}]
schedule = "0 1 * * *"
steps = [{{ id = "31", run = "true" }}]
[jobs.never]
steps = [{{ id = "1", run = "true" }}]
"""


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be at a terminal of 80 columns that knows Unicode, wherever the tests run."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """Make a history: a success, a failure, a run that goes on, and skips."""
    rows = Rows(tmp_path / "state")
    now = clock.now()
    first = rows.run(JOB, now - 4 * DAY, 26 * HOUR)
    rows.step(first, 1, "31", step_group="검색", exit_code=0, duration_s=HOUR, result={"저장": 1180, "더": {"속": [1]}},
              cpu_s=1800.5, max_rss_bytes=2 * 1024**3)  # fmt: skip
    second = rows.run(JOB, now - 2 * DAY, HOUR, "failed")
    rows.step(second, 1, "31", "failed", step_group="검색", exit_code=3, attempts=3, duration_s=HOUR)
    rows.skip(JOB, now - 3 * DAY, count=2, run=first)
    rows.run("=gone|<b>", now - DAY, 5.0)
    return rows


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Write the configuration and return the global options."""
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state"), "report"]


def as_json(command: list[str], capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Return what `report --json` prints."""
    assert main([*command, *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_json_has_the_keys_of_the_contract(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """Runs newest first with their steps, skips, and statistics of every job that is or was."""
    found = as_json(command, capsys)
    assert list(found) == ["from", "to", "runs", "skips", "stats"]
    zone = clock.SystemZone()
    assert zones.parse_time(found["to"], zone) - zones.parse_time(found["from"], zone) == pytest.approx(30 * DAY)
    assert [run["status"] for run in found["runs"]] == ["succeeded", "failed", "succeeded"]
    run = found["runs"][2]
    assert set(run) >= {"id", "job", "status", "started_at", "ended_at", "duration_s", "steps"}
    assert run["started_at"].endswith("+09:00")
    assert run["steps"] == [
        {
            "id": "31",
            "group": "검색",
            "status": "succeeded",
            "exit_code": 0,
            "signal": None,
            "attempts": 1,
            "duration_s": HOUR,
            "cpu_s": 1800.5,
            "max_rss_bytes": 2 * 1024**3,
            "why": None,
            "result": {"저장": 1180, "더": {"속": [1]}},
        }
    ]
    (skip,) = found["skips"]
    assert list(skip) == ["job", "reason", "count", "first_at", "last_at", "run_id"]
    assert (skip["job"], skip["reason"], skip["count"], skip["run_id"]) == (JOB, "already_running", 2, 1)
    assert sorted(found["stats"]) == sorted(["=gone|<b>", "never", JOB])
    assert (
        found["stats"][JOB].items()
        >= {
            "runs": 2,
            "succeeded": 1,
            "failed": 1,
            "success_rate": 0.5,
            "avg_s": 26 * HOUR,
            "p50_s": 26 * HOUR,
            "p95_s": 26 * HOUR,
            "max_s": 26 * HOUR,
            "skips": 2,
            "effective_interval_s": pytest.approx(2 * DAY),
            "skips_by_reason": {"already_running": 2},
            "scheduled_interval_s": DAY,
            "longest_success_streak": 1,
            "longest_failure_streak": 1,
            "resumed": 0,
            "trend": None,
        }.items()
    )
    assert [step["id"] for step in found["stats"][JOB]["steps"]] == ["31"]


def test_json_is_not_escaped(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """Hangul stays Hangul."""
    assert main([*command, "--format", "json"]) == 0
    assert JOB in capsys.readouterr().out


def test_json_of_an_empty_state(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without any history the lists are empty and every configured job has its zero."""
    found = as_json(command, capsys)
    assert (found["runs"], found["skips"]) == ([], [])
    assert (
        found["stats"]["never"].items()
        >= {
            "runs": 0,
            "succeeded": 0,
            "failed": 0,
            "success_rate": None,
            "avg_s": None,
            "p50_s": None,
            "p95_s": None,
            "max_s": None,
            "skips": 0,
            "effective_interval_s": None,
        }.items()
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((JOB,), ["failed", "succeeded"]),  # one job
        (("=gone|<b>",), ["succeeded"]),  # one that left the configuration
        (("never",), []),  # one that never ran
        (("--days", "2.5"), ["succeeded", "failed"]),  # what began since, and nothing that ended before
        (("--days", "3"), ["succeeded", "failed", "succeeded"]),  # what ended in the window belongs to it
        (("--until", "2020-01-01"), []),  # a month long ago
        (("--since", "2020-01-01"), ["succeeded", "failed", "succeeded"]),  # years
    ],
)
def test_window(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, words: tuple[str, ...], expected: list[str]
) -> None:
    """Job and span choose the runs."""
    assert [run["status"] for run in as_json(command, capsys, *words)["runs"]] == expected


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nobody",), "there is no job 'nobody'"),  # unknown to configuration and history
        (("--days", "7", "--since", "2026-01-01"), "--days and --since"),  # two beginnings
        (("--days", "0"), "--days 0"),  # no span
        (("--days", "nan"), "--days nan"),  # no number
        (("--since", "soon"), "'soon' is not a time"),  # no time
        (("--since", "2026-02-01", "--until", "2026-01-01"), "not before its end"),  # backwards
        (("--weekly", "--monthly"), "two calendars"),  # which one?
        (("--json", "--format", "csv"), "two formats"),  # which one?
    ],
)
def test_wrong_command_lines(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, words: tuple[str, ...], complaint: str
) -> None:
    """What cannot be meant is exit 2 with a remedy."""
    assert main([*command, *words]) == 2
    assert complaint in capsys.readouterr().err


def test_csv(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """One line per run; a name that a spreadsheet would run as a formula is only text."""
    assert main([*command, "--format", "csv"]) == 0
    found = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [line["job"] for line in found] == ["'=gone|<b>", JOB, JOB]
    assert [line["steps"] for line in found] == ["", "31=failed", "31=succeeded"]
    assert found[2]["duration_s"] == "93600.0"
    assert json.loads(found[2]["results"]) == {"31": {"저장": 1180, "더": {"속": [1]}}}


@pytest.mark.parametrize(("option", "shape"), [("--weekly", r"\d{4}-W\d\d"), ("--monthly", r"\d{4}-\d\d")])
def test_periods(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, option: str, shape: str) -> None:
    """Twelve weeks or months follow each other without a gap, and together they hold every run and skip."""
    found = as_json(command, capsys, option)
    periods = found["periods"]
    assert len(periods) == 12
    assert [one["to"] for one in periods[:-1]] == [two["from"] for two in periods[1:]]
    assert all(re.fullmatch(shape, period["period"]) for period in periods)
    for key in ("runs", "skips"):
        assert sum(period["stats"][JOB][key] for period in periods) == found["stats"][JOB][key] == 2
    assert main([*command, option, "--format", "csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(lines) == 12 * len(found["stats"])
    assert main([*command, JOB, option]) == 0
    assert periods[-1]["period"] in capsys.readouterr().out


def test_runs_tell_what_they_continued_and_what_was_noticed(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows
) -> None:
    """A run names the run that it resumed, and carries the warnings about it, by step."""
    rows.change("update runs set resumed_from = 1 where id = 2")
    rows.insert("warnings", run_id=2, seq=1, kind="expect", text="저장 >= 500", at=clock.now())
    rows.insert("warnings", run_id=2, seq=0, kind="output", text="ERROR", at=clock.now())
    found = {run["id"]: run for run in as_json(command, capsys)["runs"]}
    assert (found[1]["resumed_from"], found[1]["warnings"]) == (None, [])
    assert found[2]["resumed_from"] == 1
    assert found[2]["warnings"] == [
        {"step": None, "kind": "output", "text": "ERROR"},
        {"step": "31", "kind": "expect", "text": "저장 >= 500"},
    ]


@pytest.mark.parametrize(("width", "locale"), [(80, "C.UTF-8"), (200, "C.UTF-8"), (80, "C"), (200, "C")])
def test_one_job_in_detail(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, monkeypatch: pytest.MonkeyPatch,
    width: int, locale: str,
) -> None:  # fmt: skip
    """A report on one job has its streaks, trend and steps, with a line of durations that the terminal can show."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LC_ALL", locale)
    for number in range(8):
        run = rows.run("never", clock.now() - DAY + number * HOUR, 60.0 if number < 4 else 120.0)
        rows.step(run, 1, "검색", duration_s=60.0, cpu_s=90.0 * number, max_rss_bytes=number * 1024**3)
    assert main([*command, "never"]) == 0
    out = capsys.readouterr().out
    assert max(map(cell_len, out.splitlines())) <= width
    assert ("____####" if locale == "C" else "▁▁▁▁████") in out
    assert "2.0 times as long: median 2m 00s over the last 4 successes, 1m 00s before" in " ".join(out.split())
    assert "8 successes, 0 failures in a row at most" in out
    assert "5m 15s  7.0 GiB" in out, "processor time on average, memory at most"
    assert ("#" * 24 in out or "█" * 24 in out) == (width == 200)


def test_markdown(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """Three tables; what Markdown or HTML would obey in a name is escaped."""
    assert main([*command, "--format", "md"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("#")][1:] == ["## Jobs", "## Runs", "## Skips"]
    assert "| =gone\\|\\<b\\> | 1 |" in out
    assert f"| {JOB} | 2 | 1 | 50% | 26h 00m | 26h 00m | 26h 00m | 26h 00m | 2 | 48h 00m |" in out
    assert "31 (저장 1180)" in out


@pytest.mark.parametrize("width", [80, 120, 200])
def test_tables_fit_the_terminal(
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    """No line is wider than the terminal, and nothing is cut off."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert main([*command, JOB]) == 0
    out = capsys.readouterr().out
    assert max(map(cell_len, out.splitlines())) <= width
    words = " ".join(out.split())
    for piece in (JOB, "50%", "48h 00m", "26h 00m", "failed", "already running", "저장 1180", "exit 3"):
        assert piece in words


def test_a_terminal_gets_the_newest_rows(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """Long lists end after 20 rows, and the rest is told."""
    for number in range(30):
        rows.run("never", clock.now() - HOUR + number, 1.0)
        rows.skip("never", clock.now() - HOUR + number)
    assert main([*command]) == 0
    out = capsys.readouterr().out
    assert "and 13 more runs before these" in out
    assert "and more skips before these" in out
    assert len(as_json(command, capsys)["runs"]) == 33


def test_nothing_happened(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An empty window says so."""
    assert main([*command]) == 0
    assert "Nothing ran and nothing was skipped." in capsys.readouterr().out


@pytest.mark.parametrize("style", ["table", "json", "csv", "md"])
def test_output_file(command: list[str], rows: Rows, tmp_path: Path, style: str) -> None:
    """A file is written whole, in UTF-8 whatever the locale, with nothing left beside it and nothing on stdout."""
    place = tmp_path / "out"
    place.mkdir()
    (place / "report").write_text("old")
    done = batchctl(*command, "--format", style, "--output", str(place / "report"), env=in_c_locale())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert JOB in (place / "report").read_text(encoding="utf-8")
    assert "\x1b" not in (place / "report").read_text(encoding="utf-8")
    assert [path.name for path in place.iterdir()] == ["report"]


def test_output_that_cannot_be_written(command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The failure names the file, and no half file stays."""
    target = tmp_path / "missing" / "report"
    assert main([*command, "--output", str(target)]) == 1
    assert f"cannot write the report to {target}" in capsys.readouterr().err


def test_output_to_a_device(command: list[str], rows: Rows) -> None:
    """A device or pipe is written to and not replaced."""
    done = batchctl(*command, "--format", "csv", "--output", "/dev/stderr")
    assert done.returncode == 0
    assert done.stderr.startswith("id,job,status,")


def test_a_spreadsheet_is_told_that_it_is_utf_8(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, tmp_path: Path
) -> None:
    """`--excel` is the CSV with a byte order mark before it, on stdout and in a file."""
    rows.run("never", clock.now() - 60)
    assert main([*command, "--format", "csv"]) == 0
    plain = capsys.readouterr().out
    assert main([*command, "--excel"]) == 0
    assert capsys.readouterr().out == f"\ufeff{plain}"
    assert main([*command, "--excel", "--output", str(tmp_path / "r.csv")]) == 0
    assert (tmp_path / "r.csv").read_bytes() == b"\xef\xbb\xbf" + plain.encode()
    assert main([*command, "--excel", "--format", "md"]) == 2
    assert main([*command, "--excel", "--json"]) == 2


@pytest.mark.parametrize("style", ["json", "csv", "md", "table"])
def test_only_the_newest_are_listed_on_request(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, style: str
) -> None:
    """`--limit N` is of runs and of skips; statistics count all, and the table may list more than its usual 20."""
    now = clock.now()
    for number in range(30):
        rows.run("never", now - 10.0 * number - 20, 5.0)
    for limit in (1, 25):
        assert main([*command, "--format", style, "--limit", str(limit)]) == 0
        shown = capsys.readouterr().out
        if style == "json":
            found = json.loads(shown)
            assert (len(found["runs"]), found["stats"]["never"]["runs"]) == (limit, 30)
            assert len(found["skips"]) == 1
        else:
            listed = [line for line in shown.splitlines() if "never" in line and "succeeded" in line]
            assert len(listed) == limit
    assert main([*command, "--limit", "0"]) == 2


def test_a_narrow_terminal_has_room_for_a_chain(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On 80 columns a run is one line, its steps without their results; 200 columns have room for these."""
    rows = Rows(tmp_path / "state")
    run = rows.run("never", clock.now() - 2 * HOUR, HOUR)
    for seq, step in enumerate(("31", "32", "33"), 1):
        rows.step(run, seq, step, result={"found": 300, "new": 300})
    for columns, shown in (("80", "31; 32; 33"), ("200", "31 (found 300, new 300); 32 (found 300, new 300)")):
        monkeypatch.setenv("COLUMNS", columns)
        assert main(command) == 0
        (line,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[:2] == [str(run), "never"]]
        assert shown in line
