"""Where a job stands at an instant and what comes: the one author of standing, expected end and next fires.

`status`, `explain`, `check` and what lists coming fires ask here and nowhere else, so no two of them can disagree. All
reads are seeks in the history; how long steps took is read only where a run is running.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from batchctl.base import paths
from batchctl.base.record import Record, replace
from batchctl.core import model, statistics
from batchctl.core.foresight import preview
from batchctl.core.foresight.chain import Link
from batchctl.core.guard import decide, selection
from batchctl.engine.adapters import is_held
from batchctl.engine.state import read, with_machine
from batchctl.store import following, guard
from batchctl.watch.underway import current

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Literal

    from batchctl.core.foresight.preview import Foreseen
    from batchctl.core.foresight.simulate import SimulatedFire
    from batchctl.core.guard.decide import State
    from batchctl.core.model import Job
    from batchctl.store.history import History, RunRow
    from batchctl.watch.underway import Current

    Word = Literal["idle", "running", "paused", "disabled"]

RATE_WINDOW = 30 * 86400.0
"""Seconds over which the success rate counts."""
_FIRES = 3
_LOOKED_AHEAD = 32
"""Fires among which the next start is looked for, where the first ones are skips."""
_NO_JOBS: Mapping[str, Job] = {}


class Standing(Record):
    """Where a job stands at the instant `now`."""

    job: Job
    now: float
    state: Word
    facts: State
    """What the decision decides by; its running run has the expected end."""
    current: Current | None
    lost: RunRow | None
    """The running row of a run that is over: its owner is gone, and only the next fire writes that down."""
    typical: float | None
    """Median of the last 10 successful durations."""
    links: Sequence[Link] = ()
    """The jobs that it comes after, as they will end."""

    @property
    def paused_until(self) -> float | None:
        """When the pause in force ends; None where nothing is paused, or until somebody resumes it."""
        first = next(decide.checks(self.now, self.facts, self.job.rules))
        return None if first.passed or first.name != decide.PAUSED else first.until

    def fires(self) -> Iterator[SimulatedFire]:
        """Yield the coming fires, each a start or a skip with its reason."""
        return preview.coming(self.job, self.facts, self.now, self.typical, self.links)

    def at(self, instant: float) -> Foreseen:
        """Return the state that a fire of another instant finds; of the past only that of now is known."""
        return preview.foreseen(self.job, self.facts, self.now, instant, self.typical, self.links)

    def next_start(self, instant: float) -> float | None:
        """Return when the job could start next from an instant on; None where no start is in sight."""
        if self.links:
            later = (fire for fire in self.fires() if fire.at >= instant)
            return next((fire.at for fire in later if fire.verdict == "start"), None)
        return preview.next_start(self.job, self.at(instant).state, instant, self.typical)


class JobStatus(Record):
    """One job as `batchctl status` shows it."""

    job: Job
    state: Word
    paused_until: float | None
    current: Current | None
    last_run: RunRow | None
    next_fires: Sequence[SimulatedFire]
    skips_since_last_start: int
    success_rate: float | None
    consecutive_failures: int
    next_run_at: float | None = None
    """When the next of its fires will start it."""
    in_crontab: bool | None = None
    """Whether a line of a crontab fires it; None where that cannot be known."""
    run_count: int = 0
    error_count: int = 0
    """Runs in the history that failed, timed out, or were lost or stale."""
    last_run_at: float | None = None
    """When its newest run started."""
    resume: str | None
    """The command that continues the last run, where that is unfinished and none is running.

    Where none of its steps is left, it is the one that runs the job again."""


def standing(job: Job, history: History, state_dir: str, now: float, jobs: Mapping[str, Job] = _NO_JOBS) -> Standing:
    """Return where a job stands; `jobs` are all, for those that it comes after.

    Raises:
        StateError: if the state cannot be trusted.
    """
    facts = history.ask(
        lambda connection: _facts(connection, job, state_dir), with_machine(decide.State(), job, state_dir)
    )
    running, found, lost = facts.running, None, None
    row = None if running is None else history.run(running.run_id)
    if running is not None and row is not None:
        if decide.is_lost(running):
            lost = row._replace(status=model.LOST)
        else:
            found = current(job, row, running, history, state_dir, now)
            facts = replace(facts, running=replace(running, expected_end=found.expected_end_at))
    failed = {check.name for check in decide.checks(now, facts, job.rules) if not check.passed}
    return Standing(
        job=job,
        now=now,
        state=_word(failed, found),
        facts=facts,
        current=found,
        lost=lost,
        typical=statistics.typical(history.durations(job.name, statistics.TYPICAL_OF)),
        links=[] if not job.schedule.after else list(_links(job, history, state_dir, now, jobs)),
    )


def _links(job: Job, history: History, state_dir: str, now: float, jobs: Mapping[str, Job]) -> Iterator[Link]:
    """Yield the jobs that one comes after, as they stand."""
    after, any_end = job.schedule.after, job.schedule.after_any
    ends = history.ask(
        lambda connection: following.complete_since(connection, job.name, after, any_end=any_end),
        dict.fromkeys(after),
    )
    for name in after:
        if name in jobs:
            stands = standing(jobs[name], history, state_dir, now, jobs)
            steps = () if stands.current is None else stands.current.steps
            yield Link(
                job=name,
                scenario=preview.scenario(stands.job, stands.facts, now, stands.typical, stands.links),
                has_ended=ends[name] is not None,
                is_part=any(step.left_out and not step.attempts for step in steps),
            )


def job_status(job: Job, history: History, state_dir: str, now: float, jobs: Mapping[str, Job] = _NO_JOBS) -> JobStatus:
    """Return where a job stands and how it went.

    Raises:
        StateError: if the state cannot be trusted.
    """
    found = standing(job, history, state_dir, now, jobs)
    last = found.lost or history.last_run(job.name)
    failures = history.consecutive_failures(job.name) + (found.lost is not None)
    # After a success that left broken what had failed before, it is that which is continued.
    broken = last is not None and (last.status in model.UNFINISHED or failures > 0)
    resumable = found.current is None and broken
    fires = found.fires()
    coming = list(islice(fires, _FIRES))
    start = next((fire.at for fire in chain(coming, islice(fires, _LOOKED_AHEAD)) if fire.verdict == "start"), None)
    return JobStatus(
        job=job,
        state=found.state,
        paused_until=found.paused_until,
        current=found.current,
        last_run=last,
        next_fires=coming,
        next_run_at=start,
        skips_since_last_start=history.skips_since_last_start(job.name),
        success_rate=history.success_rate(job.name, now - RATE_WINDOW),
        consecutive_failures=failures,
        resume=_go_on(job, history, state_dir) if resumable else None,
    )


def any_left(connection: sqlite3.Connection, job: Job) -> bool:
    """Say whether `--resume` has anything to do; see `selection.any_left`."""
    earlier = guard.earlier_run(connection, job.name)
    return earlier is None or selection.any_left(job, earlier.statuses)


def _go_on(job: Job, history: History, state_dir: str) -> str:
    left = history.ask(lambda connection: any_left(connection, job), True)  # noqa: FBT003 - its only form
    return f"{paths.called(job.config_path, state_dir, job.state_home)} {selection.going_on(job, left=left)}"


def _facts(connection: sqlite3.Connection, job: Job, state_dir: str) -> State:
    state = read(connection, job, state_dir)
    return state if state.running is not None else replace(state, lock_held=is_held(job, state_dir))


def _word(failed: set[str], running: Current | None) -> Word:
    if running is not None:
        return "running"
    if decide.PAUSED in failed:
        return "paused"
    return "disabled" if decide.DISABLED in failed else "idle"
