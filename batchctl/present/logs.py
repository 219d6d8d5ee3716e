"""`batchctl logs`: the output of runs as text that no terminal obeys, or as the bytes that they are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from batchctl.core.text.screen import Screen
from batchctl.present.text import colourful, forgiving, on_terminal, one_line, symbols, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from batchctl.answers.logs import Piece


class LogPrinter:
    """Prints what attempts wrote, piece by piece."""

    def __init__(self, *, headers: bool, with_runs: bool = False) -> None:
        """Begin before the first line.

        A line with step and attempt goes before the output of another attempt, and with `headers` before the first too;
        `with_runs` says that it names job and run as well.
        """
        self._headers, self._with_runs = headers, with_runs
        self._shown: object = None
        self._at_line_start = True
        self._colours, self._live = colourful(), on_terminal()
        self._screen = Screen()

    def show(self, pieces: Iterable[Piece]) -> None:
        """Print pieces as they come."""
        write(self._text(pieces))

    def finish(self) -> None:
        """End the line."""
        write([self._rest(), self._own_line("")])

    def _text(self, pieces: Iterable[Piece]) -> Iterator[str]:
        for piece in pieces:
            which = (piece.run.id, piece.attempt)
            if self._shown != which:
                yield self._rest()
                self._screen = Screen(colours=self._colours, live=self._live)
                if self._headers or self._shown is not None:
                    yield self._own_line(self._header(piece))
            self._shown = which
            if piece.lost:
                yield self._rest()
                yield self._own_line(f"[{symbols().ellipsis} {piece.lost:,} bytes of the middle were cut]\n")
            if piece.left_out:
                yield self._rest()
                yield self._own_line(f"[{symbols().ellipsis} {piece.left_out:,} bytes before this are not shown]\n")
            yield self._noted(self._screen.feed(piece.text))

    def _rest(self) -> str:
        return self._noted(self._screen.rest())

    def _noted(self, text: str) -> str:
        if text:
            self._at_line_start = text.endswith("\n")
        return text

    def _own_line(self, line: str) -> str:
        start = "" if self._at_line_start else "\n"
        self._at_line_start = True
        return f"{start}{line}"

    def _header(self, piece: Piece) -> str:
        signs = symbols()
        of = f"{one_line(piece.run.job)} run {piece.run.id} {signs.dot} " if self._with_runs else ""
        step = f"step {one_line(piece.attempt.step)} {signs.dot} attempt {piece.attempt.attempt}"
        return f"{signs.line} {of}{step} {signs.line}\n"


def write_raw(pieces: Iterable[Piece]) -> None:
    """Write what was read as the bytes that it was; Latin-1 stands for them one to one."""
    forgiving()
    sys.stdout.flush()
    for piece in pieces:
        sys.stdout.buffer.write(piece.text.encode("latin-1", "replace"))
        sys.stdout.buffer.flush()
