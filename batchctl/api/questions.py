"""What programs ask: the questions of the commands, answered with the same results."""

from __future__ import annotations

import json
import os
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from batchctl.answers.site import Site
from batchctl.api import results, results_jobs, results_upkeep
from batchctl.api.convert import result
from batchctl.api.schedules import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from datetime import timedelta

    Duration = str | float | timedelta
    Moment = datetime | str

P = ParamSpec("P")
T = TypeVar("T")


def twin(call: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """Return the same call for asyncio: it waits in a thread, so that the event loop goes on."""

    @wraps(call)
    async def awaited(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        import asyncio

        return await asyncio.to_thread(call, self, *args, **kwargs)

    awaited.__doc__ = f"`{call.__name__}`, for asyncio: it blocks no event loop."
    return awaited


class Questions:
    """The half of `Batchctl` that asks."""

    def __init__(
        self, config: str | os.PathLike[str] | None = None, state: str | os.PathLike[str] | None = None
    ) -> None:
        """Keep where to look; nothing is read yet."""
        self._config = None if config is None else os.fspath(config)
        self._state = None if state is None else os.fspath(state)

    def __repr__(self) -> str:
        """Say where it looks."""
        return f"Batchctl(config={self._config!r}, state={self._state!r})"

    @overload
    def status(self, job: None = None) -> results.Status: ...
    @overload
    def status(self, job: str) -> results.JobStatus: ...
    def status(self, job: str | None = None) -> results.Status | results.JobStatus:
        """Return where all jobs stand, or one.

        >>> ctl.status("prices").state
        'idle'
        """
        from batchctl.answers.status import status
        from batchctl.present.status import as_json

        site = self._site()
        found = status(site, job)
        said = result(results.Status, as_json(found))
        return said if job is None else said.jobs[0]

    def jobs(self, kind: str | None = None) -> tuple[results_jobs.ListedJob, ...]:
        """Return what is listed of every job, or of those of a kind.

        >>> [each.job for each in ctl.jobs()]
        ['prices', 'nightly']
        """
        from batchctl.answers.jobs import jobs
        from batchctl.present.jobs import jobs_as_json

        return result(results_jobs.JobList, jobs_as_json(jobs(self._site(), kind))).jobs

    def job(self, name: str) -> results_jobs.ShownJob:
        """Return one job as it is in force, secrets masked.

        >>> ctl.job("prices").timeout
        7200.0
        """
        from batchctl.present.jobs import job_as_object

        return result(results_jobs.ShownJob, job_as_object(self._site().job(name)))

    def explain(self, job: str, at: Moment | None = None) -> results.Explain:
        """Return every check of the decision on a job, now or at another time.

        >>> [check.name for check in ctl.explain("prices").checks if not check.passed]
        []
        """
        from batchctl.answers.explain import explain
        from batchctl.present.explain import as_json

        found = explain(self._site(), job, moment_text(at))
        return result(results.Explain, as_json(found, found.zone))

    def simulate(  # noqa: PLR0913 - the options of the command
        self,
        job: str | None = None,
        *,
        duration: Duration | None = None,
        every: Duration | None = None,
        cron: str | None = None,
        start: Moment | None = None,
        for_: Duration = "7d",
        timezone: str | None = None,
        min_gap: Duration | None = None,
        gap_factor: float | None = None,
        timeout: Duration | None = None,
        stale_after: Duration | None = None,
        fail_at: Duration | None = None,
        from_history: str | None = None,
        groups: Mapping[str, str] | None = None,
        parallel: Sequence[str] = (),
        split: Duration | None = None,
        seed: int = 0,
    ) -> results.Simulate:
        """Preview fires: which start, which are skipped and why, and what would fix it; see `batchctl simulate`.

        `duration` may be a range as text, `20h..30h`; `groups` maps names to durations, `{"search": "5h,4h,4h"}`.

        >>> ctl.simulate(duration="26h", every="24h").summary.effective_interval_s
        172800.0
        """
        from batchctl.answers.simulate import simulate
        from batchctl.present.simulation import as_json

        preview = simulate(
            self._site(),
            job,
            duration=seconds_text(duration),
            every=seconds_text(every),
            cron=cron,
            start=moment_text(start),
            horizon=seconds_text(for_) or "",
            timezone=timezone,
            min_gap=seconds_text(min_gap),
            gap_factor=gap_factor,
            timeout=seconds_text(timeout),
            stale_after=seconds_text(stale_after),
            fail_at=seconds_text(fail_at),
            from_history=from_history,
            groups=tuple(f"{name}={length}" for name, length in (groups or {}).items()),
            parallel=tuple(parallel),
            split=seconds_text(split),
            seed=seed,
        )
        return result(results.Simulate, as_json(preview))

    def upcoming(self, for_: Duration = "24h") -> results.Upcoming:
        """Return the coming fires of all jobs in one list, each with verdict and reason.

        >>> {fire.verdict for fire in ctl.upcoming("24h").fires}
        {'start'}
        """
        from batchctl.answers.upcoming import upcoming
        from batchctl.present.upcoming import as_json

        return result(results.Upcoming, as_json(upcoming(self._site(), seconds_text(for_) or "")))

    def report(
        self,
        job: str | None = None,
        *,
        days: float | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> results.Report:
        """Return runs (newest first), skips and statistics of 30 days, or of another span.

        >>> ctl.report(days=7).stats["prices"].succeeded
        1
        """
        from batchctl.answers.report import Span, report
        from batchctl.present.report import as_json

        span = Span(days=days, since=moment_text(since), until=moment_text(until))
        return result(results.Report, json.loads("".join(as_json(report(self._site(), job, span=span)))))

    def advise(self, job: str | None = None, *, days: float = 90.0) -> results_upkeep.Advise:
        """Return what the history advises for schedule, gap and budgets.

        >>> [each.job for each in ctl.advise("prices").jobs]
        ['prices']
        """
        from batchctl.answers.advise import advise
        from batchctl.present.advise import as_json

        return result(results_upkeep.Advise, as_json(advise(self._site(), job, days=days), days))

    def alerts(self, job: str | None = None, limit: int = 20) -> tuple[results_upkeep.Alert, ...]:
        """Return the newest alerts, of all jobs or of one.

        >>> ctl.alerts("prices")
        ()
        """
        from batchctl.answers.alerts import alerts
        from batchctl.present.alerts import alerts_as_json

        return result(results_upkeep.Alerts, alerts_as_json(alerts(self._site(), job, limit))).alerts

    def check(self, *jobs: str) -> results_upkeep.Health:
        """Look for what is wrong as `batchctl check` does: health.json is written, alerts that are due are sent.

        >>> ctl.check("prices").system_status
        'healthy'
        """
        from batchctl.answers.check import check
        from batchctl.present.health import as_json

        def written(*found: Any) -> str:
            return json.dumps(as_json(*found), ensure_ascii=False) + "\n"

        found = check(self._site(), list(jobs), written=written, counted=False)
        if found.unwritten is not None:
            raise found.unwritten
        return result(results_upkeep.Health, as_json(found.health, found.shown, found.zone))

    def events(self, job: str | None = None, *, since: Moment | Duration = "24h") -> tuple[results.Event, ...]:
        """Return what happened since a time, or so long ago: fires, steps, ends and alerts, the newest last.

        >>> [event.event for event in ctl.events("prices", since="1h")][0]
        'start'
        """
        from batchctl.answers.events import Events
        from batchctl.present.events import as_object

        begun = moment_text(since) if isinstance(since, str | datetime) else duration(since)
        found = Events(self._site(), job, begun or "24h")
        return tuple(result(results.Event, as_object(event, found.zone)) for event in found.new())

    def doctor(self, job: str | None = None) -> results_upkeep.Doctor:
        """Look whether everything is there that the jobs need, as cron would find it.

        >>> {finding.level for finding in ctl.doctor("prices").findings} <= {"ok", "warning", "error"}
        True
        """
        from batchctl.answers.doctor import doctor
        from batchctl.present.doctor import as_json

        return result(results_upkeep.Doctor, as_json(doctor(self._site(), job).remarks))

    def logs(self, job: str, *, run: int | None = None, step: str | None = None, lines: int | None = None) -> str:
        r"""Return what a run wrote, the last one's unless another is named; secrets masked.

        >>> ctl.logs("prices")
        '512 prices\n'
        """
        from batchctl.answers.logs import Logs

        found = Logs(self._site(), job, run, step)
        if lines is not None:
            found.skip_to_last_lines(lines)
        return "".join(piece.text for piece in found.new()) + "".join(piece.text for piece in found.rest())

    def _site(self) -> Site:
        return Site(self._config, self._state)

    astatus = twin(status)
    ajobs = twin(jobs)
    ajob = twin(job)
    aexplain = twin(explain)
    asimulate = twin(simulate)
    aupcoming = twin(upcoming)
    areport = twin(report)
    aadvise = twin(advise)
    aalerts = twin(alerts)
    acheck = twin(check)
    aevents = twin(events)
    adoctor = twin(doctor)
    alogs = twin(logs)


def seconds_text(length: Duration | None) -> str | None:
    """Return a duration as options have it."""
    return None if length is None else duration(length)


def moment_text(moment: Moment | None) -> str | None:
    """Return a time as options have it."""
    return moment.isoformat() if isinstance(moment, datetime) else moment
