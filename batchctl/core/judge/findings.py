"""What is wrong with a job, from where it stands: the findings of `batchctl check`.

Pure. Instants are seconds since the epoch, durations seconds. An event id names the event and not the look at it, so
that a check every ten minutes tells of each once.
"""

from __future__ import annotations

from batchctl.base.duration import format_duration
from batchctl.base.record import Record
from batchctl.core import model, statistics
from batchctl.core.guard.decide import is_lost
from batchctl.core.time.zones import human

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from batchctl.core.guard.decide import Running
    from batchctl.core.judge.missed import Gap
    from batchctl.core.model import Job

    Severity = Literal["info", "warning", "critical"]
    Status = Literal["healthy", "degraded", "unhealthy"]

ENOUGH = 5
"""Successful runs from which on a history says what is usual."""
SEVERITIES = ("info", "warning", "critical")
"""From harmless to urgent; `info` is worth knowing and makes nothing unhealthy."""

_UNUSUAL = 60.0
"""Seconds beyond the usual that are never called long: of a batch of one second half a second more says nothing."""
_FAR_BELOW = 0.1
"""Share of the median duration below which a success is suspicious."""
_MATTERS = 60.0
"""Median duration from which on a fast success is worth a word."""
_FRESH = 86400.0
"""Seconds for which a missed fire counts although the job has started again."""


class Finding(Record):
    """One thing that is wrong, or worth knowing."""

    kind: str
    """One of the conditions that an alert can be about."""
    severity: Severity
    job: str | None
    """None where it is about no single job."""
    text: str
    since: float | None
    event_id: str
    run_id: int | None = None


class Ended(Record):
    """A run that has ended."""

    run_id: int
    status: str
    started_at: float
    ended_at: float
    duration: float | None = None
    why: str | None = None
    partial: bool = False
    """Only some of its steps were run: a resumed run, or a selection."""


class Facts(Record):
    """All that the findings of one job are made of."""

    job: Job
    last: Ended | None = None
    """The last run that has ended."""
    failures: int = 0
    """Runs that ended otherwise than `succeeded` since the last that did."""
    failures_before: int = 0
    """The same before the last success, where that is the last run."""
    last_success: int = 0
    """Id of the last successful run; 0 without any."""
    running: Running | None = None
    """The running row as the machine judges it."""
    durations: Sequence[float] = ()
    """Seconds of earlier successes, newest first, without the last run."""
    skips: int = 0
    """Fires skipped since the last start."""
    skips_since: float | None = None
    skip_reason: str = ""
    gaps: Sequence[Gap] = ()
    next_fires: Sequence[float] = ()
    """The fires before the expected end of the running run, or the next one."""
    expected_end: float | None = None
    unmet: Sequence[str] = ()
    """What the results of the last run should be and are not."""
    warned: Sequence[tuple[str, str]] = ()
    """What the last run itself has warned of: kind and sentence."""


def findings(facts: Facts, now: float) -> list[Finding]:
    """Return what there is to say of a job, most urgent first."""
    found = [
        *_ended(facts),
        *_running(facts, now),
        *_unusual(facts),
        *_missed(facts, now),
        *_skipped(facts),
        *_results(facts),
    ]
    return sorted(found, key=urgency)


def urgency(finding: Finding) -> tuple[int, str]:
    """Return what findings are sorted by."""
    return -SEVERITIES.index(finding.severity), finding.job or ""


def status_of(found: Sequence[Finding]) -> Status:
    """Return what the findings amount to: `degraded` for warnings, `unhealthy` for anything critical."""
    severities = {finding.severity for finding in found}
    return "unhealthy" if "critical" in severities else "degraded" if "warning" in severities else "healthy"


