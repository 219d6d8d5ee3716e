"""The per-job file lock; the only user of filelock on the path that cron takes.

The lock is an flock on a descriptor that every step inherits, so it stays held while any process of the run lives, even
after kill -9 of batchctl. Leaving only ever closes the descriptor: unlocking would take the lock from the steps as well,
and unlinking the file would let a second fire lock a new one of the same name.
"""

from __future__ import annotations

import os
import stat

from batchctl.errors import StateError

# Bytes: under a legacy locale the same Hangul name must not become another file.
_LONGEST = 180


def lock_path(state_dir: str, job: str) -> bytes:
    """Return the path of a job's lock file; long names are cut and told apart by a checksum (NAME_MAX is 255 bytes)."""
    name = job.encode()
    if len(name) > _LONGEST:
        import zlib

        name = name[:_LONGEST] + b"~%08x" % zlib.crc32(name)
    return os.path.join(os.fsencode(state_dir), b"locks", name + b".lock")


def acquire(state_dir: str, job: str) -> int | None:
    """Take the job's lock without waiting; return its descriptor, or None where another process holds it.

    Raises:
        StateError: if the lock file is unusable: a symbolic link, not a regular file, somebody else's, not creatable.
    """
    path = lock_path(state_dir, job)
    shown = os.fsdecode(path)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        # O_NONBLOCK: opening a FIFO put in the lock's place must not hang.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    except OSError as error:
        message = f"lock file {shown}: {error.strerror}"
        raise StateError(
            message, remedy="remove it if no batch of this job is running; it must be a plain file"
        ) from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        os.close(descriptor)
        message = f"lock file {shown} is not a plain file of yours with mode 0600"
        raise StateError(message, remedy="remove it if no batch of this job is running")
    from filelock import lock_descriptor

    try:
        if lock_descriptor(descriptor, blocking=False):
            return descriptor
    except OSError as error:
        os.close(descriptor)
        message = f"lock file {shown}: {error.strerror}"
        raise StateError(message, remedy="put the state directory on a file system with flock, with --state") from error
    os.close(descriptor)
    return None


def is_held(state_dir: str, job: str) -> bool:
    """Say whether any process holds the job's lock, without touching it.

    Trying the lock, even for a microsecond, could make a fire that is starting at that moment skip a whole day's batch; the
    kernel's own table (proc(5), /proc/locks) can be read without that risk.
    """
    try:
        inode = os.stat(lock_path(state_dir, job), follow_symlinks=False).st_ino
        with open("/proc/locks", encoding="ascii") as table:
            # "1: FLOCK  ADVISORY  WRITE 4242 00:2f:1234567 0 EOF"; the device of stat() differs from it on overlays.
            return any(line.split()[1] == "FLOCK" and line.split()[5].endswith(f":{inode}") for line in table)
    except OSError:
        return False
