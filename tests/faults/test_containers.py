"""In a container, where the kernel's table of locks leaves out what an ended process took: all commands agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from firing import PROGRAMS

from batchctl.base.state_dir import StateDir
from batchctl.store import lockfile

_CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


@cache
def _no_container() -> str:
    try:
        done = subprocess.run([*_CONTAINER, "true"], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"unshare(1): {error.strerror}"
    return "" if done.returncode == 0 else f"no namespace of pids can be had: {done.stderr.strip()}"


def _contained(*command: str) -> str:
    if reason := _no_container():
        pytest.skip(reason)
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([*_CONTAINER, *command], capture_output=True, text=True, check=False, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _scene(place: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_contained(sys.executable, str(PROGRAMS / "contained.py"), str(place), name))
    return found


def _verdict(said: dict[str, Any]) -> tuple[bool, str | None]:
    return said["explain"]["verdict"] == "start", said["explain"]["reason"]


@pytest.mark.slow
def test_an_orphan_that_shows_only_by_the_lock(tmp_path: Path) -> None:
    """Looking says what a fire decides, and `stop` calls no run cancelled whose orphan lives: it names the orphan."""
    found = _scene(tmp_path, "orphaned")
    first, then = found["first"], found["then"]
    assert _verdict(first) == (False, "already_running")
    assert (first["run"]["reason"], first["run_code"]) == ("already_running", 75)
    assert first["status"]["jobs"][0]["state"] == "running"
    assert (first["stop_code"], found["lived"]) == (74, True)
    assert f"-p {found['orphan']}" in first["stop"]
    assert _verdict(then) == (True, None)
    assert then["run_code"] == 0


@pytest.mark.slow
def test_a_lock_whose_taker_has_ended(tmp_path: Path) -> None:
    """With nothing running, a held lock is seen by those who look as it is by the fire."""
    found = _scene(tmp_path, "locked")
    assert _verdict(found["first"]) == (False, "locked")
    assert (found["first"]["run"]["reason"], found["first"]["run_code"]) == ("locked", 75)
    assert _verdict(found["then"]) == (True, None)
    assert found["then"]["run_code"] == 0


def test_looking_makes_no_fire_skip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the lock itself has to be tried, a fire of that very moment outlasts the look."""
    state = str(tmp_path)
    monkeypatch.setattr(lockfile, "_table_is_whole", lambda: False)
    held = lockfile.acquire(state, "a")
    assert held is not None
    assert lockfile.is_held(state, "a")
    assert lockfile.holders(state, "a") == [os.getpid()]
    assert lockfile.acquire(state, "a") is None
    os.close(held)
    monkeypatch.setattr(lockfile, "_A_LOOK", 10.0)
    path = os.fsdecode(StateDir(state).lock("a"))
    looker = subprocess.Popen(["flock", "--shared", path, "sh", "-c", "echo; sleep 0.03"], stdout=subprocess.PIPE)
    assert looker.stdout
    assert looker.stdout.readline() == b"\n"
    taken = lockfile.acquire(state, "a")
    looker.communicate()
    assert taken is not None
    os.close(taken)