def _ended(facts: Facts) -> Iterator[Finding]:
    last, job = facts.last, facts.job
    if last is None:
        return
    if last.status == model.SUCCEEDED:
        if facts.failures_before:
            times = "1 failure" if facts.failures_before == 1 else f"{facts.failures_before} failures in a row"
            text = f"run {last.run_id} succeeded {_at(job, last.ended_at)}, after {times}"
            yield _about_run("recovered", "info", facts, last, text)
        return
    kind = last.status if last.status in {model.LOST, model.STALE} else "failed"
    why = f": {last.why}" if last.why else ""
    text = f"run {last.run_id} {_ENDED[last.status]} {_at(job, last.ended_at)}{why}"
    # An operator's own stop is worth knowing, and nothing that is wrong.
    yield _about_run(kind, "info" if last.status == model.CANCELLED else "warning", facts, last, text)
    if facts.failures >= job.alerting.alert_after:
        text = f"{facts.failures} runs in a row did not succeed; the last is run {last.run_id}{why}"
        yield Finding(
            kind="failing",
            severity="critical",
            job=job.name,
            text=text,
            since=last.ended_at,
            event_id=f"failing:{job.name}:{facts.last_success}",
            run_id=last.run_id,
        )


_ENDED = {
    model.FAILED: "failed",
    model.TIMED_OUT: "timed out",
    model.CANCELLED: "was cancelled",
    model.LOST: "was lost",
    model.STALE: "was stale and taken over",
}


def _running(facts: Facts, now: float) -> Iterator[Finding]:
    running, job = facts.running, facts.job
    if running is None:
        return
    if is_lost(running):
        text = f"run {running.run_id}, started {_at(job, running.started_at)}, is lost: its batchctl is gone"
        yield _now("lost", "critical", facts, running, text)
        return
    age = _age(running, now)
    stale_after = job.rules.stale_after
    if stale_after is not None and age > stale_after:
        span = f"{format_duration(age)}, stale_after is {format_duration(stale_after)}"
        yield _now("stale", "critical", facts, running, f"run {running.run_id} has been running for {span}")
    elif running.owner == "dead":
        text = f"run {running.run_id} lost its batchctl, and processes of its steps still live"
        yield _now("lost", "critical", facts, running, text)
    limit = _limit(facts)
    if limit is not None and age > limit:
        text = f"run {running.run_id} has been running for {format_duration(age)}, longer than {_usual(facts, limit)}"
        yield _now("long", "warning", facts, running, text)
    yield from _overrun(facts, running, now)


def _overrun(facts: Facts, running: Running, now: float) -> Iterator[Finding]:
    """Say which fires will be skipped; that is a warning only where a usual run would not have overrun them."""
    end, job = facts.expected_end, facts.job
    over = [fire for fire in facts.next_fires if end is not None and now < fire < end]
    if end is None or not over:
        return
    typical = statistics.typical(facts.durations)
    started = now - _age(running, now)
    as_usual = typical is not None and started + typical > over[0]
    shown = ", ".join(_at(facts.job, fire) for fire in over[:_SHOWN])
    more = f" and {len(over) - _SHOWN} more" if len(over) > _SHOWN else ""
    text = f"run {running.run_id} is expected to end {_at(job, end)} and overruns {_fires(len(over))}: {shown}{more}"
    yield _now("overrun", "info" if as_usual else "warning", facts, running, text)


def _unusual(facts: Facts) -> Iterator[Finding]:
    """Judge how long the last run took, where it succeeded and ran the whole chain."""
    last, job = facts.last, facts.job
    if last is None or last.status != model.SUCCEEDED or last.duration is None or last.partial:
        return
    took, limit = f"run {last.run_id} took {format_duration(last.duration)}", _limit(facts)
    if limit is not None and last.duration > limit:
        yield _about_run("long", "warning", facts, last, f"{took}, longer than {_usual(facts, limit)}")
    least = job.alerting.min_duration
    if least is not None:
        if last.duration < least:
            text = f"{took}, less than min_duration, {format_duration(least)}"
            yield _about_run("fast", "warning", facts, last, text)
        return
    median = statistics.percentile(sorted(facts.durations), 0.5)
    if len(facts.durations) < ENOUGH or median is None or median < _MATTERS:
        return
    if last.duration < _FAR_BELOW * median:
        text = f"{took}, where half of them take {format_duration(median)} or more"
        yield _about_run("fast", "warning", facts, last, text)


