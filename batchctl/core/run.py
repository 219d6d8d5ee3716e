"""A run as it happens: the supervisor writes it down here, the store keeps it, the renderers show it."""

from __future__ import annotations

from batchctl.base.errors import EXIT_BUG
from batchctl.base.record import Record
from batchctl.core import model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from batchctl.core.model import Step


class Identity(Record):
    """One process of one boot of one host; a pid alone is recycled, its start ticks (since boot) are not."""

    host: str
    boot_id: str
    pid: int
    start_ticks: int


class Ended(Record):
    """A run that has ended, for whoever has to act on it."""

    run_id: int
    token: str
    status: str
    why: str = ""


class Attempt:
    """One try of a step. Instants are seconds since the epoch, `duration` monotonic seconds."""

    def __init__(self, number: int, log: str, started_at: float) -> None:
        """Begin an attempt; `log` is relative to the state directory."""
        self.number, self.log, self.started_at = number, log, started_at
        self.status = model.RUNNING
        self.pid: int | None = None
        self.start_ticks: int | None = None
        self.ended_at: float | None = None
        self.duration: float | None = None
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.cpu_s: float | None = None
        self.max_rss_bytes: int | None = None


class StepRun:
    """One step of a run."""

    def __init__(self, seq: int, step: Step) -> None:
        """Put a step into the run as pending; `seq` counts from 1 in the order written."""
        self.seq, self.step = seq, step
        self.status = model.PENDING
        self.attempts: list[Attempt] = []
        self.attempts_before = 0
        """Attempts of the run that is being resumed."""
        self.started_at: float | None = None
        self.ended_at: float | None = None
        self.duration: float | None = None
        self.result: dict[str, Any] | None = None
        self.why = ""

    @property
    def cpu_s(self) -> float | None:
        """Processor time of all its attempts in this run, as far as they tell."""
        told = [attempt.cpu_s for attempt in self.attempts if attempt.cpu_s is not None]
        return sum(told) if told else None

    @property
    def max_rss_bytes(self) -> int | None:
        """The most memory that any of its attempts had."""
        return max(
            (attempt.max_rss_bytes for attempt in self.attempts if attempt.max_rss_bytes is not None), default=None
        )

    @property
    def last(self) -> Attempt | None:
        """The last attempt, if any was made."""
        return self.attempts[-1] if self.attempts else None


class Run:
    """One started execution of a job."""

    def __init__(self, run_id: int, job: str, started_at: float, token: str, steps: list[StepRun]) -> None:
        """Begin a run; `token` marks its processes."""
        self.id, self.job, self.started_at, self.token, self.steps = run_id, job, started_at, token, steps
        self.status = model.RUNNING
        self.ended_at: float | None = None
        self.duration: float | None = None
        self.exit_code: int | None = None
        self.why = ""
        self.warnings: list[tuple[int, str, str]] = []
        """What was noticed and did not end it: step's seq (0: the run), kind, text."""

    def fail(self, why: str, now: float) -> None:
        """Let it have failed, with all of it that is under way: batchctl cannot carry it on."""
        for step in self.steps:
            if step.status == model.PENDING:
                step.status = model.BLOCKED
            elif step.status == model.RUNNING:
                step.why = step.why or why
                for attempt in step.attempts:
                    if attempt.status == model.RUNNING:
                        _end(attempt, now)
                _end(step, now)
        self.why, self.exit_code = why, EXIT_BUG
        _end(self, now)


def _end(one: Run | StepRun | Attempt, now: float) -> None:
    began = now if one.started_at is None else one.started_at
    one.status, one.ended_at = model.FAILED, max(now, began)
    one.duration = one.ended_at - began
