"""Writing events as they happen: `[events] file` gets a line each, `syslog = true` sends it to syslog(3).

Nothing that befalls a line may hurt a batch: one that cannot be written is lost here, and is in the history still.
"""

from __future__ import annotations

import os

from batchctl.core import events, model
from batchctl.store import outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from batchctl.core.events import Event
    from batchctl.core.model import Job
    from batchctl.core.run import Run, StepRun

_NEWEST = 100


def emit(job: Job, happened: Iterable[Event]) -> None:
    """Write events to where the job's configuration wants them."""
    for event in happened if job.events_file is not None or job.events_syslog else ():
        text = events.line(event, job.rules.zone)
        if job.events_file is not None:
            _append(job.events_file, f"{text}\n".encode(errors="backslashreplace"))
        if job.events_syslog:
            _send(text, event)


def emit_alerts(job: Job, connection: sqlite3.Connection, since: float, run_id: int | None = None) -> None:
    """Write the alerts that were made since then, of one run or of all."""
    rows = [row.alert for row in outbox.newest(connection, _NEWEST) if row.alert.created_at >= since]
    chosen = (alert for alert in reversed(rows) if run_id in {None, alert.run_id})
    emit(job, [events.alerted(a.job, a.run_id, a.kind, a.severity, a.created_at, a.title) for a in chosen])


class EventLog:
    """Writes what happens to one run, each thing once."""

    def __init__(self, job: Job) -> None:
        """Keep whose run it is."""
        self._job = job
        self._began = False
        self._written: dict[int, tuple[int, bool]] = {}
        """Of each step the number of its attempts that were told of, and whether the end of the last one was."""

    def steps(self, run: Run, changed: Iterable[StepRun]) -> None:
        """Write what is new of some steps."""
        happened = []
        if not self._began:
            self._began = True
            happened.append(events.Event(at=run.started_at, event=events.START, job=run.job, run_id=run.id))
        for step in changed:
            happened += self._of_step(run, step)
        emit(self._job, happened)

    def end(self, run: Run) -> None:
        """Write what is left, and how the run ended."""
        self.steps(run, run.steps)
        at = run.started_at if run.ended_at is None else run.ended_at
        emit(self._job, events.ended(run.job, run.id, run.status, at, run.duration, run.why))

    def _of_step(self, run: Run, step: StepRun) -> list[Event]:
        told, over = self._written.get(step.seq, (0, True))
        found = []
        for attempt in step.attempts[max(0, told - (not over)) :]:
            if attempt.number > told:
                found.append(events.attempt_began(run.job, run.id, step.step.id, attempt.number, attempt.started_at))
            if attempt.status != model.RUNNING and attempt.ended_at is not None:
                code, signal = attempt.exit_code, attempt.signal
                found.append(
                    events.attempt_ended(run.job, run.id, step.step.id, attempt.ended_at, attempt.status, code, signal)
                )
        if step.attempts:
            last = step.attempts[-1]
            self._written[step.seq] = (last.number, last.status != model.RUNNING)
        return found


def _append(path: str, line: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError:
        return


def _send(text: str, event: Event) -> None:
    import syslog

    bad = event.event == events.ALERT or event.status in model.UNFINISHED
    syslog.openlog("batchctl", syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_WARNING if bad else syslog.LOG_INFO, text.partition(" ")[2])
