"""Trouble around batchctl has an exit code of its own: 74, and what to do about it; 70 is for faults of batchctl."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from history_rows import Rows
from support import rows as rows_of

from batchctl.base import clock
from batchctl.commands import boundary

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[jobs.ok]
schedule = "0 1 * * *"
run = "true"
[jobs.bad]
run = "exit 3"
"""


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Write the configuration and return the global options."""
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]


def shell(line: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `"$@"` is batchctl with these words."""
    return subprocess.run(
        ["bash", "-c", line, "bash", sys.executable, "-m", "batchctl", *words],
        capture_output=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files", "/x/y"), "Too many open files: /x/y\n  → raise the limit"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Cannot allocate memory\n  → run the same"),
        (MemoryError(), "out of memory"),
    ],
)
def test_what_the_system_refuses_is_no_fault_of_batchctl(
    error: Exception, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 74 with the system's words and a remedy."""
    assert boundary.report(error) == 74
    assert said in capfd.readouterr().err


@pytest.mark.parametrize(
    "words", ["status", "status --json", "report", "report --format csv", "run ok --dry-run", "--help", "jobs list"]
)
def test_output_that_nobody_can_take_is_said(options: list[str], words: str) -> None:
    """On a full disk a command that answers says so in one line, and exits 74."""
    done = shell('"$@" > /dev/full', *options, *words.split())
    assert (done.returncode, done.stderr.count("\n")) == (74, 2)
    assert "cannot write: No space left on device" in done.stderr


@pytest.mark.parametrize(("job", "code"), [("ok", 0), ("bad", 1)])
def test_a_run_keeps_its_code_where_its_object_cannot_be_written(options: list[str], job: str, code: int) -> None:
    """Who fires learns how the run ended, and on stderr that the output is lost."""
    done = shell('"$@" > /dev/full', *options, "run", job, "--json")
    assert done.returncode == code
    assert "cannot write: No space left on device" in done.stderr


@pytest.mark.parametrize("words", ["run ok", "run ok --json", "status", "check", "report"])
@pytest.mark.parametrize("limit", [6, 8, 9])  # one more or less than the history, the lock, the log and a pipe need
def test_with_hardly_a_descriptor_nothing_is_called_a_fault(
    options: list[str], tmp_path: Path, words: str, limit: int
) -> None:
    """Either it works, or it is 74 and says which limit to raise; no run stays `running`."""
    Rows(tmp_path / "state")
    done = shell(f'ulimit -n {limit}; exec "$@"', *options, *words.split())
    assert done.returncode in {0, 74}, done.stderr
    assert not done.returncode or "open" in done.stderr
    assert rows_of(tmp_path / "state", "select status from runs where status = 'running'") == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--state rel status", 74),
        ("--state rel run ok", 74),
        ("--config rel.toml status", 78),
        ("--config rel.toml run ok", 78),
        ("init --path rel.toml", 2),
        ("report --output rel.txt", 2),
    ],
)
def test_a_relative_path_from_a_deleted_directory_is_refused(
    options: list[str], tmp_path: Path, words: str, code: int
) -> None:
    """The message says what is wrong; nothing is made anywhere."""
    given = words.split()
    named = [] if given[0] in {"--state", "--config"} else options
    done = shell(f'mkdir {tmp_path}/gone && cd {tmp_path}/gone && rmdir {tmp_path}/gone; exec "$@"', *named, *given)
    assert done.returncode == code
    assert "the current directory has been deleted\n  → go to another directory" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["c.toml"]


@pytest.mark.parametrize(
    "words", ["report --format html", "report --format csv", "report", "report --json", "status ok"]
)
def test_a_number_beyond_every_float_is_shown(options: list[str], tmp_path: Path, words: str) -> None:
    """Steps may report whole numbers of 401 digits, twice."""
    rows = Rows(tmp_path / "state")
    for hours in (3, 2):
        run = rows.run("ok", clock.now() - 3600 * hours)
        rows.step(run, 1, "1", result={"n": 10**400 + hours, "저장": hours})
    done = shell('exec "$@"', *options, *words.split())
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if words == "report --json":
        assert json.loads(done.stdout)["runs"][0]["steps"][0]["result"]["n"] == 10**400 + 2
