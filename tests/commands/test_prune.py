"""`batchctl prune` as operators and scripts see it."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from history_rows import DAY, HOUR, Rows, in_c_locale
from support import batchctl

from batchctl.base import clock
from batchctl.base.size import format_size
from batchctl.commands.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> tuple[str, ...]:
    """Return the options for a configuration with one Hangul job, and a history of six runs, three of them old."""
    config = tmp_path / "batchctl.toml"
    config.write_text('keep_days = 25\n[jobs."키워드-수집"]\nrun = "true"\n', encoding="utf-8")
    history = Rows(tmp_path / "state")
    for back in reversed(range(6)):
        run = history.run("키워드-수집", clock.now() - HOUR - back * 10 * DAY)
        history.log(run, 1, 1, os.urandom(8192))  # which no file system makes smaller
    history.skip("키워드-수집", clock.now() - 40 * DAY, count=7)
    return ("--config", str(config), "--state", str(tmp_path / "state"))


def test_json(site: tuple[str, ...], tmp_path: Path) -> None:
    """One object tells what went; with --dry-run the same, and nothing went."""
    looked = json.loads(batchctl(*site, "prune", "--dry-run", "--json").stdout)
    assert len(os.listdir(tmp_path / "state" / "runs")) == 6
    done = json.loads(batchctl(*site, "prune", "--json").stdout)
    assert sorted(os.listdir(tmp_path / "state" / "runs")) == ["4", "5", "6"]
    assert set(done) == {"dry_run", "jobs", "orphans", "alerts", "database", "not_removed"}
    assert (looked["dry_run"], done["dry_run"]) == (True, False)
    assert looked["jobs"] == done["jobs"]
    assert done["jobs"] == [{"job": "키워드-수집", "runs": 3, "skips": 7, "bytes": done["jobs"][0]["bytes"]}]
    assert done["jobs"][0]["bytes"] >= 3 * 8192
    assert done["orphans"] == {"runs": 0, "bytes": 0}
    assert set(done["database"]) == {"bytes_before", "bytes_after", "bytes_free"}


@pytest.mark.parametrize("columns", ["80", "200"])
def test_table(site: tuple[str, ...], columns: str) -> None:
    """A row for each job, and what the disk gains, whatever its blocks are; then nothing is left to do."""
    environment = {**os.environ, "COLUMNS": columns}
    gain = format_size(json.loads(batchctl(*site, "prune", "--dry-run", "--json").stdout)["jobs"][0]["bytes"])
    looked = batchctl(*site, "prune", "--dry-run", env=environment).stdout
    assert f"would go: 3 runs, {gain} of files" in looked
    done = batchctl(*site, "prune", env=environment)
    assert done.returncode == 0
    assert "키워드-수집" in done.stdout
    assert f"gone: 3 runs, {gain} of files" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= int(columns)
    assert "Nothing to prune" in batchctl(*site, "prune", env=environment).stdout


def test_c_locale(site: tuple[str, ...]) -> None:
    """In the C locale the job's name is still shown, and nothing fails."""
    done = batchctl(*site, "prune", env=in_c_locale())
    assert done.returncode == 0, done.stderr
    assert "gone: 3 runs" in done.stdout


def test_one_job(site: tuple[str, ...], tmp_path: Path) -> None:
    """JOB may be one that only the history knows; an unknown one is a usage error with a suggestion."""
    history = Rows(tmp_path / "other")
    for back in (50, 40, 0):
        history.run("예전-작업", clock.now() - HOUR - back * DAY)
    options = (*site[:2], "--state", str(tmp_path / "other"))
    assert json.loads(batchctl(*options, "prune", "예전-작업", "--json").stdout)["jobs"][0]["runs"] == 2
    wrong = batchctl(*site, "prune", "키워드-수", "--dry-run")
    assert wrong.returncode == 2
    assert "did you mean 키워드-수집?" in wrong.stderr


def test_what_will_not_go_is_told(
    site: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A directory that cannot be removed is named on stderr, and the exit code is 1; the others go."""
    real = shutil.rmtree

    def refuse(name: str, *, dir_fd: int) -> None:
        if name == "1":
            raise PermissionError(13, "Permission denied")
        real(name, dir_fd=dir_fd)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    assert main([*site, "prune"]) == 1
    assert f"not removed: {tmp_path}/state/runs/1: Permission denied" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path / "state" / "runs")) == ["1", "4", "5", "6"]


def test_untrusted_state(site: tuple[str, ...], tmp_path: Path) -> None:
    """A state directory that others may write to is refused with 74, and nothing goes."""
    (tmp_path / "state").chmod(0o777)
    done = batchctl(*site, "prune")
    assert done.returncode == 74
    assert "writable by others" in done.stderr
    assert len(os.listdir(tmp_path / "state" / "runs")) == 6
