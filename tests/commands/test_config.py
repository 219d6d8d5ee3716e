"""`batchctl config`: what is in force, where it comes from, and no secret."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from batchctl.commands.cli import main
from batchctl.config import load

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
timezone = "Asia/Seoul"
[pools]
timeout = 2
[jobs.shop]
preset = "daily-batch"
description = "가게 \\u001b[31m"
params = { limit = 5 }
[jobs."a.b"]
daily = "14:30"
run = "upload --key hunter2hunter2 {account}"
params = { account = "계정1" }
env = { API_KEY = "hunter2hunter2", LANG = "C.UTF-8" }
secrets = ["API_KEY"]
grace = 1.5
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a configuration with a preset, a secret and an odd name."""
    file = tmp_path / "batchctl.toml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_what_is_printed_can_be_read_again(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text is a configuration that gives the same jobs, but for the masked secret."""
    assert main(["--config", str(config), "--state", str(tmp_path / "s"), "config"]) == 0
    out = capsys.readouterr().out
    assert tomllib.loads(out)["state_dir"] == str(tmp_path / "s")
    again = tmp_path / "again.toml"
    again.write_text(out, encoding="utf-8")
    first, second = load(str(config)).jobs, load(str(again)).jobs
    places = {"origin": "", "config_path": "", "state_home": ""}
    assert first["shop"].__dict__ | places == second["shop"].__dict__ | places
    assert second["a.b"].grace == 1.5


def test_origins_are_shown(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Behind each value stands the file, the preset or the default it comes from."""
    assert main(["--config", str(config), "--state", str(tmp_path / "s"), "config", "shop"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'timezone = "Asia/Seoul"  # batchctl.toml' in lines
    assert f'state_dir = "{tmp_path}/s"  # --state' in lines
    assert "timeout = 2  # batchctl.toml" in lines
    assert 'timeout = "30h"  # preset daily-batch' in lines
    assert "limit = 5  # batchctl.toml" in lines
    assert 'account = "계정1"  # preset daily-batch' in lines
    assert 'grace = "10s"  # default' in lines
    assert not any("a.b" in line for line in lines)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_secrets_are_masked(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]) -> None:
    """The value of a secret is shown nowhere, also where it stands in other text; escapes are shown, not obeyed."""
    for command in (["config"], ["jobs", "show", "a.b"]):
        assert main(["--config", str(config), "--state", str(tmp_path / "s"), *command, *form]) == 0
        out = capsys.readouterr().out
        assert "hunter2" not in out
        assert "upload --key *** {account}" in out
        assert "C.UTF-8" in out
        assert "\x1b" not in out


def test_json(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object: files, what is in force, origins; durations are seconds."""
    assert main(["--config", str(config), "--state", str(tmp_path / "s"), "config", "a.b", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["path"], found["pools"], found["timezone"]) == (str(config), {"timeout": 2}, "Asia/Seoul")
    assert list(found["jobs"]) == ["a.b"]
    assert found["jobs"]["a.b"]["env"] == {"API_KEY": "***", "LANG": "C.UTF-8"}
    assert (found["jobs"]["a.b"]["daily"], found["jobs"]["a.b"]["grace"]) == ("14:30", 1.5)
    assert found["origins"]["jobs.a.b.daily"] == str(config)
    assert found["origins"]["jobs.a.b.enabled"] == "default"
    assert not any(key.startswith("jobs.shop") for key in found["origins"])


def test_unknown_job(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A job that is not there is a wrong command line."""
    assert main(["--config", str(config), "config", "shp"]) == 2
    assert "did you mean shop?" in capsys.readouterr().err


def test_no_configuration(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    """Without any file it says so and shows no job; a ready-made one can be asked for by name."""
    assert main(["config"]) == 0
    out = capsys.readouterr().out
    assert "# configuration: none\n" in out
    assert f'state_dir = "{home}/.local/state/batchctl"  # default' in out
    assert "[jobs." not in out
    assert main(["config", "daily-batch"]) == 0
    out = capsys.readouterr().out
    assert "[jobs.daily-batch]" in out
    assert 'timeout = "30h"  # preset daily-batch' in out
