"""`batchctl logs`: the output of a run as text that no terminal obeys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.base.state_dir import StateDir
from batchctl.core.text.masking import Masker
from batchctl.present.text import harmless, one_line, symbols, write
from batchctl.store.logfile import Log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchctl.store.history import AttemptRow


class LogPrinter:
    """Prints the attempts of one run, and on every further call what has come since."""

    def __init__(self, state_dir: str, *, headers: bool, secrets: Sequence[str] = ()) -> None:
        """Begin before the first line; log paths are relative to the state directory, secrets do not show.

        A line with step and attempt goes before the output of another attempt, and with `headers` before the first too.
        """
        self._state_dir, self._headers = state_dir, headers
        self._secrets = secrets
        self._logs: dict[tuple[int, int], Log] = {}
        self._maskers: dict[tuple[int, int], Masker] = {}
        self._shown: tuple[int, int] | None = None
        self._at_line_start = True

    def skip_to_last_lines(self, attempts: Sequence[AttemptRow], wanted: int) -> list[AttemptRow]:
        """Place the reader before the last `wanted` lines of all attempts together; return those that hold them."""
        kept: list[AttemptRow] = []
        for attempt in reversed(attempts):
            found = self._log(attempt).seek_last_lines(wanted)
            if wanted > 0:
                kept.insert(0, attempt)
            wanted -= found
        return kept

    @property
    def gone(self) -> bool:
        """Whether there was something to read once: attempts, but none of their files."""
        return bool(self._logs) and not any(os.path.exists(log.path) for log in self._logs.values())

    def print_new(self, attempts: Sequence[AttemptRow]) -> bool:
        """Print what is new in these attempts; say whether there was anything."""
        before = self._read_so_far()
        write(self._new(attempts))
        return self._read_so_far() != before

    def _read_so_far(self) -> int:
        return sum(log.position for log in self._logs.values())

    def finish(self) -> None:
        """Print what incomplete ends of logs have left waiting, and end the line."""
        write(self._ends())

    def _ends(self) -> Iterator[str]:
        for key, log in self._logs.items():
            masker = self._maskers[key]
            if text := harmless(masker.feed(log.rest()) + masker.rest()):
                self._at_line_start = False
                yield text
        if not self._at_line_start:
            self._at_line_start = True
            yield "\n"

    def _new(self, attempts: Sequence[AttemptRow]) -> Iterator[str]:
        for attempt in attempts:
            for piece in self._log(attempt).read():
                key = (attempt.seq, attempt.attempt)
                if self._shown != key and (self._headers or self._shown is not None):
                    yield self._own_line(_header(attempt))
                self._shown = key
                yield from self._shown_of(key, piece)

    def _shown_of(self, key: tuple[int, int], piece: str | int) -> Iterator[str]:
        log, masker = self._logs[key], self._maskers[key]
        if isinstance(piece, int):
            if text := harmless(masker.rest()):
                self._at_line_start = text.endswith("\n")
                yield text
            yield self._own_line(f"[{symbols().ellipsis} {piece:,} bytes of the middle were cut]\n")
            return
        if log.left_out:
            yield self._own_line(f"[{symbols().ellipsis} {log.left_out:,} bytes before this are not shown]\n")
            log.left_out = 0
            # The place may be within a secret, the rest of which no longer looks like one.
            piece = masker.feed(piece)[max(map(len, self._secrets), default=0) :]
        else:
            piece = masker.feed(piece)
        if text := harmless(piece):
            self._at_line_start = text.endswith("\n")
            yield text

    def _own_line(self, line: str) -> str:
        start = "" if self._at_line_start else "\n"
        self._at_line_start = True
        return f"{start}{line}"

    def _log(self, attempt: AttemptRow) -> Log:
        key = (attempt.seq, attempt.attempt)
        if key not in self._logs:
            self._logs[key] = Log(StateDir(self._state_dir).at(attempt.log))
            self._maskers[key] = Masker(self._secrets)
        return self._logs[key]


def _header(attempt: AttemptRow) -> str:
    signs = symbols()
    return f"{signs.line} step {one_line(attempt.step)} {signs.dot} attempt {attempt.attempt} {signs.line}\n"
