"""What the next fires of a job will do, from the state that its history and the machine are in now.

Pure, as the simulation that it asks. A run that is running is assumed to end when it is expected to; what other jobs do
meanwhile is not known, so a full pool is taken to stay full.
"""

from __future__ import annotations

from itertools import islice

from batchctl.base.record import replace
from batchctl.core.foresight.simulate import NEVER, Scenario, settled, walk
from batchctl.core.guard.decide import ALREADY_RUNNING, checks
from batchctl.core.time.schedule import fires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchctl.core.foresight.simulate import SimulatedFire
    from batchctl.core.guard.decide import Running, State
    from batchctl.core.model import Job, Rules

_HORIZON = 400 * 86400.0
_FIRES = 20_000
"""Two weeks of a job that is fired each minute."""
_ANY_MOMENT = 60.0
_NEXT_MICROSECOND = 1e-6


def preview(job: Job, state: State, now: float, *, duration: float | None, count: int) -> list[SimulatedFire]:
    """Return the next `count` fires (fewer where there are no more), each a start or a skip with its reason.

    `duration` is how long a run takes, in seconds; None where the history does not know it. Then the typical duration
    of the state, or the timeout, is assumed; if nothing is known, runs are taken to end at once.
    """
    return list(islice(_walk(job, state, now, duration), count))


def next_start(job: Job, state: State, now: float, duration: float | None) -> float | None:
    """Return when the job could start next; None if that is not within the next 400 days, or cannot be known.

    For a scheduled job it is the first fire that starts, for any other the first instant at which every check passes.
    """
    schedule = job.schedule
    if schedule.cron is None and schedule.every is None and schedule.at is None:
        return _first_passing(job.rules, _expecting(job, state, now, duration), now)
    return next((fire.at for fire in islice(_walk(job, state, now, duration), _FIRES) if fire.verdict == "start"), None)


def assumed_end(job: Job, running: Running, typical: float | None, now: float) -> float | None:
    """Return when a running run is assumed to end: as expected, else after its typical duration, else at its timeout.

    The first of these that is still to come counts, so a run that is late is expected to use its timeout, and one that
    is past all of them to end at any moment. None: nothing is known that would end it.
    """
    lengths = [typical, job.timeout]
    ends = [] if running.expected_end is None else [running.expected_end]
    ends += [running.started_at + length for length in lengths if length is not None]
    return next((end for end in ends if end > now), now + _ANY_MOMENT if ends else None)


def _expecting(job: Job, state: State, now: float, duration: float | None) -> State:
    """Return the state with the assumed end of its run, and without a lock that a fire holds for a moment only."""
    running = settled(state, now).running
    if running is not None:
        typical = state.typical if duration is None else duration
        running = replace(running, expected_end=assumed_end(job, running, typical, now))
    return replace(state, running=running, lock_held=False)


def _walk(job: Job, state: State, now: float, duration: float | None) -> Iterator[SimulatedFire]:
    length = next((known for known in (duration, state.typical, job.timeout) if known is not None), 0.0)
    scenario = Scenario(
        rules=job.rules,
        fires=fires(job.schedule, job.rules.zone, now),
        start=now,
        end=now + _HORIZON,
        duration=lambda _count: length,
        state=_expecting(job, state, now, duration),
        timeout=job.timeout,
    )
    return walk(scenario)


def _first_passing(rules: Rules, state: State, now: float) -> float | None:
    """Go from one `until` to the next; each check can hold the job back once, opening hours again after a gap."""
    instant = now
    for _ in range(20):
        running = state.running
        if running is not None and (running.expected_end or NEVER) <= instant:
            end = running.expected_end
            state = replace(state, running=None, last_start=running.started_at, last_end=end, lock_held=False)
        failed = next((check for check in checks(instant, state, rules) if not check.passed), None)
        if failed is None:
            return instant
        until = NEVER if failed.until is None else failed.until
        if failed.name == ALREADY_RUNNING and state.running is not None and rules.on_stale == "takeover":
            # Stale is what is older than stale_after, so a run of exactly that age is not.
            stale = NEVER if rules.stale_after is None else state.running.started_at + rules.stale_after
            until = min(until, stale + _NEXT_MICROSECOND)
        if not instant < until < NEVER:
            return None
        instant = until
    return None
