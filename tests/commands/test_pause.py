"""`batchctl pause` and `batchctl resume`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batchctl.base import clock
from batchctl.commands.cli import main
from batchctl.core.time import zones

CONFIG = """
[jobs."작업"]
steps = [{ id = "1", run = "true" }]
[jobs.other]
steps = [{ id = "1", run = "true" }]
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Write the configuration and return the global options."""
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]


def reason(command: list[str], capsys: pytest.CaptureFixture[str], job: str) -> tuple[object, object]:
    """Return why a job would be skipped now, and until when."""
    capsys.readouterr()
    assert main([*command, "explain", job, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return found["reason"], found["checks"][0]["until"]


def test_pause_everything(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A pause of everything holds for each job until `resume`."""
    assert main([*command, "pause"]) == 0
    assert capsys.readouterr().out == "Everything is paused until `batchctl resume`.\n"
    assert reason(command, capsys, "작업") == ("paused", None)
    assert main([*command, "resume"]) == 0
    assert reason(command, capsys, "작업") == (None, None)


def test_pause_one_job_for_a_while(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A pause of one job leaves the others alone and ends by itself."""
    assert main([*command, "pause", "작업", "--for", "2h"]) == 0
    name, until = reason(command, capsys, "작업")
    assert name == "paused"
    assert zones.parse_time(str(until), clock.SystemZone()) == pytest.approx(clock.now() + 7200, abs=60)
    assert reason(command, capsys, "other") == (None, None)


def test_resume_of_what_was_not_paused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Resuming twice is no error; resuming a job does not end the pause of everything."""
    assert main([*command, "pause"]) == 0
    capsys.readouterr()
    assert main([*command, "resume", "작업"]) == 0
    assert capsys.readouterr().out == "작업 was not paused.\n"
    assert reason(command, capsys, "작업")[0] == "paused"
    for said in ("Everything is resumed.\n", "Nothing was paused.\n"):
        assert main([*command, "resume"]) == 0
        assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("pause", "nobody"), "there is no job 'nobody'"),  # unknown
        (("pause", "--for", "soon"), "'soon' is not a duration"),  # no duration
        (("resume", "nobody"), "there is no job 'nobody'"),  # unknown here too
    ],
)
def test_wrong_command_lines(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    """What cannot be carried out is exit 2 and changes nothing."""
    assert main([*command, *words]) == 2
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
