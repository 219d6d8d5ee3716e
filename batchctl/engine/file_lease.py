"""The lease of one host: the job's lock file, held by this fire and by every step that inherits it."""

from __future__ import annotations

import os

from batchctl.store import lockfile


class FileHold:
    """A locked lock file."""

    fence = None

    def __init__(self, descriptor: int) -> None:
        """Keep the descriptor that holds it."""
        self.descriptors: tuple[int, ...] = (descriptor,)
        self._what = _what(descriptor)

    def close(self) -> None:
        """Close it, and no more: to unlock would unlock for the steps too. Once it is closed, this does nothing."""
        for descriptor in self.descriptors:
            if _what(descriptor) == self._what:  # else a guarded program closed all, and the number is somebody else's
                os.close(descriptor)
        self.descriptors = ()


class FileLease:
    """The lock files of a state directory."""

    def __init__(self, state_dir: str) -> None:
        """Keep where they lie."""
        self._state_dir = state_dir

    def take(self, job: str) -> FileHold | None:
        """Take a job's lock; None where another process holds it. StateError where the file is unusable."""
        descriptor = lockfile.acquire(self._state_dir, job)
        return None if descriptor is None else FileHold(descriptor)

    def is_held(self, job: str) -> bool:
        """Say whether any process holds the lock, by the kernel's own table."""
        return lockfile.is_held(self._state_dir, job)


def _what(descriptor: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino
