"""What ran and what was skipped in a span of time: each part is fetched when its renderer asks for it."""

from __future__ import annotations

import os
from bisect import bisect_right
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from batchctl.answers.now import now_of
from batchctl.answers.site import Site, unknown_job
from batchctl.base import clock
from batchctl.base.errors import BatchctlError, UsageError
from batchctl.base.record import Record
from batchctl.base.said import said
from batchctl.core import stories as telling
from batchctl.core.stories import Detail
from batchctl.core.time import periods as calendar
from batchctl.core.time import zones
from batchctl.core.time.schedule import fires

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from batchctl.answers.now import Now
    from batchctl.core.model import Job
    from batchctl.core.statistics import Stats
    from batchctl.core.stories import Story
    from batchctl.core.time.periods import Period
    from batchctl.core.time.zones import Zone
    from batchctl.store.history import RunRow, SkipRow, StepRow
    from batchctl.store.stories import Failure

_DAY = 86400.0
_DAYS = 30.0
_PERIODS_SHOWN = 12
_LONGEST_DAYS = 36525
"""A hundred years; beyond it lie dates that no calendar here can print."""
_RECENT = 20
"""Newest successes that a small line of durations, and the trend, look at."""
_TIME_LINE = 14 * _DAY
_MOST_RUNS, _MOST_SKIPS, _MOST_FIRES, _MOST_RESULTS, _MOST_FAILURES = 2000, 5000, 500, 120, 10
_TAIL_LINES = 12


class Span(Record):
    """Which time a report is of: the last `days`, or from `since` to `until` (ISO 8601), by week or month."""

    days: float | None = None
    since: str | None = None
    until: str | None = None
    weekly: bool = False
    monthly: bool = False


class PeriodStats(Record):
    """The statistics of each job in one week or month."""

    period: Period
    stats: dict[str, Stats]


class Report(Record):
    """What the history holds for a window; each function fetches when it is called, at most that many (-1: all)."""

    since: float
    until: float
    runs: Callable[[int], Iterable[tuple[RunRow, list[StepRow]]]]
    skips: Callable[[int], Iterable[SkipRow]]
    stats: Mapping[str, Stats]
    zone: Zone
    made_at: float
    only: str | None
    """The one job that was asked for."""
    recent: Mapping[str, Sequence[float]]
    """Seconds of each job's newest successes, newest first."""
    resumed: int
    """Runs that were continued by a later one, and are counted with it."""
    warnings: Callable[[], dict[int, list[tuple[int, str, str]]]]
    """(step's seq or 0, kind, text) of what was noticed, by run."""
    now: Callable[[], Now] | None
    """How things stand; None where the window does not reach to the present."""
    detail: Callable[[str], Detail]
    view: Callable[[str], View]
    periods: Sequence[PeriodStats]
    periods_name: str
    limit: int | None = None
    """At most so many runs and skips, the newest, were asked for."""


class Shown(Record):
    """A failure with the end of its log, or a note why that is not there."""

    failure: Failure
    tail: str
    note: str


class View(Record):
    """All that the page shows of one job."""

    name: str
    job: Job | None
    """None where the configuration has no job of that name any more."""
    detail: Detail
    stories: Sequence[Story]
    skips: Sequence[SkipRow]
    """Newest first."""
    runs: Sequence[RunRow]
    """Those that the time line shows, oldest first."""
    since: float
    """Where the time line begins."""
    fires: Sequence[float]
    failures: Sequence[Shown]
    results: Sequence[tuple[float, str, dict[str, Any]]]


def report(site: Site, job: str | None = None, *, span: Span | None = None, limit: int | None = None) -> Report:
    """Return the report of one job, or of every job that is configured or has a history; of 30 days unless told.

    `limit` is of the runs and of the skips that are listed; statistics count all.

    Raises:
        UsageError: if neither the configuration nor the history knows the job, or the span is none.
        StateError: if the history cannot be trusted.
    """
    since, until, periods, name = _window_of(site, span or Span())
    is_open = span is None or span.until is None
    return _Source(site, since, until, is_open=is_open).report(job, periods, name, limit)


