"""`batchctl logs`: the output of a run as text that no terminal obeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.present.text import harmless, one_line, symbols, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from batchctl.answers.logs import Piece
    from batchctl.store.history import AttemptRow


class LogPrinter:
    """Prints what attempts wrote, piece by piece."""

    def __init__(self, *, headers: bool) -> None:
        """Begin before the first line.

        A line with step and attempt goes before the output of another attempt, and with `headers` before the first too.
        """
        self._headers = headers
        self._shown: AttemptRow | None = None
        self._at_line_start = True

    def show(self, pieces: Iterable[Piece]) -> None:
        """Print pieces as they come."""
        write(self._text(pieces))

    def finish(self) -> None:
        """End the line."""
        write([self._own_line("")])

    def _text(self, pieces: Iterable[Piece]) -> Iterator[str]:
        for piece in pieces:
            if self._shown != piece.attempt and (self._headers or self._shown is not None):
                yield self._own_line(_header(piece.attempt))
            self._shown = piece.attempt
            if piece.lost:
                yield self._own_line(f"[{symbols().ellipsis} {piece.lost:,} bytes of the middle were cut]\n")
            if piece.left_out:
                yield self._own_line(f"[{symbols().ellipsis} {piece.left_out:,} bytes before this are not shown]\n")
            if text := harmless(piece.text):
                self._at_line_start = text.endswith("\n")
                yield text

    def _own_line(self, line: str) -> str:
        start = "" if self._at_line_start else "\n"
        self._at_line_start = True
        return f"{start}{line}"


def _header(attempt: AttemptRow) -> str:
    signs = symbols()
    return f"{signs.line} step {one_line(attempt.step)} {signs.dot} attempt {attempt.attempt} {signs.line}\n"
