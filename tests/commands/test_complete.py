"""Completion: what shells propose for jobs, runs, steps, groups and presets, asked through the real shells."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helps import found as command_of
from helps import helps
from history_rows import Rows
from support import open_terminal

from batchctl.base import clock
from batchctl.commands.complete import ARGUMENTS, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

CONFIG = """
[jobs."일괄-작업"]
description = "it's `quoted`: $HOME \\"x\\""
steps = [{ id = "31", group = "검색", run = "true" }, { id = "61", group = "upload", run = "true" }]
[jobs.nightly]
run = "true"
[jobs.nightly-two]
run = "true"
"""
BIN = Path(sys.executable).parent


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a configuration and two runs in which `batchctl` is the one under test."""
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    rows = Rows(tmp_path / "state")
    rows.run("nightly", clock.now() - 200)
    rows.run("일괄-작업", clock.now() - 100, status="failed")
    rows.run("gone", clock.now() - 50)
    if not (BIN / "batchctl").exists():
        pytest.skip("batchctl is not installed beside this Python")
    return {
        **os.environ,
        "BATCHCTL_CONFIG": str(tmp_path / "c.toml"),
        "BATCHCTL_STATE": str(tmp_path / "state"),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "PS1": "> ",
    }


CASES = pytest.mark.parametrize(
    ("line", "proposed"),
    [
        ("batchctl run ", ["nightly", "nightly-two", "일괄-작업"]),
        ("batchctl run nightly-", ["nightly-two"]),
        ("batchctl logs 일", ["일괄-작업"]),
        ("batchctl report ", ["gone", "nightly", "nightly-two", "일괄-작업"]),  # the history knows one more
        ("batchctl logs 일괄-작업 --step ", ["31", "61"]),
        ("batchctl logs nightly --run ", ["1"]),
        ("batchctl logs --run ", ["1", "2", "3"]),
        ("batchctl run 일괄-작업 --only ", ["31", "61", "upload", "검색"]),
        ("batchctl run 일괄-작업 --force --from 3", ["31"]),
        ("batchctl jobs show n", ["nightly", "nightly-two"]),
        ("batchctl jobs presets tables-", ["tables-cleanup", "tables-daily", "tables-monthly"]),
        ("batchctl jobs add x --preset daily-b", ["daily-batch"]),
        ("batchctl jobs list --kind c", ["collection"]),
        ("batchctl sim", ["simulate"]),  # from here on Typer answers
        ("batchctl report --mon", ["--monthly"]),
        ("batchctl report --format m", ["md"]),
    ],
)


@CASES
def test_bash_is_told_what_may_stand(environment: dict[str, str], line: str, proposed: list[str]) -> None:
    """The function that `--show-completion` prints fills COMPREPLY."""
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    script = f"""eval "$(batchctl --show-completion bash)"
COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}
_batchctl_completion batchctl
printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "--norc", "-c", script], env=environment, capture_output=True, check=False)
    assert sorted(done.stdout.decode().split()) == sorted(proposed), done.stderr.decode()


@CASES
def test_fish_is_told_what_may_stand(environment: dict[str, str], line: str, proposed: list[str]) -> None:
    """`complete -C` is what fish itself asks at a press of Tab."""
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed (tests/ensure_packages.sh installs it where it can)")
    script = f'batchctl --show-completion fish | source; complete -C "{line}"'
    done = subprocess.run(["fish", "-N", "-c", script], env=environment, capture_output=True, check=False, timeout=60)
    shown = [row.partition("\t")[0] for row in done.stdout.decode().splitlines()]
    assert sorted(shown) == sorted(proposed), done.stderr.decode()


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("batchctl run 일", "batchctl run 일괄-작업"),
        ("batchctl jobs add x --preset daily-b", "batchctl jobs add x --preset daily-batch"),
        ("batchctl logs 일괄-작업 --run ", "batchctl logs 일괄-작업 --run 2"),
        ("batchctl simu", "batchctl simulate"),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_press_of_tab_completes_the_line(environment: dict[str, str], shell: str, line: str, becomes: str) -> None:
    """In the shell at a terminal, as somebody types it."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed (tests/ensure_packages.sh installs it where it can)")
    start = "autoload -U compinit; compinit -u -D; PS1='> '; " if shell == "zsh" else ""
    options = ["-f", "-i"] if shell == "zsh" else ["--norc", "--noprofile", "-i"]
    master, slave = open_terminal()
    with open(master, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(
            [shell, *options], env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        try:
            terminal.write(f'{start}eval "$(batchctl --show-completion {shell})"; printf "rea%s\\n" dy\n'.encode())
            _read_until(terminal, "ready\r\n")
            terminal.write(f"{line}\t".encode())
            seen = _read_until(terminal, becomes)
            assert becomes in seen
        finally:
            process.kill()
            process.wait()


def _read_until(terminal: FileIO, wanted: str) -> str:
    end, seen = time.monotonic() + 30.0, b""
    while wanted not in seen.decode(errors="replace") and time.monotonic() < end:
        if select.select([terminal], [], [], 1.0)[0]:
            seen += os.read(terminal.fileno(), 4096)
    return seen.decode(errors="replace")


@pytest.mark.parametrize("trouble", ["config", "state"])
def test_what_cannot_be_read_proposes_nothing_and_says_nothing(
    environment: dict[str, str], tmp_path: Path, trouble: str
) -> None:
    """Nobody can read a message in the middle of a line."""
    if trouble == "config":
        (tmp_path / "c.toml").write_text("no TOML", encoding="utf-8")
    else:
        (tmp_path / "state/batchctl.db").write_bytes(b"garbage" * 100)
    asked = {**environment, "_BATCHCTL_COMPLETE": "complete_bash", "COMP_WORDS": "batchctl\nlogs\n", "COMP_CWORD": "2"}
    done = subprocess.run([BIN / "batchctl"], env=asked, capture_output=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (b"", b"")


def _parameters() -> Iterator[tuple[str, str, str]]:
    """Yield command, kind and name of every parameter of the app."""
    for words in helps():
        for parameter in command_of(words).params:
            yield " ".join(words), parameter.param_type_name, parameter.opts[0]


def test_every_argument_that_names_a_job_is_completed() -> None:
    """And nothing is completed that no command has."""
    found = list(_parameters())
    named = {
        command for command, kind, name in found if kind == "argument" and name in {"job", "jobs", "names", "name"}
    }
    assert named - {"jobs add"} == set(ARGUMENTS) - {"events"} | (named & {"events"})
    assert set(OPTIONS) <= {(command, name) for command, kind, name in found if kind == "option"}


def test_a_proposal_imports_neither_typer_nor_toml(environment: dict[str, str], tmp_path: Path) -> None:
    """It is asked at each press of a key."""
    subprocess.run([BIN / "batchctl", "run", "nightly"], env=environment, check=True)
    assert list((tmp_path / "state").glob("config-*.bin"))
    asked = {**environment, "_BATCHCTL_COMPLETE": "complete_bash", "COMP_WORDS": "batchctl\nrun\n", "COMP_CWORD": "2"}
    line = [sys.executable, "-X", "importtime", "-m", "batchctl"]
    done = subprocess.run(line, env=asked, capture_output=True, text=True, check=True)
    loaded = {row.rpartition("|")[2].strip() for row in done.stderr.splitlines()}
    assert "nightly-two" in done.stdout
    assert sorted(loaded & {"typer", "tomllib", "msgspec", "sqlite3", "json"}) == []
