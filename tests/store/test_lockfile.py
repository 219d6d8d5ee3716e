"""The lock of a job: who it excludes, what keeps it held, and when nothing may start because of it."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock, Timeout
from firing import fire
from support import job, rows

from batchctl.base.errors import StateError
from batchctl.base.state_dir import StateDir
from batchctl.store import lockfile

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "수집"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return an empty, private state directory."""
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    return place


@pytest.fixture
def path(state: Path) -> str:
    """Return the path of the job's lock file."""
    return os.fsdecode(StateDir(str(state)).lock(_NAME))


def shell_lock(path: str) -> int:
    """Try the lock with flock(1) and return its exit code, 1 where somebody holds it."""
    return subprocess.run(["flock", "-n", path, "true"], check=False).returncode


def test_it_is_exclusive_inherited_and_never_unlinked(state: Path) -> None:
    """A second taker gets nothing while a child of the first holds the descriptor, and the file stays the same one."""
    lock = lockfile.acquire(str(state), _NAME)
    assert lock is not None
    inode = os.fstat(lock).st_ino
    assert lockfile.acquire(str(state), _NAME) is None
    assert lockfile.is_held(str(state), _NAME)
    child = subprocess.Popen(["sleep", "60"], pass_fds=[lock])
    os.close(lock)
    assert lockfile.acquire(str(state), _NAME) is None
    child.kill()
    child.wait()
    again = lockfile.acquire(str(state), _NAME)
    assert again is not None
    assert os.fstat(again).st_ino == inode
    os.close(again)
    assert not lockfile.is_held(str(state), _NAME)


def test_long_names_have_locks_of_their_own(state: Path) -> None:
    """64 letters of four bytes exceed what a file name may have; two such names still do not share a lock."""
    one, other = "𠀀" * 63 + "a", "𠀀" * 63 + "b"
    first, second = lockfile.acquire(str(state), one), lockfile.acquire(str(state), other)
    assert first is not None
    assert second is not None
    os.close(first)
    os.close(second)


def test_filelock_and_flock_are_excluded_by_it(state: Path, path: str) -> None:
    """While a batch holds its lock, neither a Python program with filelock nor a shell line with flock(1) gets it."""
    lock = lockfile.acquire(str(state), _NAME)
    assert lock is not None
    with pytest.raises(Timeout):
        FileLock(path, timeout=0).acquire()
    assert shell_lock(path) == 1
    os.close(lock)
    with FileLock(path, timeout=0):
        pass
    assert shell_lock(path) == 0


@pytest.mark.parametrize("holder", ["filelock", "flock"])
def test_filelock_and_flock_exclude_a_fire(state: Path, path: str, holder: str) -> None:
    """While either holds the file, a fire skips as `locked` and writes no run; afterwards it starts."""
    os.mkdir(os.path.dirname(path), 0o700)
    what = job(name=_NAME)
    if holder == "filelock":
        with FileLock(path, timeout=0):
            skipped = fire(what, state)
    else:
        program = subprocess.Popen(["flock", "-n", path, "sh", "-c", "echo; read line"], stdin=-1, stdout=-1)
        assert program.stdout
        assert program.stdout.readline() == b"\n"
        skipped = fire(what, state)
        program.communicate(b"\n")
    assert (skipped["code"], skipped["reason"]) == (75, "locked")
    assert rows(state, "select count(*) from runs") == [(0,)]
    assert fire(what, state)["code"] == 0


@pytest.mark.parametrize(
    ("error", "held"),
    [
        (errno.EWOULDBLOCK, True),
        (errno.EACCES, True),  # how some network file systems say it
        (errno.ENOLCK, False),  # a network file system whose lock server is away
        (errno.EOPNOTSUPP, False),  # a file system without locks
    ],
)
def test_what_cannot_be_locked_is_not_taken_for_free(
    state: Path, monkeypatch: pytest.MonkeyPatch, error: int, held: bool
) -> None:
    """A lock that the kernel refuses for any other reason than a holder is no lock: nothing may start."""

    def refuse(_descriptor: int, _how: int) -> None:
        raise OSError(error, os.strerror(error))

    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(fcntl, "flock", refuse)
    if held:
        assert lockfile.acquire(str(state), _NAME) is None
    else:
        with pytest.raises(StateError, match=os.strerror(error)) as raised:
            lockfile.acquire(str(state), _NAME)
        assert "file system with flock" in raised.value.remedy
    assert os.listdir("/proc/self/fd") == before
