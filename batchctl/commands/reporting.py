"""From the history to what `batchctl report` shows: each part is fetched when its renderer asks for it."""

from __future__ import annotations

import os
from bisect import bisect_right
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from batchctl.base.errors import BatchctlError
from batchctl.commands.site import Site, unknown_job
from batchctl.core import stories as telling
from batchctl.core.stories import Detail
from batchctl.core.time.schedule import fires
from batchctl.present.report import PeriodStats, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.model import Job
    from batchctl.core.time.periods import Period
    from batchctl.present.picture import Shown, View
    from batchctl.store.stories import Failure

_DAY = 86400.0
_RECENT = 20
"""Newest successes that a small line of durations, and the trend, look at."""
_TIME_LINE = 14 * _DAY
_MOST_RUNS, _MOST_SKIPS, _MOST_FIRES, _MOST_RESULTS, _MOST_FAILURES = 2000, 5000, 500, 120, 10
_TAIL_LINES = 12


def build(
    site: Site, job: str | None, since: float, until: float, periods: Sequence[Period] = (), periods_name: str = ""
) -> Report:
    """Return the report of one job, or of every job that is configured or has a history.

    Raises:
        UsageError: if neither the configuration nor the history knows the job.
    """
    return _Source(site, since, until).report(job, periods, periods_name)


class _Source:
    """The history of one window."""

    def __init__(self, site: Site, since: float, until: float) -> None:
        self._site, self._since, self._until = site, since, until
        self._history = site.history()
        self._jobs = site.config.jobs

    def report(self, job: str | None, periods: Sequence[Period], periods_name: str) -> Report:
        since, until = self._since, self._until
        known = sorted({*self._jobs, *self._history.jobs()})
        if job is not None and job not in known:
            raise unknown_job(job, known)
        chosen = known if job is None else [job]
        return Report(
            since=since,
            until=until,
            runs=lambda limit: self._history.runs_with_steps(since, until, job, limit),
            skips=lambda limit: self._history.skips(since, until, job, limit),
            stats=self._history.stats(since, until, chosen),
            zone=self._site.config.zone,
            only=job,
            recent={name: self._history.recent_durations(name, since, until, _RECENT) for name in chosen},
            resumed=self._history.resumed(since, until, job),
            warnings=lambda: self._history.warnings(since, until),
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
        from batchctl.present.picture import View

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
        from batchctl.present.picture import Shown
        from batchctl.store.tail import last_lines

        log = None if failure.seq is None else self._history.last_log(failure.run_id, failure.seq)
        if log is None:
            return Shown(failure=failure, tail="", note="it has no log")
        secrets = self._secrets(job)
        if isinstance(secrets, str):
            return Shown(failure=failure, tail="", note=secrets)
        tail = "\n".join(last_lines(os.path.join(self._site.state, log), secrets, lines=_TAIL_LINES))
        return Shown(failure=failure, tail=tail, note="" if tail else "its log is empty or gone")

    def _secrets(self, job: Job | None) -> tuple[str, ...] | str:
        """Return what must be masked in a job's output, or why that is not known."""
        if job is None:
            return "its log is not shown: the job has left the configuration, so its secrets are not known"
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


def _in_chain_order(steps: list[telling.StepStats], job: Job | None) -> list[telling.StepStats]:
    """Return the steps as the chain names them today, then those it no longer has."""
    order = {} if job is None else {step.id: place for place, step in enumerate(job.steps)}
    return sorted(steps, key=lambda step: order.get(step.id, len(order)))
