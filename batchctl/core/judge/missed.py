"""Fires that should have started a job and left no trace: cron or the whole machine was off.

A fire counts as missed only if it would have started the job: it is put to the decision, with the state of that time as
far as the history tells it. One that fell into a run that was under way, a gap or closed hours was no loss, and one
that was skipped has its skip. Instants are seconds since the epoch.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import takewhile

from batchctl.base.record import Record, replace
from batchctl.core.guard.decide import Running, State, decide
from batchctl.core.model import SUCCEEDED
from batchctl.core.time.schedule import fires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.model import Job

LOOK_BACK = 7 * 86400.0
"""Seconds that are looked back over at most; what is older nobody makes up for."""
ON_TIME = 90.0
"""Seconds after a fire within which cron starts it, on a machine that is busy."""

_SPANS = (7200.0, 43200.0, 86400.0, LOOK_BACK)
_ENOUGH = 40
"""Fires after which no longer span is looked at: 200 jobs of each minute must not cost two million fires."""
_EARLY = 1.0
"""Seconds by which a recorded start may seem to come before its fire: clocks are stepped."""


class Start:
    """One run as far as it answers for a fire; not a record, because a check makes tens of thousands of them.

    `scheduled_for` is the fire that it stands for, equal to `started_at` where it was started by hand.
    """

    __slots__ = ("ended_at", "run_id", "scheduled_for", "started_at", "status")

    def __init__(
        self,
        run_id: int,
        started_at: float,
        scheduled_for: float | None = None,
        ended_at: float | None = None,
        status: str = SUCCEEDED,
    ) -> None:
        """Keep what the history says."""
        self.run_id, self.started_at, self.scheduled_for = run_id, started_at, scheduled_for
        self.ended_at, self.status = ended_at, status


class Trace(Record):
    """What a job's fires have left behind."""

    starts: Sequence[Start] = ()
    """In any order, and reaching back as far as the fires that are asked about."""
    skips: Sequence[tuple[float, float]] = ()
    """First and last instant of each row of skips."""
    paused_since: float | None = None
    typical: float | None = None
    config_changed: float | None = None
    """When the job's file was last written."""


class Gap(Record):
    """Consecutive missed fires, with nothing between them."""

    fires: tuple[float, ...]
    after_run: int
    """The last run that started before it; 0 where there is none."""
    started_since: bool
    """Whether the job has started again."""


def gaps(job: Job, trace: Trace, planned: Sequence[float]) -> list[Gap]:
    """Return which of the planned fires (`expected`) were missed, oldest first.

    An `every` job has at most one gap: its fires are due when they are, counted from its last start.
    """
    if not job.rules.enabled:
        return []
    if trace.paused_since is not None:
        planned = [fire for fire in planned if fire < trace.paused_since]
    starts = sorted(trace.starts, key=lambda start: start.started_at)
    if job.schedule.every is not None:
        return _overdue(job, trace, starts, planned)
    changed = _other_schedule_until(planned, starts, trace)
    return _found(job, trace, starts, [fire for fire in planned if fire > changed])


def expected(job: Job, begin: float, until: float) -> list[float]:
    """Return the job's fires after `begin` and up to `until`, oldest first; the last hours only where they are many."""
    found: list[float] = []
    for span in _SPANS:
        start = max(begin, until - span)
        found = list(takewhile(lambda fire: fire <= until, fires(job.schedule, job.rules.zone, start)))
        if len(found) >= _ENOUGH or start == begin:
            break
    return [fire for fire in found if fire > begin]


def _other_schedule_until(planned: Sequence[float], starts: Sequence[Start], trace: Trace) -> float:
    """Return until when another schedule was in force: a run that cron meant for none of these times shows it.

    Without this, a job moved from 01:00 to 05:00 would seem to have missed every 05:00 of the week before.
    """
    if not planned:
        return 0.0
    known = {round(fire) for fire in planned}
    others = [
        start.started_at
        for start in starts
        if start.scheduled_for is not None
        and start.scheduled_for != start.started_at
        and start.scheduled_for >= planned[0]
        and round(start.scheduled_for) not in known
    ]
    return max(others[-1], trace.config_changed or 0.0) if others else 0.0


def _found(job: Job, trace: Trace, starts: Sequence[Start], planned: Sequence[float]) -> list[Gap]:
    instants = [start.started_at for start in starts]
    made_up = {round(start.scheduled_for) for start in starts if start.scheduled_for is not None}
    found: list[Gap] = []
    missing: list[float] = []

    def close() -> None:
        if missing:
            place = bisect_left(instants, missing[0])
            after = starts[place - 1].run_id if place else 0
            found.append(Gap(fires=tuple(missing), after_run=after, started_since=place < len(instants)))
            missing.clear()

    for place, fire in enumerate(planned):
        following = planned[place + 1] if place + 1 < len(planned) else float("inf")
        at = bisect_left(instants, fire - _EARLY)
        started = instants[at] if at < len(instants) and instants[at] < following - _EARLY else None
        if (started is not None and started > fire + ON_TIME) or (started is None and round(fire) in made_up):
            # Somebody, or `catch-up`, has made up for it, and with it for those missed right before.
            missing.clear()
        elif started is not None or any(first < following and last >= fire - _EARLY for first, last in trace.skips):
            close()
        elif decide(fire, _state_at(fire, job, trace, starts), job.rules).start:
            missing.append(fire)
    close()
    return found


def _state_at(fire: float, job: Job, trace: Trace, starts: Sequence[Start]) -> State:
    """Return the state that a fire of that time would have found."""
    running = next((start for start in reversed(starts) if _under_way(start, fire)), None)
    counts = [
        start.ended_at
        for start in starts
        if start.ended_at is not None
        and start.ended_at <= fire
        and (job.rules.gap_after == "any" or start.status == SUCCEEDED)
    ]
    return State(
        running=None if running is None else Running(run_id=running.run_id, started_at=running.started_at),
        last_end=max(counts, default=None),
        typical=trace.typical,
    )


def _under_way(start: Start, instant: float) -> bool:
    return start.started_at <= instant and (start.ended_at is None or instant < start.ended_at)


def _overdue(job: Job, trace: Trace, starts: Sequence[Start], planned: Sequence[float]) -> list[Gap]:
    """Return the first fire that would have started an `every` job since its last start."""
    if not starts:
        # It has never run, so that any of its fires would have started it.
        return [replace(gap, fires=gap.fires[:1]) for gap in _found(job, trace, starts, planned)[:1]]
    if not planned:
        return []
    last = starts[-1]
    meant = last.started_at if last.scheduled_for is None else last.scheduled_for
    running = None if last.ended_at is not None else Running(run_id=last.run_id, started_at=last.started_at)
    state = replace(_state_at(planned[-1], job, trace, starts), last_start=meant, running=running)
    for fire in planned:
        # Before its start the run was not yet there to count from.
        if (
            fire > last.started_at
            and decide(fire, state, job.rules).start
            and not any(skipped >= fire - _EARLY for _, skipped in trace.skips)
        ):
            return [Gap(fires=(fire,), after_run=last.run_id, started_since=False)]
    return []
