"""Which runs of a job its retention lets go, and from when on its skips are kept.

A run goes when it is older than `keep_days`, or beyond the newest `keep_runs`, or when the files of the job from the
newest run down to it exceed `keep_bytes`. What the next fires still ask the history for stays, whatever its age: a
running run, the job's last run and the last that has ended (the gap, `every` and `--resume` count from them), its last
success, and every run that a kept one resumes.
"""

from __future__ import annotations

from batchctl.base.record import Record
from batchctl.core.model import RUNNING, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from batchctl.core.model import Retention

DAY = 86400.0


class Past:
    """What retention needs to know of a run; no record, because there may be a million of them."""

    __slots__ = ("ended_at", "id", "resumed_from", "started_at", "status")

    def __init__(
        self, run_id: int, status: str, started_at: float, ended_at: float | None, resumed_from: int | None
    ) -> None:
        """Keep the facts; instants are seconds since the epoch."""
        self.id, self.status, self.started_at = run_id, status, started_at
        self.ended_at, self.resumed_from = ended_at, resumed_from


class Verdict(Record):
    """What goes: runs by id, oldest first, and the skips that were over before an instant."""

    runs: Sequence[int]
    skips_before: float


def verdict(newest_first: Iterable[Past], retention: Retention, now: float, size_of: Callable[[int], int]) -> Verdict:
    """Return which of a job's runs go, and which skips.

    `size_of` gives the bytes on disk of a run's files; it is only asked where `keep_bytes` is set. A run of which only
    newer ones are known is judged rightly, so the runs may be cut off at their old end.
    """
    skips_before = before = retention.oldest_kept(now)
    newer_start: float | None = None
    stays = _Stays()
    going: list[int] = []
    total = 0
    for count, run in enumerate(newest_first, 1):
        if retention.keep_bytes is not None:
            total += size_of(run.id)
        beyond = (retention.keep_runs is not None and count > retention.keep_runs) or (
            retention.keep_bytes is not None and total > retention.keep_bytes
        )
        old = run.ended_at is not None and run.ended_at < before
        if stays.needs(run) or not (old or beyond):
            stays.keep(run)
        else:
            going.append(run.id)
            if beyond and newer_start is not None:
                # Skips because of this run, or because of the gap after it, were over when the next one started.
                skips_before = max(skips_before, newer_start)
        newer_start = run.started_at
    going.reverse()
    return Verdict(runs=going, skips_before=skips_before)


class _Stays:
    """What the runs seen so far, newest first, leave to be kept."""

    def __init__(self) -> None:
        self._any = self._ended = self._succeeded = False
        self._resumed: set[int] = set()

    def needs(self, run: Past) -> bool:
        """Say whether the run stays whatever the limits are, and remember that it was seen."""
        if self._succeeded:
            # Of a million runs nearly all come after these.
            return run.status == RUNNING or run.id in self._resumed
        ended, succeeded = run.ended_at is not None, run.status == SUCCEEDED
        needed = (
            run.status == RUNNING
            or not self._any
            or (ended and not self._ended)
            or (succeeded and not self._succeeded)
            or run.id in self._resumed
        )
        self._any = True
        self._ended |= ended
        self._succeeded |= succeeded
        return needed

    def keep(self, run: Past) -> None:
        """Remember what a kept run refers to."""
        if run.resumed_from is not None:
            self._resumed.add(run.resumed_from)
