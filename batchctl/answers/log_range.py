"""A part of what one attempt wrote, as bytes: secrets are as many asterisks as they have bytes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.answers import masked
from batchctl.answers.logs import Logs
from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.core import model

if TYPE_CHECKING:
    from batchctl.answers.site import Site


class Part(Record):
    """Bytes from `offset` on, of `size` that there are now."""

    content: bytes
    offset: int
    size: int


class StepLog:
    """The log of one attempt of a step, the last one unless another is named."""

    def __init__(self, site: Site, run_id: int, step: str, attempt: int | None = None) -> None:
        """Find it.

        Raises:
            UsageError: if there is no such run, step or attempt.
            StateError: if the history cannot be trusted.
        """
        history = site.history()
        run = history.run(run_id)
        rows = [] if run is None else [row for row in history.attempts(run_id) if row.step == step]
        found = next((row for row in reversed(rows) if attempt in {None, row.attempt}), None)
        if run is None or found is None:
            message = f"there is no log of step {step!r} of run {run_id}"
            raise UsageError(message, remedy="the run's steps stand in its job's executions")
        self.run_id, self.attempt, self.job = run_id, found.attempt, run.job
        self.path = StateDir(site.state).at(found.log)
        self._secrets = masked.in_bytes(masked.secrets_of(site, run.job))
        self._step = step

    @property
    def overlap(self) -> int:
        """Bytes by which a secret can reach beyond a part of the log."""
        return masked.overlap_of(self._secrets)

    def size(self) -> int:
        """Return how many bytes there are; UsageError where retention has removed them."""
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError as error:
            message = f"the log of step {self._step!r} of run {self.run_id} is gone"
            raise UsageError(message, remedy="retention removes old ones; see keep_days") from error

    def part(self, offset: int, limit: int) -> Part:
        """Return at most `limit` bytes from `offset` on; a negative one counts from the end."""
        size = self.size()
        start = min(max(0, size + offset if offset < 0 else offset), size)
        end = min(start + limit, size)
        with open(self.path, "rb") as file:
            content = masked.read(file.fileno(), start, end, self._secrets)
        return Part(content=content, offset=start, size=size)

    def is_over(self, site: Site) -> bool:
        """Say whether nothing more can come: the run has ended, or this attempt has, and another one is under way."""
        history = site.history()
        row = history.run(self.run_id)
        if row is None or row.status != model.RUNNING:
            return True
        later = (each for each in history.attempts(self.run_id) if each.step == self._step)
        return any(each.attempt > self.attempt for each in later) or Logs(site, self.job, self.run_id).is_over()
