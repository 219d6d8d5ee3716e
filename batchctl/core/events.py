"""What happened, an event a line: the same line from the history, in a file as it happens, and in the journal.

The words of a line are for programs as well as for people, so they are English in every language.
"""

from __future__ import annotations

from batchctl.base.duration import format_duration
from batchctl.base.record import Record
from batchctl.core.model import CANCELLED, UNFINISHED
from batchctl.core.time.zones import iso

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.time.zones import Zone

SKIP, START, STEP_START, RETRY, STEP_END = "skip", "start", "step_start", "retry", "step_end"
TAKEOVER, END, ALERT, ACTION = "takeover", "end", "alert", "action"
KINDS = (START, STEP_START, RETRY, STEP_END, TAKEOVER, END, SKIP, ALERT, ACTION)
"""In the order in which they stand that happened at the same instant."""


class Event(Record):
    """One thing that happened; `at` in seconds since the epoch."""

    at: float
    event: str
    job: str
    run_id: int | None = None
    step: str | None = None
    attempt: int | None = None
    status: str | None = None
    """How a step or run ended; of an alert its severity."""
    reason: str | None = None
    """Why a fire was skipped; of an alert its kind; of an action of somebody on the page which one."""
    detail: str = ""
    host: str | None = None
    """Where the run ran, which the history knows."""

    @property
    def id(self) -> str:
        """What tells it from every other event, and is the same whenever it is asked for; ids sort by time."""
        from hashlib import blake2s

        rest = f"{self.event}\0{self.job}\0{self.run_id}\0{self.step}\0{self.attempt}\0{self.reason}\0{self.detail}"
        return f"{self.at:017.6f}-{blake2s(rest.encode(), digest_size=4).hexdigest()}"

    @property
    def level(self) -> str:
        """Return `info`, `warning` or `error`; of an alert its severity."""
        if self.event == ALERT:
            return self.status or "warning"
        if self.status in UNFINISHED:
            return "warning" if self.status == CANCELLED else "error"
        return "warning" if self.event in {RETRY, TAKEOVER} else "info"

    @property
    def text(self) -> str:
        """What happened, in words and without the time."""
        words = [self.event.replace("_", " ")]
        for name, value in (("run", self.run_id), ("step", self.step), ("attempt", self.attempt)):
            if value is not None:
                words.append(f"{name} {value}")
        return " ".join(filter(None, [*words, self.status, self.reason, self.detail]))


def line(event: Event, zone: Zone) -> str:
    """Return an event as one line: the time, what, whose, and the rest in words."""
    words = [iso(round(event.at), zone), f"{event.event:<10}", event.job or "batchctl"]
    for name, value in (("run", event.run_id), ("step", event.step), ("attempt", event.attempt)):
        if value is not None:
            words.append(f"{name} {value}")
    words += [word for word in (event.status, event.reason, event.detail) if word]
    return " ".join(" ".join(words).split())


def ended(job: str, run_id: int, status: str, at: float, seconds: float | None, why: str) -> list[Event]:
    """Return the events of a run's end; a run that was taken over says so before."""
    took = "" if seconds is None else f"in {format_duration(seconds)}"
    end = Event(at=at, event=END, job=job, run_id=run_id, status=status, detail=": ".join(filter(None, (took, why))))
    taken = Event(at=at, event=TAKEOVER, job=job, run_id=run_id, detail="older than stale_after")
    return [taken, end] if status == "stale" else [end]


def attempt_began(job: str, run_id: int, step: str, number: int, at: float) -> Event:
    """Return the event of a step's first attempt, or of a later one."""
    again = number > 1
    kind = RETRY if again else STEP_START
    return Event(at=at, event=kind, job=job, run_id=run_id, step=step, attempt=number if again else None)


def attempt_ended(
    job: str, run_id: int, step: str, at: float, status: str, exit_code: int | None, signal: int | None
) -> Event:
    """Return the event of an attempt's end."""
    how = f"exit {exit_code}" if exit_code else "" if signal is None else f"signal {signal}"
    return Event(at=at, event=STEP_END, job=job, run_id=run_id, step=step, status=status, detail=how)


def skipped(job: str, reason: str, at: float, run_id: int | None, times: int = 1) -> Event:
    """Return the event of a skip; `run_id` is the run that was in its way."""
    again = f"{times} times in a row" if times > 1 else ""
    return Event(at=at, event=SKIP, job=job, run_id=run_id, reason=reason, detail=again)


def alerted(job: str, run_id: int | None, kind: str, severity: str, at: float, title: str) -> Event:
    """Return the event of an alert."""
    return Event(at=at, event=ALERT, job=job, run_id=run_id, status=severity, reason=kind, detail=title)