class _Source:
    """The history of one window."""

    def __init__(self, site: Site, since: float, until: float, *, is_open: bool) -> None:
        self._site, self._since, self._until, self._is_open = site, since, until, is_open
        self._history = site.history()
        self._jobs = site.listed.jobs

    def report(self, job: str | None, periods: Sequence[Period], periods_name: str, limit: int | None = None) -> Report:
        since, until = self._since, self._until
        known = sorted({*self._jobs, *self._history.jobs()})
        if job is not None and job not in known:
            raise unknown_job(job, known)
        chosen = known if job is None else [job]
        return Report(
            since=since,
            until=until,
            runs=lambda wanted: self._history.runs_with_steps(since, until, job, _fewer(wanted, limit)),
            skips=lambda wanted: self._history.skips(since, until, job, _fewer(wanted, limit)),
            limit=limit,
            stats=self._history.stats(since, until, chosen),
            zone=self._site.config.zone,
            made_at=clock.now(),
            only=job,
            recent={name: self._history.recent_durations(name, since, until, _RECENT) for name in chosen},
            resumed=self._history.resumed(since, until, job),
            warnings=lambda: self._history.warnings(since, until),
            now=(lambda: now_of(self._site, job)) if self._is_open else None,
            detail=self._detail,
            view=self._view,
            periods=self._by_period(chosen, periods),
            periods_name=periods_name,
        )

    def _detail(self, job: str) -> Detail:
        since, until, history = self._since, self._until, self._history
        found, configured = list(history.stories(job, since, until)), self._jobs.get(job)
        success, failure = telling.streaks(found)
        scheduled = None
        if configured is not None:
            scheduled = telling.scheduled_interval(configured.schedule, configured.rules.zone, since)
        return Detail(
            skips_by_reason=history.skips_by_reason(job, since, until),
            scheduled_interval_s=scheduled,
            longest_success_streak=success,
            longest_failure_streak=failure,
            resumed=sum(story.runs - 1 for story in found),
            trend=telling.trend(history.recent_durations(job, since, until, _RECENT)),
            steps=_in_chain_order(telling.step_stats(history.step_rows(job, since, until)), configured),
        )

    def _by_period(self, jobs: Sequence[str], periods: Sequence[Period]) -> list[PeriodStats]:
        """Return the statistics of each period; a story belongs to the one in which it began."""
        if not periods:
            return []
        starts = [period.start for period in periods]
        found: list[PeriodStats] = [PeriodStats(period=period, stats={}) for period in periods]
        for job in jobs:
            told: list[list[telling.Story]] = [[] for _ in periods]
            for story in self._history.stories(job, self._since, self._until):
                if story.started_at >= starts[0]:
                    told[bisect_right(starts, story.started_at) - 1].append(story)
            skipped = [0] * len(periods)
            for skip in self._history.skips(self._since, self._until, job):
                skipped[max(0, bisect_right(starts, skip.last_at) - 1)] += skip.times
            for place, each in enumerate(found):
                each.stats[job] = telling.stats(told[place], skipped[place])
        return found

    def _view(self, job: str) -> View:
        history, until, configured = self._history, self._until, self._jobs.get(job)
        since = max(self._since, until - _TIME_LINE)
        runs = list(history.runs(since, until, job, _MOST_RUNS))
        planned: list[float] = []
        if configured is not None:
            planned = list(islice(fires(configured.schedule, configured.rules.zone, since), _MOST_FIRES + 1))
        failures = history.failures(job, self._since, until, _MOST_FAILURES)
        return View(
            name=job,
            job=configured,
            detail=self._detail(job),
            stories=list(history.stories(job, self._since, until)),
            skips=list(history.skips(self._since, until, job, _MOST_SKIPS)),
            runs=runs[::-1],
            since=since,
            fires=[fire for fire in planned if fire < until]
            if len(planned) <= _MOST_FIRES or planned[-1] >= until
            else (),
            failures=[self._shown(failure, configured) for failure in failures],
            results=history.results(job, self._since, until, _MOST_RESULTS),
        )

    def _shown(self, failure: Failure, job: Job | None) -> Shown:
        from batchctl.store.tail import last_lines

        log = None if failure.seq is None else self._history.last_log(failure.run_id, failure.seq)
        if log is None:
            return Shown(failure=failure, tail="", note=said("it has no log"))
        secrets = self._secrets(job)
        if isinstance(secrets, str):
            return Shown(failure=failure, tail="", note=secrets)
        path = os.path.join(self._site.state, log)
        if os.path.exists(path):
            os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))  # what cannot be read is never shown as empty
        tail = "\n".join(last_lines(path, secrets, lines=_TAIL_LINES))
        return Shown(failure=failure, tail=tail, note="" if tail else said("its log is empty or gone"))

    def _secrets(self, job: Job | None) -> tuple[str, ...] | str:
        """Return what must be masked in a job's output, or why that is not known."""
        if job is None:
            return said("its log is not shown: the job has left the configuration, so its secrets are not known")
        from batchctl.process.environment import read_env_files, secret_values

        if job.name not in self._known_secrets:
            try:
                self._known_secrets[job.name] = secret_values(job, read_env_files(job))
            except BatchctlError as error:
                self._known_secrets[job.name] = f"its log is not shown, for its secrets are not known: {error}"
        return self._known_secrets[job.name]

    @cached_property
    def _known_secrets(self) -> dict[str, tuple[str, ...] | str]:
        return {}


