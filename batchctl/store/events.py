"""What happened in a span of time, drawn from the history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.record import replace
from batchctl.core import events
from batchctl.store.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchctl.core.events import Event
    from batchctl.store.history import RunRow

_ATTEMPTS = (
    "select s.step, a.attempt, a.status, a.started_at, a.ended_at, a.exit_code, a.signal from attempts a"
    " join steps s on s.run_id = a.run_id and s.seq = a.seq"
    " where a.run_id = ? and (a.started_at >= ? or a.ended_at >= ?)"
)
_ACTIONS = "select at, job, action, detail from actions where at >= ? and (? is null or job = ?) order by id"
_ALERTS = (
    "select job, run_id, kind, severity, created_at, title from outbox"
    " where created_at >= ? and (? is null or job = ?) order by id"
)


class EventHistory(History):
    """The history as a list of events."""

    def events(self, since: float, until: float, job: str | None = None) -> list[Event]:
        """Return what happened from `since` on and before `until`, of a job or of all, the newest last."""
        sources = (
            self._of_runs(since, until, job),
            self._of_skips(since, until, job),
            self._alerts(since, job),
            self._actions(since, job),
        )
        found = [event for source in sources for event in source if since <= event.at < until]
        order = {kind: place for place, kind in enumerate(events.KINDS)}
        return sorted(found, key=lambda event: (event.at, event.run_id or 0, order[event.event]))

    def _of_runs(self, since: float, until: float, job: str | None) -> Iterator[Event]:
        for run in self.runs(since, until, job):
            host = next(self._rows("select host from runs where id = ?", run.id), (None,))[0]
            yield from (replace(event, host=host) for event in self._of_run(run, since))

    def _of_run(self, run: RunRow, since: float) -> Iterator[Event]:
        yield events.Event(at=run.started_at, event=events.START, job=run.job, run_id=run.id)
        for step, number, status, began, over, exit_code, signal in self._rows(_ATTEMPTS, run.id, since, since):
            yield events.attempt_began(run.job, run.id, step, number, began)
            if over is not None:
                yield events.attempt_ended(run.job, run.id, step, over, status, exit_code, signal)
        if run.ended_at is not None:
            yield from events.ended(run.job, run.id, run.status, run.ended_at, run.duration_s, run.why or "")

    def _of_skips(self, since: float, until: float, job: str | None) -> Iterator[Event]:
        for skip in self.skips(since, until, job):
            yield events.skipped(skip.job, skip.reason, skip.first_at, skip.run_id)
            if skip.times > 1:
                yield events.skipped(skip.job, skip.reason, skip.last_at, skip.run_id, skip.times)

    def _alerts(self, since: float, job: str | None) -> Iterator[Event]:
        for name, run_id, kind, severity, at, title in self._rows(_ALERTS, since, job, job):
            yield events.alerted(name, run_id, kind, severity, at, title)

    def _actions(self, since: float, job: str | None) -> Iterator[Event]:
        for at, name, action, detail in self._rows(_ACTIONS, since, job, job):
            yield events.Event(at=at, event=events.ACTION, job=name, reason=action, detail=detail)
