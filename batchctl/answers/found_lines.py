"""Lines of the output of several runs: of a job or of all, since a time, with what was looked for in them."""

from __future__ import annotations

import re
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from batchctl.answers import given
from batchctl.answers.logs import Logs, Piece
from batchctl.base import clock
from batchctl.base.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from batchctl.answers.site import Site

_DAY = 86400.0
_LONGEST = 1 << 16
"""Characters of a line that are kept together."""
_STYLE = re.compile("\x1b\\[[0-9;:]*m")


class FoundLines:
    """The lines of several runs, oldest first."""

    def __init__(
        self,
        site: Site,
        job: str | None = None,
        *,
        run_id: int | None = None,
        step: str | None = None,
        grep: str | None = None,
        since: str | None = None,
    ) -> None:
        """Keep what is looked for: of one run, or of all runs that were under way since then (24 hours).

        Raises:
            UsageError: if there is no such job or run, or `grep` is no regular expression, or `since` no time.
            StateError: if the history cannot be read.
        """
        self._site, self._step = site, step
        self._pattern = None if grep is None else _pattern(grep)
        self.unseen: list[str] = []
        """Why the output of some runs was not looked at."""
        now = clock.now()
        if since is None and job is not None:
            self._runs = [Logs(site, job, run_id).run]
            return
        start = now - _DAY if since is None else given.instant("--since", since, site.config.zone, now)
        history = site.history()
        if job is not None and job not in history.jobs():
            site.job(job)
        self._runs = [*history.runs(start, now + 1.0, job)][::-1]

    def pieces(self, last: int | None = None) -> Iterable[Piece]:
        """Return the lines, or the last few of them, each as a piece of its own."""
        found = (piece for run in self._runs for piece in self._of(run.job, run.id))
        return found if last is None else deque(found, maxlen=last)

    def _of(self, job: str, run_id: int) -> Iterator[Piece]:
        try:
            logs = Logs(self._site, job, run_id)
        except ConfigError as error:
            self.unseen.append(f"run {run_id} of {job} is not shown, for its secrets are not known: {error}")
            return
        open_line: Piece | None = None
        for piece in chain(logs.new(), logs.rest()):
            if open_line is not None and open_line.attempt != piece.attempt:
                yield from self._matching(open_line, open_line.text)
                open_line = None
            text = ("" if open_line is None else open_line.text) + piece.text
            *whole, rest = text.split("\n")
            for line in whole:
                yield from self._matching(piece, f"{line}\n")
            while len(rest) > _LONGEST:
                yield from self._matching(piece, rest[:_LONGEST])
                rest = rest[_LONGEST:]
            open_line = piece._replace(text=rest) if rest else None
        if open_line is not None:
            yield from self._matching(open_line, f"{open_line.text}\n")

    def _matching(self, piece: Piece, line: str) -> Iterator[Piece]:
        if self._step not in {None, piece.attempt.step}:
            return
        if self._pattern is None or self._pattern.search(_STYLE.sub("", line)):
            yield piece._replace(text=line, lost=0, left_out=0)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        message = f"--grep: {text!r} is no regular expression: {error}"
        raise UsageError(message, remedy="put a backslash before . * + ? ( ) [ ] that mean themselves") from error
