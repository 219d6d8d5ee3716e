"""Keeping a log within its cap while it is being written: the head and the tail stay, the middle becomes a hole.

The step goes on writing into its own descriptor at the file's full speed; the hole costs it nothing and no byte that is
kept moves. Readers find the cut with SEEK_HOLE (lseek(2)).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BLOCK = 4096
_PIECE = 4 * 1024 * 1024
"""Bytes that are taken out at a time: the kernel lets nobody write to the file meanwhile."""
_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02
"""Flags of fallocate(2)."""


class Cap:
    """The cap of one log; call `apply` from time to time."""

    LOOK_EVERY = 0.5
    """Seconds between two looks; what a step writes in between is the most by which it can exceed its cap."""

    def __init__(self, path: str, limit: int) -> None:
        """Keep the path and the bytes that may stay on disk."""
        self._path = path
        # A quarter for how it began, the rest for how it ended: that is where the cause of an end stands.
        self._head = max(_BLOCK, limit // 4 // _BLOCK * _BLOCK)
        self._tail = max(_BLOCK, limit - self._head)
        self._cut_to = self._head

    def apply(self) -> None:
        """Take out what lies between head and tail by now; a file system without holes keeps it all."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            end = (os.fstat(descriptor).st_size - self._tail) // _BLOCK * _BLOCK
            while end > self._cut_to:
                piece = min(_PIECE, end - self._cut_to)
                _punch(descriptor, self._cut_to, piece)
                self._cut_to += piece
        except OSError:
            return  # the next look makes it good
        finally:
            os.close(descriptor)


_libc: Any = None


def _punch(descriptor: int, start: int, length: int) -> None:
    global _libc  # noqa: PLW0603 - loaded when the first log exceeds its cap, which most never do
    if _libc is None:
        import ctypes

        _libc = ctypes.CDLL(None, use_errno=True)
        _libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    _libc.fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, start, length)
