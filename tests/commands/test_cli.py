"""The app: what it lists, and what a command may load before it answers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import batchctl, wait_for

from batchctl.commands.cli import COMMANDS, SUMMARIES

if TYPE_CHECKING:
    from pathlib import Path

_HEAVY = {"apprise", "croniter", "jinja2", "msgspec", "pydantic", "sqlite_utils", "tomlkit", "tomllib"}


def test_every_command_is_listed_with_a_whole_sentence() -> None:
    """At 80 columns no line of the list is cut."""
    assert list(SUMMARIES) == list(COMMANDS)
    shown = batchctl("--help", env={**os.environ, "COLUMNS": "80"}).stdout
    assert [name for name, text in SUMMARIES.items() if f"{name:<15}{text}\n" not in shown] == []


def test_examples_keep_their_lines() -> None:
    """The examples of a command's help stand a line each, at whatever width."""
    shown = batchctl("status", "--help", env={**os.environ, "COLUMNS": "40"}).stdout
    assert "  Examples:\n  * `batchctl status`\n  * `batchctl status daily-batch`\n" in shown


@pytest.mark.parametrize("command", ["status", "explain", "simulate", "report", "logs"])
def test_a_question_loads_nothing_that_its_answer_does_not_need(command: str, tmp_path: Path) -> None:
    """Once a fire has compiled the configuration, looking reads no TOML and imports none of the large libraries."""
    config, state = tmp_path / "batchctl.toml", tmp_path / "state"
    config.write_text('[jobs.x]\nschedule = "0 1 * * *"\nrun = "true"\n')
    where = ["--config", str(config), "--state", str(state)]
    wait_for(
        lambda: batchctl(*where, "run", "x").returncode == 0 and list(state.glob("config-*.bin")),
        "the compiled configuration",
    )
    line = [sys.executable, "-X", "importtime", "-m", "batchctl", *where, command, "x"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    loaded = {row.rpartition("|")[2].strip().partition(".")[0] for row in done.stderr.splitlines()}
    assert "typer" in loaded
    assert sorted(loaded & _HEAVY) == []
