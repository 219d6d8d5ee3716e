"""The last lines of a step's output, for whoever is told of a failure: harmless, and with every secret masked."""

from __future__ import annotations

import os

from batchctl.core.text.harmless import harmless
from batchctl.core.text.masking import mask

LINES = 20
_BYTES = 32 * 1024
_WIDEST = 400
"""Characters of a line that are shown: one line of a megabyte tells no more."""


def last_lines(path: str, secrets: tuple[str, ...] = (), *, lines: int = LINES) -> list[str]:
    """Return the last lines of a log; none where there is no log, or it cannot be read."""
    try:
        with open(path, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            start = _after_holes(file.fileno(), max(0, end - _BYTES), end)
            file.seek(start)
            content = file.read(end - start)
    except OSError:
        return []
    # Masked before it is taken apart: a secret may stretch over lines, or over the end of what is shown of one.
    text = mask(content.decode(errors="replace"), secrets)
    if start and secrets:
        # The cut may have gone through a secret, whose rest no longer looks like one.
        text = text[max(map(len, secrets)) :]
    return [harmless(line)[:_WIDEST] for line in text.splitlines()[-lines:]]


def _after_holes(file: int, start: int, end: int) -> int:
    """Return the place from which on there is no hole: a log that grew past its cap has lost its middle to one."""
    while start < end:
        hole = os.lseek(file, start, os.SEEK_HOLE)
        if hole >= end:
            return start
        start = os.lseek(file, hole, os.SEEK_DATA)
    return start
