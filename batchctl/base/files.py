"""Replacing files that others read: the old content or the new, never half of it, and never somebody else's change.

A new content goes to a temporary file that is synced and renamed, so that a reader, or a power cut, finds the old file
or the new one. While one batchctl changes a configuration it holds an flock on its directory; whoever else changed a
file since it was read (an editor, say) wins, and the command refuses.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.errors import BatchctlError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTHING = "nothing was written"
_LOCK_LIMIT = 10.0
_PARTS = re.compile(r"\.batchctl-[0-9a-f]{12}\.part")


@contextmanager
def alone(directory: str) -> Iterator[None]:
    """Be the only batchctl that changes files of this configuration; the kernel lets go of a dead one's lock.

    Raises:
        BatchctlError: if another one does not end within ten seconds.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        message = f"{directory}: {error.strerror}; {NOTHING}"
        raise BatchctlError(message, remedy="make the directory readable for you") from error
    try:
        end = clock.monotonic() + _LOCK_LIMIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.monotonic() > end:
                    message = f"another command has been changing {directory} for {_LOCK_LIMIT:.0f} s; {NOTHING}"
                    raise BatchctlError(message, remedy="wait for it to end, or end it, and try again") from None
                time.sleep(0.01)
        _sweep(directory)
        yield
    finally:
        os.close(descriptor)


def read(path: str) -> bytes:
    """Return what a file says; BatchctlError where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        message = f"{path}: {error.strerror}; {NOTHING}"
        raise BatchctlError(message, remedy="make it readable for you") from error


def make_directory(path: str) -> None:
    """Make a directory (0700) and those above it where missing; BatchctlError where that fails."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        message = f"{path}: {error.strerror}; {NOTHING}"
        raise BatchctlError(message, remedy="choose a place you can write to, with --config FILE") from error


def write_all(files: Mapping[str, bytes | None]) -> None:
    """Write files that are not there yet; all of them, or none.

    Raises:
        BatchctlError: if one is there by now, or cannot be written.
    """
    written: list[str] = []
    try:
        for path, content in files.items():
            replace_file(path, None, content)
            written.append(path)
    except BaseException:
        for path in written:
            with suppress(OSError):
                os.unlink(path)
        raise


def replace_file(path: str, old: bytes | None, new: bytes | None) -> None:
    """Put `new` (None: nothing) in the place of `old` (None: nothing); a symbolic link stays, its target changes.

    Raises:
        BatchctlError: if the file does not say `old` any more, or cannot be written; it is then as it was.
    """
    target = path if new is None else os.path.realpath(path)
    directory = os.path.dirname(target)
    part = f"{directory}/.batchctl-{os.urandom(6).hex()}.part"
    try:
        if (old is None and os.path.lexists(path)) or (old is not None and read(path) != old):
            message = f"{path} was changed by somebody else at this moment; {NOTHING}"
            raise BatchctlError(message, remedy="look at it, and run the command again")
        if new is None:
            os.unlink(target)
        else:
            _write_synced(part, new, like=target)
            os.replace(part, target)
    except OSError as error:
        with suppress(OSError):
            os.unlink(part)
        message = f"{error.filename or path}: {error.strerror}; {NOTHING}"
        raise BatchctlError(message, remedy="make room there, or make the directory writable for you") from error
    _sync_directory(directory)


def _sync_directory(directory: str) -> None:
    # The change is made; where a file system cannot sync a directory, only a power cut right now could undo it.
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_synced(part: str, content: bytes, *, like: str) -> None:
    """Write a new file with the owner and the mode of the one whose place it will take; 0600 where there is none."""
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as file:
        with suppress(FileNotFoundError):
            found = os.stat(like)
            if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, found.st_uid, found.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sweep(directory: str) -> None:
    """Remove what a killed command left: whoever writes here holds the lock, so no living one's is among it."""
    for place in (directory, f"{directory}/jobs.d"):
        with suppress(OSError):
            for name in filter(_PARTS.fullmatch, os.listdir(place)):
                os.unlink(f"{place}/{name}")
