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
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError | PermissionError):  # EACCES is how some network file systems say it
            return None
        message = f"lock file {os.fsdecode(path)}: {error.strerror}"
        raise StateError(message, remedy="put the state directory on a file system with flock, with --state") from error
    return descriptor


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
    """Say whether any process holds the job's lock, without touching it.

    Trying the lock, even for a microsecond, could make a fire that is starting at that moment skip a whole day's batch;
    the kernel's own table (proc(5), /proc/locks) can be read without that risk.
    """
    try:
        inode = os.stat(StateDir(state_dir).lock(job), follow_symlinks=False).st_ino
        with open("/proc/locks", encoding="utf-8") as table:
            # "1: FLOCK  ADVISORY  WRITE 4242 00:2f:1234567 0 EOF"; the device of stat() differs from it on overlays.
            return any(line.split()[1] == "FLOCK" and line.split()[5].endswith(f":{inode}") for line in table)
    except OSError:
        return False
