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


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("link", "Too many levels of symbolic links"),
        ("pipe", "is not a plain file of yours"),  # opening it must not hang either
        ("directory", "Is a directory"),
        ("group may write", "is not a plain file of yours"),
        ("others may write", "is not a plain file of yours"),
        ("another's", "is not a plain file of yours"),
        ("no directory", "File exists"),
    ],
)
def test_a_lock_that_cannot_be_trusted_starts_nothing(state: Path, path: str, trouble: str, says: str) -> None:
    """Whatever else stands in its place is refused with a remedy, and no descriptor of it stays open."""
    locks = os.path.dirname(path)
    if trouble == "no directory":
        (state / "locks").touch()
    else:
        os.mkdir(locks, 0o700)
    if trouble == "link":
        os.symlink(state / "elsewhere", path)
    elif trouble == "pipe":
        os.mkfifo(path, 0o600)
    elif trouble == "directory":
        os.mkdir(path)
    elif trouble != "no directory":
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        os.chmod(path, {"group may write": 0o620, "others may write": 0o602}.get(trouble, 0o600))
    if trouble == "another's":
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        os.chown(path, 65534, -1)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(StateError, match=says) as raised:
        lockfile.acquire(str(state), _NAME)
    assert "remove it if no batch of this job is running" in raised.value.remedy
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_others_may_look_at_a_lock(state: Path, path: str, mode: int) -> None:
    """What counts is that nobody else can write to it."""
    os.mkdir(os.path.dirname(path), 0o700)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    os.chmod(path, mode)
    lock = lockfile.acquire(str(state), _NAME)
    assert lock is not None
    os.close(lock)


def test_who_holds_it_is_told_by_the_kernel(state: Path, path: str) -> None:
    """Of that very file and that kind of lock: neither where a link leads, nor a record lock of fcntl(2)."""
    assert not lockfile.is_held(str(state), _NAME), "there is no lock file yet"
    lock = lockfile.acquire(str(state), _NAME)
    assert lock is not None
    os.rename(path, f"{path}.moved")
    assert not lockfile.is_held(str(state), _NAME)
    os.symlink(f"{path}.moved", path)
    assert not lockfile.is_held(str(state), _NAME)
    os.replace(f"{path}.moved", path)
    assert lockfile.is_held(str(state), _NAME)
    fcntl.flock(lock, fcntl.LOCK_UN)
    fcntl.lockf(lock, fcntl.LOCK_EX)
    assert not lockfile.is_held(str(state), _NAME)
    os.close(lock)