def _fewer(wanted: int, limit: int | None) -> int:
    """Return how many rows to fetch; -1 stands for all."""
    if limit is None:
        return wanted
    return limit if wanted < 0 else min(wanted, limit)


def _in_chain_order(steps: list[telling.StepStats], job: Job | None) -> list[telling.StepStats]:
    """Return the steps as the chain names them today, then those it no longer has."""
    order = {} if job is None else {step.id: place for place, step in enumerate(job.steps)}
    return sorted(steps, key=lambda step: order.get(step.id, len(order)))


def _window(site: Site, span: Span) -> tuple[float, float]:
    if span.days is not None and span.since is not None:
        message = "--days and --since both say where the span begins"
        raise UsageError(message, remedy="leave out one of the two")
    if span.days is not None and not 0 < span.days < _LONGEST_DAYS:
        message = f"--days {span.days:g} is no span of time"
        raise UsageError(message, remedy="write for example --days 7")
    zone, now = site.config.zone, clock.now()
    try:
        end = now if span.until is None else zones.parse_time(span.until, zone, now)
        start = end - (span.days or _DAYS) * _DAY if span.since is None else zones.parse_time(span.since, zone, now)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if start >= end:
        message = f"the span begins {zones.human(start, zone)}, which is not before its end, {zones.human(end, zone)}"
        raise UsageError(message, remedy="give an earlier --since or a later --until")
    return start, end


def _window_of(site: Site, span: Span) -> tuple[float, float, list[Period], str]:
    """Return begin and end of the span, and the weeks or months in it with their name."""
    if span.weekly and span.monthly:
        message = "--weekly and --monthly ask for two calendars"
        raise UsageError(message, remedy="leave out one of the two")
    start, end = _window(site, span)
    if not span.weekly and not span.monthly:
        return start, end, [], ""
    name, cut, length = ("Weeks", calendar.weeks, 7 * _DAY) if span.weekly else ("Months", calendar.months, 31 * _DAY)
    zone = site.config.zone
    if span.days is None and span.since is None:
        start = cut(end - _PERIODS_SHOWN * length, end, zone)[-_PERIODS_SHOWN].start
    return start, end, cut(start, end, zone), name
