"""`batchctl backup`: consistent beside a running batch, whole or noticed, and restored as the how-to says."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from history_rows import HOUR, Rows
from pages import read
from support import batchctl, rows, start_batchctl, wait_for

from batchctl.base import clock
from batchctl.store import backup

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = 'timezone = "Asia/Seoul"\n[jobs."키워드"]\nrun = "echo 수집; read line < gate"\ncwd = "{place}"\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home with a configuration, a job file and three runs, where batchctl looks without options."""
    for name in ("BATCHCTL_CONFIG", "BATCHCTL_STATE", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    config = tmp_path / ".config" / "batchctl"
    (config / "jobs.d").mkdir(parents=True)
    (config / "batchctl.toml").write_text(CONFIG.format(place=tmp_path), encoding="utf-8")
    (config / "jobs.d" / "other.toml").write_text('run = "true"\n', encoding="utf-8")
    (tmp_path / ".local" / "state").mkdir(parents=True)
    history = Rows(tmp_path / ".local" / "state" / "batchctl")
    (history.state / "history-began").touch()
    for back in (3, 2, 1):
        history.run("키워드", clock.now() - back * HOUR)
    return tmp_path


@pytest.fixture
def running(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the batch, which goes on until its gate is opened."""
    os.mkfifo(home / "gate")
    with start_batchctl("run", "키워드") as run:
        state = home / ".local" / "state" / "batchctl"
        wait_for(lambda: rows(state, "select 1 from attempts where pid is not null"), "the step to run")
        yield run
        if run.poll() is None:
            run.terminate()


def _json(*arguments: str) -> dict[str, Any]:
    done = batchctl("backup", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_beside_a_running_batch(home: Path, running: subprocess.Popen[str]) -> None:
    """A backup has the running run, its files are the operator's alone, and the batch ends as if nothing had been."""
    made = _json(str(home / "kept") + "/")
    assert (made["runs"], made["newest_run"]) == (4, 4)
    assert made["files"] == [
        "state/batchctl.db", "state/history-began", "config/batchctl.toml", "config/jobs.d/other.toml",
    ]  # fmt: skip
    assert os.stat(made["path"]).st_mode & 0o777 == 0o600
    assert _json("--verify", str(home / "kept"))["path"] == made["path"]
    with open(home / "gate", "w") as gate:
        gate.write("on\n")
    assert running.wait(60) == 0
    assert backup.last(str(home / ".local/state/batchctl"))[1] == made["path"]  # type: ignore[index]


def test_the_newest_stay(home: Path) -> None:
    """With --keep the newest backups of a directory stay, and nothing else in it goes."""
    kept = home / "kept"
    kept.mkdir()
    (kept / "batchctl-notes.txt").touch()
    made = [_json(str(kept), "--keep", "2")["path"] for _ in range(3)]
    assert sorted(os.listdir(kept)) == sorted([*map(os.path.basename, made[1:]), "batchctl-notes.txt"])
    assert batchctl("backup", str(kept), "--keep", "0").returncode == 2


def test_a_file_without_configuration(home: Path, tmp_path: Path) -> None:
    """A named file is replaced whole; where nothing is configured the history alone is in it."""
    (home / ".config/batchctl/batchctl.toml").unlink()
    target = str(tmp_path / "한 벌.tar")
    assert _json(target)["files"] == ["state/batchctl.db", "state/history-began"]
    assert _json(target)["bytes"] == os.stat(target).st_size
    with tarfile.open(target) as archive:
        assert [member.mode for member in archive] == [0o600] * 3


def test_before_the_first_run(home: Path) -> None:
    """Where no history was begun yet the configuration alone is kept: a crontab may be there before the first run."""
    shutil.rmtree(home / ".local" / "state" / "batchctl")
    made = _json(str(home / "kept.tar"))
    assert (made["runs"], made["newest_run"], made["files"]) == (
        0,
        None,
        ["config/batchctl.toml", "config/jobs.d/other.toml"],
    )
    assert _json("--verify", str(home / "kept.tar"))["files"] == made["files"]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    place = content.index(b"SQLite format 3") + 5000
    content[place] ^= 1
    path.write_bytes(content)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _other(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.add("/etc/hostname", "hostname")


def _gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [_cut, _flip, _empty, _other, _gone])
def test_damage_is_noticed(damage: Any, home: Path) -> None:
    """What was cut, changed, emptied, exchanged or removed is not called whole."""
    path = home / "kept.tar"
    _json(str(path))
    damage(path)
    done = batchctl("backup", "--verify", str(path))
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_history_is_not_copied(home: Path) -> None:
    """A history that is no database is 74, and the older backups stay as they are."""
    kept = home / "kept"
    made = _json(str(kept) + "/")["path"]
    (home / ".local/state/batchctl/batchctl.db").write_bytes(b"no database, whatever its name says" * 100)
    assert batchctl("backup", str(kept), "--keep", "1").returncode == 74
    assert os.listdir(kept) == [os.path.basename(made)]


def test_no_room(home: Path) -> None:
    """Where it cannot be written it says so, and leaves nothing behind."""
    (home / "file").touch()
    done = batchctl("backup", str(home / "file" / "kept.tar"))
    assert done.returncode == 1
    assert "backup to" in done.stderr
    assert os.listdir(home / ".local/state/batchctl") != []


@pytest.mark.slow
def test_killed_at_any_moment(home: Path) -> None:
    """A backup that is killed leaves the one before as it was, and the next is whole."""
    kept = str(home / "kept") + "/"
    _json(kept)
    for _ in range(5):
        with start_batchctl("backup", kept) as process:
            wait_for(lambda: process.poll() is not None or _scratch(home), "the backup to be at it")
            process.send_signal(signal.SIGKILL)
        assert batchctl("backup", "--verify", kept).returncode == 0
    assert _json(kept)["runs"] == 3


def _scratch(home: Path) -> bool:
    return any(name.startswith(".batchctl-") for name in os.listdir(home / "kept"))


def test_the_restore_of_the_how_to(home: Path, running: subprocess.Popen[str]) -> None:
    """The page's restore brings history, marker and configuration back; what was running then is found to be over."""
    page = read("docs/howto/restore.md")
    found = re.search(r"```sh\n(.*?) {4}```", page, re.DOTALL)
    assert found
    _json(str(home / "batchctl-backups") + "/")
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    with open(home / "gate", "w") as gate:
        gate.write("on\n")
    state = home / ".local" / "state" / "batchctl"
    (state / "batchctl.db").write_bytes(b"")
    assert batchctl("status").returncode == 74
    (home / ".config/batchctl/batchctl.toml").unlink()
    restored = subprocess.run(["sh", "-eu"], input=found[1], text=True, check=False, timeout=60, env=os.environ)
    assert restored.returncode == 0
    assert (state / "history-began").exists()
    assert sqlite3.connect(state / "batchctl.db").execute("select count(*) from runs").fetchone() == (4,)
    assert (home / ".config/batchctl/batchctl.toml").read_text("utf-8") == CONFIG.format(place=home)
    wait_for(lambda: batchctl("run", "other").returncode == 0, "a job to start again")
    with start_batchctl("run", "키워드", "--resume") as run:
        wait_for(lambda: rows(state, "select 1 from runs where status = 'lost'"), "the run of then to be over")
        with open(home / "gate", "w") as gate:
            gate.write("on\n")
        assert run.wait(60) == 0
