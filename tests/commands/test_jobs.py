"""`batchctl jobs`: the list, one in full, the presets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support import batchctl

from batchctl.commands.cli import main

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
[jobs."키워드-검색"]
kind = "collection"
description = "매일 [bold]밤[/bold]\\u001b[0m"
daily = "01:00"
run = "true"
[jobs.by-hand]
enabled = false
[[jobs.by-hand.steps]]
id = "31"
argv = ["true"]
[[jobs.by-hand.steps]]
id = "32"
run = "true"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a configuration with two jobs."""
    monkeypatch.setenv("COLUMNS", "120")
    file = tmp_path / "batchctl.toml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_list(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each job; markup and escapes in a description are shown, not obeyed."""
    assert main(["--config", str(config), "jobs", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (first,) = [line for line in lines if "키워드-검색" in line]
    assert "daily 01:00" in first
    assert "[bold]밤[/bold]\\x1b[0m" in first
    (second,) = [line for line in lines if "by-hand" in line]
    assert second.split() == ["by-hand", "by", "hand", "no", "2"]


def test_list_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as one object."""
    assert main(["--config", str(config), "jobs", "list", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["jobs"]
    assert (first["job"], first["schedule"], first["enabled"], first["steps"]) == (
        "키워드-검색",
        "daily 01:00",
        True,
        ["1"],
    )
    assert (second["schedule"], second["enabled"], second["origin"]) == (None, False, str(config))


def test_list_by_kind(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the jobs of a kind are listed; a kind that there is not is a wrong command line."""
    assert main(["--config", str(config), "jobs", "list", "--kind", "collection"]) == 0
    out = capsys.readouterr().out
    assert "키워드-검색" in out
    assert "collection" in out
    assert "by-hand" not in out
    assert main(["--config", str(config), "jobs", "list", "--kind", "report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"jobs": []}
    assert main(["--config", str(config), "jobs", "list", "--kind", "report"]) == 0
    assert "No job is of the kind report." in capsys.readouterr().out
    assert main(["--config", str(config), "jobs", "list", "--kind", "batch"]) == 2
    assert "kinds: collection, processing" in capsys.readouterr().err


def test_a_job_for_once_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`at` is once: the list says whether it has started."""
    at = datetime.now(tz=UTC) - timedelta(minutes=1)
    file = tmp_path / "c.toml"
    file.write_text(f'[jobs.once]\nat = {at.isoformat()}\nrun = "true"\n')
    arguments = ["--config", str(file), "--state", str(tmp_path / "state")]
    assert main([*arguments, "jobs", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"][0]["done"] is False
    assert batchctl(*arguments, "run", "once").returncode == 0
    assert main([*arguments, "jobs", "list"]) == 0
    assert "once, done" in capsys.readouterr().out
    assert main([*arguments, "jobs", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"][0]["done"] is True
    (tmp_path / "state" / "batchctl.db").write_bytes(b"no history")
    assert main([*arguments, "jobs", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"][0]["done"] is False


def test_empty_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A configuration without jobs says what to do."""
    (tmp_path / "c.toml").write_text("")
    assert main(["--config", str(tmp_path / "c.toml"), "jobs", "list"]) == 0
    assert "The first three steps:\n  batchctl jobs add" in capsys.readouterr().out


def test_show(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One job in full, each value with its origin, and as an object."""
    assert main(["--config", str(config), "jobs", "show", "by-hand"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("[jobs.by-hand]\nenabled = false  # batchctl.toml\n")
    assert 'argv = ["true"]' in out
    assert main(["--config", str(config), "jobs", "show", "by-hand", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["job"], found["enabled"], found["grace"]) == ("by-hand", False, 10.0)
    assert found["steps"] == [{"id": "31", "argv": ["true"]}, {"id": "32", "run": "true"}]


def test_presets(capsys: pytest.CaptureFixture[str]) -> None:
    """The ready-made jobs with their steps, as table and as object."""
    assert main(["jobs", "presets"]) == 0
    assert "31 32 33 61 62 63" in capsys.readouterr().out
    assert main(["jobs", "presets", "--json"]) == 0
    presets = {preset["preset"]: preset for preset in json.loads(capsys.readouterr().out)["presets"]}
    found = presets["daily-batch"]
    assert found["schedule"] == "0 1 * * *"
    assert found["description"]


@pytest.mark.parametrize("columns", [80, 200])
def test_a_preset_keeps_its_name(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrapped, within the terminal a name can be copied whole from its line."""
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["jobs", "presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert any(line.startswith("collect-bestsellers ") for line in lines)


def test_unknown_job(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A job that is not there is a wrong command line, with a suggestion."""
    assert main(["--config", str(config), "jobs", "show", "by-hnd"]) == 2
    assert "did you mean by-hand?" in capsys.readouterr().err