def _missed(facts: Facts, now: float) -> Iterator[Finding]:
    job = facts.job
    for gap in facts.gaps:
        first, last = gap.fires[0], gap.fires[-1]
        old = gap.started_since and now - last > _FRESH
        span = _at(job, first) if len(gap.fires) == 1 else f"{_at(job, first)} to {_at(job, last)}"
        since = "it has started again since" if gap.started_since else "it has not started since"
        yield Finding(
            kind="missed",
            severity="info" if old else "warning",
            job=job.name,
            text=f"{_fires(len(gap.fires))} missed, {span}: neither a start nor a skip; {since}",
            since=first,
            event_id=f"missed:{job.name}:{gap.after_run}",
        )


def _skipped(facts: Facts) -> Iterator[Finding]:
    limit, job = facts.job.alerting.alert_after_skips, facts.job
    if limit is None or facts.skips < limit:
        return
    reason = f", the last because {facts.skip_reason.replace('_', ' ')}" if facts.skip_reason else ""
    run = 0 if facts.last is None else facts.last.run_id
    yield Finding(
        kind="skips",
        severity="warning",
        job=job.name,
        text=f"{_fires(facts.skips)} skipped since the last start{reason}",
        since=facts.skips_since,
        event_id=f"skips:{job.name}:{max(run, 0 if facts.running is None else facts.running.run_id)}",
    )


def _results(facts: Facts) -> Iterator[Finding]:
    if facts.last is None:
        return
    told = [text for kind, text in facts.warned if kind == "expect"]
    texts = {"expect": told or list(facts.unmet), "output": [text for kind, text in facts.warned if kind == "output"]}
    for kind, sentences in texts.items():
        if sentences:
            text = f"run {facts.last.run_id}: {'; '.join(sentences)}"
            yield _about_run(kind, "warning", facts, facts.last, text)


def _limit(facts: Facts) -> float | None:
    """Return the seconds from which on a run is long; None where nothing says so."""
    alerting = facts.job.alerting
    if alerting.long_after is not None:
        return alerting.long_after
    usual = statistics.percentile(sorted(facts.durations), 0.95)
    if usual is None or len(facts.durations) < ENOUGH:
        return None
    return max(usual * alerting.long_factor, usual + _UNUSUAL)


def _usual(facts: Facts, limit: float) -> str:
    if facts.job.alerting.long_after is not None:
        return f"long_after, {format_duration(limit)}"
    usual = statistics.percentile(sorted(facts.durations), 0.95)
    return f"is usual: 95% take {format_duration(usual)} or less"


def _age(running: Running, now: float) -> float:
    return max(0.0, now - running.started_at) if running.age is None else running.age


def _now(kind: str, severity: Severity, facts: Facts, running: Running, text: str) -> Finding:
    return Finding(
        kind=kind,
        severity=severity,
        job=facts.job.name,
        text=text,
        since=running.started_at,
        event_id=f"{kind}:{running.run_id}",
        run_id=running.run_id,
    )


def _about_run(kind: str, severity: Severity, facts: Facts, run: Ended, text: str) -> Finding:
    return Finding(
        kind=kind,
        severity=severity,
        job=facts.job.name,
        text=text,
        since=run.ended_at,
        event_id=f"{kind}:{run.run_id}",
        run_id=run.run_id,
    )


_SHOWN = 3


def _at(job: Job, instant: float) -> str:
    return human(instant, job.rules.zone)


def _fires(count: int) -> str:
    return "1 fire" if count == 1 else f"{count} fires"
