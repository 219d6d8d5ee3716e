"""The per-job file lock: a plain flock(2), so filelock and flock(1) on the same file exclude it and are excluded by it.

Every step inherits the descriptor, so the lock stays held while any process of the run lives, even after kill -9 of
batchctl. Leaving only ever closes the descriptor: unlocking would take the lock from the steps as well, and unlinking
the file would let a second fire lock a new one of the same name.

It is one call, made here and not by filelock: that import costs three times Python's own start, for every start of a
job, and nothing waits here, which is what filelock is good at.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from _thread import _local  # all of threading would cost a fire a millisecond

from batchctl.base import clock
from batchctl.base.errors import StateError
from batchctl.base.state_dir import DIR_MODE, StateDir, open_private


def acquire(state_dir: str, job: str) -> int | None:
    """Take the job's lock and return its descriptor; None where another process holds it, which is not waited for.

    Raises:
        StateError: if the lock file is unusable: a symbolic link, not a regular file, somebody else's, not creatable,
            or on a file system without flock.
    """
    path = StateDir(state_dir).lock(job)
    descriptor = _open(path, os.fsdecode(path))
    try:
        _take(descriptor)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError | PermissionError):  # EACCES is how some network file systems say it
            return None
        message = f"lock file {os.fsdecode(path)}: {error.strerror}"
        raise StateError(message, remedy="put the state directory on a file system with flock, with --state") from error
    return descriptor


def _take(descriptor: int) -> None:
    end = clock.monotonic() + (0.0 if _table_is_whole() else _A_LOOK)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.monotonic() >= end:
                raise
            time.sleep(_A_LOOK / 20)
        else:
            return


def _open(path: bytes, shown: str) -> int:
    try:
        os.makedirs(os.path.dirname(path), mode=DIR_MODE, exist_ok=True)
        # O_NONBLOCK: opening a FIFO put in the lock's place must not hang.
        descriptor = open_private(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK)
    except OSError as error:
        message = f"lock file {shown}: {error.strerror}"
        remedy = "remove it if no batch of this job is running; it must be a plain file"
        raise StateError(message, remedy=remedy) from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        os.close(descriptor)
        message = f"lock file {shown} is not a plain file of yours with mode 0600"
        raise StateError(message, remedy="remove it if no batch of this job is running")
    return descriptor


def is_held(state_dir: str, job: str) -> bool:
    """Say whether any process holds the job's lock, without touching it where that can be helped.

    Trying the lock, even for a microsecond, could make a fire that is starting at that moment skip a whole day's batch;
    the kernel's own table (proc(5), /proc/locks) can be read without that risk. In a container the table leaves out
    what was taken by a process that has ended, or lives in another container. There it is tried, shared, so that those
    who look do not see each other, and a fire has the patience to outlast a look.
    """
    path = StateDir(state_dir).lock(job)
    try:
        inode = str(os.stat(path, follow_symlinks=False).st_ino)
        table: set[str] | None = getattr(_look, "table", None)
        # A lock that the look has seen may have been let go since; one that it has not seen came with a running row.
        if (table is None or inode in table) and inode in _flocks():
            return True
        return not _table_is_whole() and _is_refused(path)
    except OSError:
        return False


def _flocks() -> set[str]:
    """Return the inodes that the kernel's table says are locked.

    Alone, as the device of stat(2) differs from the table's on overlays.
    """
    with open("/proc/locks", encoding="utf-8") as table:
        # As in `1: FLOCK  ADVISORY  WRITE 4242 00:2f:1234567 0 EOF`.
        return {words[5].rpartition(":")[2] for words in map(str.split, table) if words[1] == "FLOCK"}


class OneLook:
    """For the length of a `with`, one reading of the kernel's table says for every job that it is free."""

    def __enter__(self) -> None:
        """Read it; where there is none, each job finds that out for itself."""
        try:
            _look.table = _flocks()
        except OSError:
            _look.table = None

    def __exit__(self, *_error: object) -> None:
        """Ask anew from now on."""
        _look.table = None


_look = _local()
_A_LOOK = 0.1
"""Seconds that a fire in a container outlasts: a look takes microseconds, but may be interrupted within them."""
_FIRST_NAMESPACE = 0xEFFFFFFC
"""What the kernel calls the namespace of pids that the host itself lives in (include/linux/proc_ns.h)."""


def _table_is_whole() -> bool:
    try:
        return os.stat("/proc/self/ns/pid").st_ino == _FIRST_NAMESPACE
    except OSError:
        return False


def _is_refused(path: bytes) -> bool:
    descriptor = open_private(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    finally:
        os.close(descriptor)
    return False


def holders(state_dir: str, job: str) -> list[int]:
    """Return the pids of the processes that can be seen to have the job's lock file open."""
    try:
        wanted = os.stat(StateDir(state_dir).lock(job), follow_symlinks=False)
    except OSError:
        return []
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _has_open(name, wanted)]


def _has_open(pid: str, wanted: os.stat_result) -> bool:
    try:
        with os.scandir(f"/proc/{pid}/fd") as descriptors:
            return any(os.path.samestat(descriptor.stat(), wanted) for descriptor in descriptors)
    except OSError:
        return False  # it has ended, or is another user's
