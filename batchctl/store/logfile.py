"""Reading what steps wrote: from the end where only the end is wanted, and never more in memory than a block.

A log that grew past its cap has lost its middle to a hole in the file (lseek(2), SEEK_HOLE); readers are told how much.
"""

from __future__ import annotations

import errno
import os
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 16


class Log:
    """The output of one attempt, read onwards from where the last read stopped."""

    def __init__(self, path: str) -> None:
        """Keep the path; the file may not exist yet."""
        self.path = path
        self.position = 0
        """Bytes of the file that have been read."""
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""

    def seek_last_lines(self, wanted: int) -> int:
        """Place the reader before the last `wanted` lines, or all there are, and return how many that is."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return 0
        try:
            self.position, found = _last_lines(file, wanted)
        finally:
            os.close(file)
        return found

    def read(self) -> Iterator[str | int]:
        """Yield what is there beyond the last read: pieces of text, and for a cut the number of bytes lost.

        Bytes that are no UTF-8 become U+FFFD; a character or line end that is still incomplete waits for the next read.
        """
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            size = os.fstat(file).st_size
            for start, end in _data(file, self.position, size):
                if start > self.position:
                    yield start - self.position
                yield from self._text(file, start, end)
                self.position = end
        finally:
            os.close(file)

    def rest(self) -> str:
        """Return what an incomplete end of the log has left waiting."""
        return self._held + self._decoder.decode(b"", final=True)

    def _text(self, file: int, start: int, end: int) -> Iterator[str]:
        while start < end:
            block = os.pread(file, min(_BLOCK, end - start), start)
            if not block:
                return
            start += len(block)
            text = self._held + self._decoder.decode(block)
            # CR LF is one line end even where two reads part it.
            self._held = "\r" if text.endswith("\r") else ""
            if text := text.removesuffix(self._held):
                yield text


def _last_lines(file: int, wanted: int) -> tuple[int, int]:
    """Return the offset before the last lines, and how many they are."""
    size = os.fstat(file).st_size
    if not size or wanted <= 0:
        return size, 0
    # The newline that ends the last line does not begin another one.
    found = 0 if os.pread(file, 1, size - 1) == b"\n" else 1
    for at in _newlines_backwards(file, size):
        if found == wanted:
            return at + 1, wanted
        found += 1
    return 0, found


def _newlines_backwards(file: int, size: int) -> Iterator[int]:
    for start, end in reversed(list(_data(file, 0, size))):
        for begin in reversed(range(start, end, _BLOCK)):
            block = os.pread(file, min(_BLOCK, end - begin), begin)
            at = len(block)
            while (at := block.rfind(b"\n", 0, at)) >= 0:
                yield begin + at


def _data(file: int, start: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of the file that hold data, from `start` on."""
    while start < size:
        try:
            begin = os.lseek(file, start, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return
        end = min(os.lseek(file, begin, os.SEEK_HOLE), size)
        yield begin, end
        start = end
