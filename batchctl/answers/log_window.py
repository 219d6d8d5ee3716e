"""A stretch of what one attempt wrote, as the bytes that it wrote; secrets masked by as many asterisks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.answers import masked
from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.core import model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.site import Site
    from batchctl.core.time.zones import Zone
    from batchctl.store.history import AttemptRow, History, RunRow, StepRow

WINDOW = 64 * 1024
"""Bytes that are shown at once."""
_HELD_BACK = 4096
"""Bytes of an unfinished line that wait for its end while more is being written."""


class Window(Record):
    """Bytes [start, end) of the log of an attempt, whole lines where there are any; `size` is all there is."""

    run: RunRow
    step: StepRow
    steps: Sequence[StepRow]
    attempt: int | None
    """None where nothing of the step has been tried yet."""
    attempts: Sequence[int]
    start: int
    end: int
    size: int
    data: bytes
    is_live: bool
    """Whether the step still runs and may write more."""
    is_gone: bool
    """Whether its log was there once and is no longer."""
    zone: Zone
    at: float


def window(
    site: Site,
    run: int,
    step: str | None = None,
    *,
    attempt: int | None = None,
    since: int | None = None,
    until: int | None = None,
    most: int = WINDOW,
) -> Window:
    """Return the end of the log, or what comes after `since`, or what lies before `until` (bytes).

    Without a step it is the one that runs or that broke the run, else the last that wrote anything.

    Raises:
        UsageError: if there is no such run, step or attempt.
        StateError: if the history cannot be read.
    """
    from batchctl.base import clock

    history = site.history()
    row = history.run(run)
    if row is None:
        message = f"there is no run {run}"
        raise UsageError(message, remedy="`batchctl report` lists the runs")
    steps = history.steps([run]).get(run, [])
    chosen = _chosen(row, steps, step)
    tries = [each for each in history.attempts(run) if each.seq == chosen.seq]
    found = _attempt(tries, attempt, chosen)
    path = None if found is None else StateDir(site.state).at(found.log)
    is_live = row.status == model.RUNNING and chosen.status == model.RUNNING and found == (tries[-1] if tries else None)
    start, end, size, data = 0, 0, 0, b""
    if path is not None and os.path.exists(path):
        start, end, size, data = _read(
            path, masked.in_bytes(masked.secrets_of(site, row.job)), since, until, most, is_live=is_live
        )
    return Window(
        run=row,
        step=chosen,
        steps=steps,
        attempt=None if found is None else found.attempt,
        attempts=[each.attempt for each in tries],
        start=start,
        end=end,
        size=size,
        data=data,
        is_live=is_live,
        is_gone=path is not None and not os.path.exists(path),
        zone=site.config.zone,
        at=clock.now(),
    )


def newest_run(site: Site, job: str) -> int:
    """Return the newest run of a job; UsageError where it has never run."""
    history: History = site.history()
    found = history.newest_run(job)
    if found is None:
        message = f"{site.job(job).name} has never run"
        raise UsageError(message, remedy=f"`batchctl explain {job}` says when it could start")
    return found.id


def _chosen(run: RunRow, steps: Sequence[StepRow], step: str | None) -> StepRow:
    if step is None:
        order = (model.RUNNING, *model.UNFINISHED)
        found = next((each for status in order for each in steps if each.status == status), None)
        tried = [each for each in steps if each.attempts]
        chosen = found or (tried[-1] if tried else next(iter(steps), None))
    else:
        chosen = next((each for each in steps if each.id == step), None)
    if chosen is None:
        message = (
            f"run {run.id} of {run.job} has no step {step!r}" if step else f"run {run.id} of {run.job} has no steps"
        )
        raise UsageError(message, remedy=f"its steps: {', '.join(each.id for each in steps) or 'none'}")
    return chosen


def _attempt(tries: Sequence[AttemptRow], wanted: int | None, step: StepRow) -> AttemptRow | None:
    if wanted is None:
        return tries[-1] if tries else None
    found = next((each for each in tries if each.attempt == wanted), None)
    if found is None:
        message = f"step {step.id} of run {step.run_id} has no attempt {wanted}"
        raise UsageError(message, remedy=f"its attempts: {', '.join(str(each.attempt) for each in tries) or 'none'}")
    return found


def _read(
    path: str, secrets: Sequence[bytes], since: int | None, until: int | None, most: int, *, is_live: bool
) -> tuple[int, int, int, bytes]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        end = size if until is None else max(0, min(until, size))
        start = max(0, end - most)
        if since is not None:
            start = max(0, min(since, size))
            end = min(size, start + most)
        data = masked.read(descriptor, start, end, secrets)
    finally:
        os.close(descriptor)
    if since is None and start > 0 and (cut := data.find(b"\n") + 1):
        start, data = start + cut, data[cut:]
    whole = data.rfind(b"\n") + 1
    if end < size or (is_live and len(data) - whole < _HELD_BACK):
        if whole:
            end, data = start + whole, data[:whole]
        elif is_live and end == size:
            end, data = start, b""
    return start, end, size, data
