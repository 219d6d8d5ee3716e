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
_WIDEST = 1 << 16
"""Bytes a line has at most where the last lines are looked for; 1 GiB without a newline is nobody's last line."""
_LEAST = 1 << 20


class Log:
    """The output of one attempt, read onwards from where the last read stopped."""

    def __init__(self, path: str, *, raw: bool = False) -> None:
        """Keep the path; the file may not exist yet. With `raw` each byte is read as the character of its number."""
        self.path = path
        self.position = 0
        """Bytes of the file that have been read."""
        self._raw = raw
        self._decoder = getincrementaldecoder("latin-1" if raw else "utf-8")(errors="replace")
        self._held = ""
        self.left_out = 0
        """Bytes before where the reader was placed, where that is within a line that is too long to be shown whole."""

    def seek_last_lines(self, wanted: int) -> int:
        """Place the reader before the last `wanted` lines, or all there are, and return how many that is."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0
        try:
            self.position, found, whole = _last_lines(file, wanted)
            self.left_out = 0 if whole else self.position
        finally:
            os.close(file)
        return found

    def read(self) -> Iterator[str | int]:
        """Yield what is there beyond the last read: pieces of text, and for a cut the number of bytes lost.

        Bytes that are no UTF-8 become U+FFFD; a character or line end that is still incomplete waits for the next read.
        """
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
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
            self._held = "\r" if text.endswith("\r") and not self._raw else ""
            if text := text.removesuffix(self._held):
                yield text


def _last_lines(file: int, wanted: int) -> tuple[int, int, bool]:
    """Return the offset before the last lines, how many they are, and whether the first of them is whole."""
    size = os.fstat(file).st_size
    if not size or wanted <= 0:
        return size, 0, True
    # The newline that ends the last line does not begin another one.
    found = 0 if os.pread(file, 1, size - 1) == b"\n" else 1
    left = max(_LEAST, wanted * _WIDEST)
    for begin, block in _blocks_backwards(file, size):
        at = len(block)
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            if found == wanted:
                return begin + at + 1, wanted, True
            found += 1
        left -= len(block)
        if left <= 0 and begin > 0:
            return begin + _within_character(block), found, False
    return 0, found, True


def _within_character(block: bytes) -> int:
    """Return how many bytes at the beginning belong to a character that began before (UTF-8, at most three)."""
    return next((place for place in range(min(4, len(block))) if block[place] & 0xC0 != 0x80), 0)  # noqa: PLR2004 - bits


def _blocks_backwards(file: int, size: int) -> Iterator[tuple[int, bytes]]:
    for start, end in reversed(list(_data(file, 0, size))):
        for begin in reversed(range(start, end, _BLOCK)):
            yield begin, os.pread(file, min(_BLOCK, end - begin), begin)


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
