"""What `--help` says holds: each command has examples, and they work."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from helps import helps
from scenes import Scene, Stage
from support import batchctl

from batchctl.base import errors
from batchctl.commands.cli import COMMANDS, main

_JOB = "every = '30h'\nrun = 'true'\n"
"""The job that examples change, add and remove."""

pytestmark = pytest.mark.xdist_group("help")


def examples(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Return the examples in a command's help."""
    monkeypatch.setenv("COLUMNS", "200")  # wide enough for each example to stay on its line
    assert main([*command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Examples:" in text
    below = text.partition("Examples:")[2].partition("╭")[0]
    return re.findall(r"^\W*(batchctl .*?)`?\s*$", below, re.MULTILINE)


@pytest.mark.parametrize("command", helps(), ids=" ".join)
def test_help_has_examples_that_parse(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each help has Examples, and each of them is a command line that the program takes."""
    found = examples(command, capsys, monkeypatch)
    assert found
    for example in found:
        options, *guarded = re.split(r"(?= -- )", example)  # what stands behind `--` is another program's
        assert main([*shlex.split(options)[1:], "--help", *shlex.split("".join(guarded))]) == 0, example


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Return a home with the starter configuration in it, whose job has run once."""
    stage = Stage(tmp_path_factory.mktemp("helps"))
    found = stage.scene("help", "starter")
    stage.close()
    return found


@pytest.mark.parametrize(
    "command", [words for words in helps() if words not in {("sample-server",), ("serve",)}], ids=" ".join
)
def test_the_first_example_works(
    command: tuple[str, ...], starter: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is carried out; it may find something (1) or skip (75), but is never misunderstood."""
    example = examples(command, capsys, monkeypatch)[0]
    job = starter.config.parent / "jobs.d" / "refresh-prices.toml"
    job.parent.mkdir(exist_ok=True)
    job.write_text(_JOB) if command != ("jobs", "add") else job.unlink(missing_ok=True)
    code, output = starter.run(example)
    assert code in {errors.EXIT_OK, errors.EXIT_FAILED, errors.EXIT_SKIPPED}, output


def test_the_sample_server_serves_until_ctrl_c(starter: Scene) -> None:
    """Its example serves until Ctrl-C, which is no error."""
    program = [str(starter.programs / "batchctl"), "sample-server"]
    with subprocess.Popen(program, env=starter.env, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("sample server at http://127.0.0.1:")
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0


def test_help_reads_anywhere(tmp_path: Path) -> None:
    """The list of commands is shown in the C locale on 80 columns, each command in it, no line longer."""
    environment = {"LC_ALL": "C", "COLUMNS": "80", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = batchctl("--help", env=environment)
    assert done.returncode == 0, done.stderr
    assert all(re.search(rf"\b{name}\b", done.stdout) for name in COMMANDS)
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("group", sorted({words[0] for words in helps() if len(words) > 1}))
def test_what_a_group_lists_is_whole(
    group: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What each of its commands does is said in a line that 80 columns do not cut off."""
    monkeypatch.setenv("COLUMNS", "80")
    assert main([group, "--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:")[2].splitlines()
    assert len(listed) > 1
    assert [line for line in listed if line.endswith("...")] == []
