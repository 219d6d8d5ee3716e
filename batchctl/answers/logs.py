"""What a run wrote, attempt by attempt, and what it writes while one looks on; secrets masked."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from batchctl.answers.masked import secrets_of
from batchctl.answers.site import unknown_job
from batchctl.base.errors import UsageError
from batchctl.base.state_dir import StateDir
from batchctl.core import model
from batchctl.core.guard import decide
from batchctl.core.text.masking import Masker
from batchctl.engine.fire import state_of
from batchctl.store.logfile import Log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchctl.answers.site import Site
    from batchctl.store.history import AttemptRow, History, RunRow, StepRow

_LOOK = 0.2
"""Seconds between two looks at a log that is being followed."""


class Piece(NamedTuple):
    """Some of what an attempt wrote, in the order in which it wrote it."""

    run: RunRow
    attempt: AttemptRow
    text: str
    lost: int = 0
    """Bytes before the text that the log has lost, for it had grown past its cap."""
    left_out: int = 0
    """Bytes before the text that were not looked at, since the line they belong to is too long."""


class Logs:
    """The output of one run, or of one of its steps, from where the last look at it stopped."""

    def __init__(
        self, site: Site, job: str, run_id: int | None = None, step: str | None = None, *, raw: bool = False
    ) -> None:
        """Find the run, without `run_id` the newest of the job; `raw` reads bytes, see `Log`.

        Raises:
            UsageError: if there is no such job, run or step, or no run yet.
            StateError: if the history cannot be read.
        """
        self._site, self._history, self._step = site, site.history(), step
        self.run = _run(site, self._history, job, run_id)
        steps = _steps(self._history, self.run, step)
        self._attempts: Sequence[AttemptRow] = self._known()
        self.several = len(steps) > 1 or len(self._attempts) > 1
        """Whether there is more than one attempt to tell apart."""
        self._raw = raw
        self._secrets = tuple(_bytewise(secret) if raw else secret for secret in secrets_of(site, self.run.job))
        self._open: dict[tuple[int, int], tuple[Log, Masker]] = {}

    @property
    def found(self) -> bool:
        """Whether anything was read so far."""
        return any(log.position for log, _ in self._open.values())

    @property
    def gone(self) -> bool:
        """Whether there was something to read once: attempts, but none of their files."""
        return bool(self._open) and not any(os.path.exists(log.path) for log, _ in self._open.values())

    def skip_to_last_lines(self, wanted: int) -> None:
        """Leave out all but the last `wanted` lines of all attempts together."""
        kept: list[AttemptRow] = []
        for attempt in reversed(self._attempts):
            found = self._log(attempt)[0].seek_last_lines(wanted)
            if wanted > 0:
                kept.insert(0, attempt)
            wanted -= found
        self._attempts = kept

    def new(self) -> Iterator[Piece]:
        """Yield what has come since the last look."""
        for attempt in self._attempts:
            log, masker = self._log(attempt)
            for piece in log.read():
                if isinstance(piece, int):
                    yield Piece(self.run, attempt, masker.rest())
                    yield Piece(self.run, attempt, "", lost=piece)
                elif log.left_out:
                    # The place may be within a secret, the rest of which no longer looks like one.
                    text = masker.feed(piece)[max(map(len, self._secrets), default=0) :]
                    yield Piece(self.run, attempt, text, left_out=log.left_out)
                    log.left_out = 0
                else:
                    yield Piece(self.run, attempt, masker.feed(piece))

    def looks(self) -> Iterator[Iterator[Piece]]:
        """Yield what is new, again and again until the run has ended and all of it was read; each is to be read out."""
        while True:
            # Asked before reading: what was written before the end is then read after it.
            ended, before = self.is_over(), self._position()
            self._attempts = self._known()
            yield self.new()
            if ended:
                return
            if self._position() == before:
                time.sleep(_LOOK)

    def rest(self) -> Iterator[Piece]:
        """Yield what incomplete ends of the logs have left waiting."""
        for attempt in self._known():
            key = (attempt.seq, attempt.attempt)
            if key in self._open:
                log, masker = self._open[key]
                if text := masker.feed(log.rest()) + masker.rest():
                    yield Piece(self.run, attempt, text)

    def _known(self) -> list[AttemptRow]:
        return [attempt for attempt in self._history.attempts(self.run.id) if self._step in {None, attempt.step}]

    def _log(self, attempt: AttemptRow) -> tuple[Log, Masker]:
        key = (attempt.seq, attempt.attempt)
        if key not in self._open:
            self._open[key] = Log(StateDir(self._site.state).at(attempt.log), raw=self._raw), Masker(self._secrets)
        return self._open[key]

    def _position(self) -> int:
        return sum(log.position for log, _ in self._open.values())

    def is_over(self) -> bool:
        """Say whether the run has ended, or its owner is gone."""
        row = self._history.run(self.run.id)
        if row is None or row.status != model.RUNNING:
            return True
        job = self._site.find(self.run.job)
        if job is None:
            return False
        running = state_of(job, self._site.state).running
        # A run whose owner is gone stays `running` until the next fire finds it.
        return running is None or running.run_id != self.run.id or decide.is_lost(running)


def _run(site: Site, history: History, job: str, run_id: int | None) -> RunRow:
    """Return the run that was asked for; a job that has left the configuration keeps its history."""
    if run_id is None:
        found = history.newest_run(job)
        if found is not None:
            return found
        if site.find(job) is None:
            raise unknown_job(job, list(site.config.jobs))
        message = f"{job} has never run"
        raise UsageError(message, remedy=f"`batchctl explain {job}` says when it could start")
    found = history.run(run_id)
    if found is None or found.job != job:
        of = "" if found is None else f"; it is a run of {found.job}"
        message = f"{job} has no run {run_id}{of}"
        raise UsageError(message, remedy=f"`batchctl report {job}` lists its runs")
    return found


def _steps(history: History, run: RunRow, step: str | None) -> list[StepRow]:
    """Return the steps of the run that were asked for."""
    steps = history.steps([run.id]).get(run.id, [])
    chosen = [row for row in steps if step in {None, row.id}]
    if step is not None and not chosen:
        message = f"run {run.id} of {run.job} has no step {step!r}"
        raise UsageError(message, remedy=f"its steps: {', '.join(row.id for row in steps) or 'none'}")
    return chosen


def _bytewise(text: str) -> str:
    """Return the characters whose numbers are the bytes of a text, as a log is read that stays raw."""
    return text.encode(errors="surrogateescape").decode("latin-1")
