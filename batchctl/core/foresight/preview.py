"""What the next fires of a job will do, from the state that its history and the machine are in now.

Pure, as the simulation that it asks. A run that is running ends when the state expects it to (`watch.standing` knows);
what other jobs do meanwhile is not known, so a full pool is taken to stay full.
"""

from __future__ import annotations

from itertools import islice

from batchctl.base.record import Record, replace
from batchctl.core.foresight.chain import fires_after
from batchctl.core.foresight.simulate import NEVER, Course, Scenario, settled, walk
from batchctl.core.guard.decide import ALREADY_RUNNING, checks, is_lost
from batchctl.core.time.schedule import fires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchctl.core.foresight.chain import Link
    from batchctl.core.foresight.simulate import SimulatedFire
    from batchctl.core.guard.decide import Running, State
    from batchctl.core.model import Job, Rules

_HORIZON = 400 * 86400.0
_FIRES = 20_000
"""Two weeks of a job that is fired each minute."""
_NEXT_MICROSECOND = 1e-6


class Foreseen(Record):
    """The state that a fire of an instant finds, and what had to be assumed for it."""

    state: State
    ended: Running | None = None
    """The run of now, where it is taken to have ended by then: as expected, and successfully."""
    started: SimulatedFire | None = None
    """The last fire by then that is taken to have started the job."""


def coming(
    job: Job, state: State, now: float, duration: float | None, links: Sequence[Link] = ()
) -> Iterator[SimulatedFire]:
    """Yield the coming fires, each a start or a skip with its reason, as far as the next 400 days.

    `duration` is how long a run takes, in seconds; None where the history does not know it. Then the typical duration
    of the state, or the timeout, is assumed; if nothing is known, runs are taken to end at once. `links` are the jobs
    that it comes after.
    """
    return walk(scenario(job, state, now, duration, links))


def next_start(job: Job, state: State, now: float, duration: float | None) -> float | None:
    """Return when the job could start next; None if that is not within the next 400 days, or cannot be known.

    For a scheduled job it is the first fire that starts, for any other the first instant at which every check passes.
    """
    schedule = job.schedule
    if schedule.cron is None and schedule.every is None and schedule.at is None:
        return _first_passing(job.rules, scenario(job, state, now, duration).state, now)
    every = islice(coming(job, state, now, duration), _FIRES)
    return next((fire.at for fire in every if fire.verdict == "start"), None)


def foreseen(
    job: Job, state: State, now: float, instant: float, duration: float | None, links: Sequence[Link] = ()
) -> Foreseen:
    """Return the state that a fire of an instant finds, if all fires until then do what they are expected to.

    What is known is the state of now; an instant in the past is judged by it too.
    """
    if instant <= now:
        return Foreseen(state=state)
    expected = scenario(job, state, now, duration, links)
    course = Course(expected)
    fires_before = islice(walk(replace(expected, end=instant), course), _FIRES)
    started = [fire for fire in fires_before if fire.verdict == "start"]
    then = course.state_of(instant)
    before = expected.state.running
    over = before is not None and before.expected_end is not None and before.expected_end <= instant
    return Foreseen(state=then, ended=before if over else None, started=started[-1] if started else None)


def scenario(job: Job, state: State, now: float, duration: float | None, links: Sequence[Link] = ()) -> Scenario:
    """Return what is to come, without a lock that a fire holds for a moment only, and what the machine has now.

    A run whose end nobody can expect ends at its timeout, or never.
    """
    running = settled(state, now).running
    if running is not None and not is_lost(running):
        end = running.expected_end
        if end is None and job.timeout is not None:
            end = running.started_at + job.timeout
        # One that is past all that is known may end at any moment.
        running = replace(running, expected_end=None if end is None else max(end, now + _NEXT_MICROSECOND))
    length = next((known for known in (duration, state.typical, job.timeout) if known is not None), 0.0)
    return Scenario(
        rules=job.rules,
        # Made anew each time that it is walked through: what comes after the job walks through it too.
        fires=fires_after(job, links) if links else lambda _course: fires(job.schedule, job.rules.zone, now),
        start=now,
        end=now + _HORIZON,
        duration=lambda _count: length,
        state=replace(state, running=running, machine=None, lock_held=False),
        timeout=job.timeout,
    )


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
