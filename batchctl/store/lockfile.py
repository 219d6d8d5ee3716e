"""The per-job file lock; the only user of filelock on the path that cron takes.

The lock is an flock on a descriptor that every step inherits, so it stays held while any process of the run lives,
even after kill -9 of batchctl. Leaving only ever closes the descriptor: unlocking would take the lock from the steps
as well, and unlinking the file would let a second fire lock a new one of the same name.
"""

from __future__ import annotations

import os
import stat

from batchctl.base.errors import StateError
from batchctl.base.state_dir import DIR_MODE, StateDir, open_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class Attempt:
    """An attempt to take the lock that is under way; ask `outcome` once."""

    def __init__(self, descriptor: int, helper: int, shown: str) -> None:
        """Keep the open lock file, the process that locks it, and the path for messages."""
        self._descriptor, self._helper, self._shown = descriptor, helper, shown

    def outcome(self) -> int | None:
        """Return the locked descriptor, or None where another process holds the lock.

        Raises:
            StateError: if the file cannot be locked at all.
        """
        _, status = os.waitpid(self._helper, 0)
        if status == 0:
            return self._descriptor
        os.close(self._descriptor)
        if os.waitstatus_to_exitcode(status) == _HELD:
            return None
        if os.WIFSIGNALED(status):
            message = (
                f"lock file {self._shown}: the process that was to lock it was killed by signal {os.WTERMSIG(status)}"
            )
            raise StateError(
                message, remedy="fire again; if it happens again, see `dmesg` for the out-of-memory killer"
            )
        message = f"lock file {self._shown} cannot be locked"
        raise StateError(message, remedy="put the state directory on a file system with flock, with --state")


def attempt(state_dir: str, job: str) -> Attempt:
    """Begin to take the job's lock without waiting for whoever may hold it.

    A forked child does it: an flock belongs to the open file, which parent and child share, so the parent holds what
    the child has locked. That keeps the import of filelock, 10 MiB, out of a process that will supervise for up to 30
    hours, and lets the caller do something useful meanwhile.

    Raises:
        StateError: if the lock file is unusable: a symbolic link, not a regular file, somebody else's, not creatable.
    """
    path = StateDir(state_dir).lock(job)
    shown = os.fsdecode(path)
    descriptor = _open(path, shown)
    _hear_of_children()
    helper = os.fork()
    if helper == 0:
        _lock_and_exit(descriptor)
    return Attempt(descriptor, helper, shown)


def acquire(state_dir: str, job: str) -> int | None:
    """Take the job's lock as `attempt` does, and return its outcome."""
    return attempt(state_dir, job).outcome()


def _hear_of_children() -> None:
    # Whoever started batchctl may have ignored SIGCHLD, which is inherited: the kernel then keeps no exit status.
    import signal

    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


_HELD = 1
_UNUSABLE = 2


def _lock_and_exit(descriptor: int) -> NoReturn:
    code = _UNUSABLE
    try:
        from filelock import lock_descriptor

        code = 0 if lock_descriptor(descriptor, blocking=False) else _HELD
    finally:
        # Nothing of the parent's may be torn down here: not its open database, not its buffered output.
        os._exit(code)


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
        with open("/proc/locks", encoding="ascii") as table:
            # "1: FLOCK  ADVISORY  WRITE 4242 00:2f:1234567 0 EOF"; the device of stat() differs from it on overlays.
            return any(line.split()[1] == "FLOCK" and line.split()[5].endswith(f":{inode}") for line in table)
    except OSError:
        return False
