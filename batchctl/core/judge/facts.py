"""What a job is judged by: how its last run ended, what went before it, and where the job stands now.

Instants are seconds since the epoch, durations seconds.
"""

from __future__ import annotations

from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.guard.decide import Running
    from batchctl.core.judge.missed import Gap
    from batchctl.core.model import Job


class Ended(Record):
    """How a run ended, as the history has it."""

    run_id: int
    status: str
    started_at: float
    ended_at: float
    duration: float | None = None
    why: str | None = None
    exit_code: int | None = None
    host: str = ""
    step: str | None = None
    """The first step that ended badly."""
    step_duration: float | None = None
    also: tuple[str, ...] = ()
    """The others that did."""
    blocked: tuple[str, ...] = ()
    log: str | None = None
    """The log of that step's last attempt, relative to the state directory."""
    tail: tuple[str, ...] = ()
    partial: bool = False
    """Only some of its steps were run, so how long it took says nothing."""
    warnings: tuple[tuple[str, str], ...] = ()
    """What was noticed about the run: kind (`expect`, `output`) and sentence."""


class Facts(Record):
    """All that a job is judged by. Of a run that has just ended nothing below `durations` is asked."""

    job: Job
    last: Ended | None = None
    """The last run that has ended."""
    failures_before: int = 0
    """How many runs in a row had ended badly before it; an operator's own stop is none, and ends no row."""
    last_success: int = 0
    """The id of the last run before it that left nothing broken, 0 without one: it names the row of failures since."""
    standing: Ended | None = None
    """The last bad end before it, where it has not mended what failed then."""
    open_event: str | None = None
    """The last alert of a bad end before it that nothing has ended yet."""
    turns: int = 0
    """How often the job has turned between success and failure within `flap_window`; 0 where it does not flap."""
    open_flapping: str | None = None
    """The alert that tells of that, until it is over."""
    durations: Sequence[float] = ()
    """Seconds of the successes before it, newest first."""
    running: Running | None = None
    """The running row as the machine judges it."""
    skips: int = 0
    """Fires skipped since the last start."""
    skips_since: float | None = None
    skip_reason: str = ""
    gaps: Sequence[Gap] = ()
    next_fires: Sequence[float] = ()
    """The fires before the expected end of the running run, or the next one."""
    expected_end: float | None = None
    called: str = "batchctl"
    """How batchctl is called so that it finds the job."""
    noticed: Sequence[str] = ()
    """What the running run has written that somebody wants to be told of."""
    unmet: Sequence[str] = ()
    """What the results of the last run should be by now and are not, where it has not warned of that itself."""
