"""What is wrong with a job, from where it stands: the findings of `batchctl check`.

Pure. Instants are seconds since the epoch, durations seconds. An event id names the event and not the look at it, so
that a check every ten minutes tells of each once.
"""

from __future__ import annotations

from batchctl.base.duration import format_duration
from batchctl.base.record import Record, replace
from batchctl.base.said import Lasting, Moment, Said, recalled, said
from batchctl.core import model, statistics
from batchctl.core.guard.decide import is_lost
from batchctl.core.judge import alerts
from batchctl.core.time.zones import human

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from batchctl.core.guard.decide import Running
    from batchctl.core.judge.facts import Ended, Facts
    from batchctl.core.model import Job

    Severity = Literal["info", "warning", "critical"]
    Status = Literal["healthy", "degraded", "unhealthy"]

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


def findings(facts: Facts, now: float) -> list[Finding]:
    """Return what there is to say of a job, most urgent first."""
    return sorted([*at_end(facts), *at_present(facts, now)], key=urgency)


def at_end(facts: Facts) -> Iterator[Finding]:
    """Yield what the end of the last run comes to; whenever it is asked, the same."""
    if facts.last is not None:
        yield from _ended(facts, facts.last)
        yield from _flapping(facts, facts.last)
        yield from _unusual(facts, facts.last)
        yield from _warned(facts, facts.last)


def at_present(facts: Facts, now: float) -> Iterator[Finding]:
    """Yield what there is to say of where the job stands now."""
    yield from _running(facts, now)
    yield from _missed(facts, now)
    yield from _skipped(facts)


def urgency(finding: Finding) -> tuple[int, str]:
    """Return what findings are sorted by."""
    return -SEVERITIES.index(finding.severity), finding.job or ""


def status_of(found: Sequence[Finding]) -> Status:
    """Return what the findings amount to: `degraded` for warnings, `unhealthy` for anything critical."""
    severities = {finding.severity for finding in found}
    return "unhealthy" if "critical" in severities else "degraded" if "warning" in severities else "healthy"


def failures(facts: Facts, last: Ended) -> int:
    """Return how many runs in a row have ended badly, the last one included."""
    return facts.failures_before + (last.status in _KIND_OF)


def _ended(facts: Facts, last: Ended) -> Iterator[Finding]:
    job = facts.job
    if facts.standing is not None:
        yield from _standing(facts, facts.standing, last)
    elif last.status == model.SUCCEEDED:
        if facts.failures_before or facts.open_event:
            # What an alert was open about may have been pruned since.
            times = said("%d failures in a row", facts.failures_before)
            times = said("1 failure") if facts.failures_before <= 1 else times
            text = said("run %d succeeded %s, after %s", last.run_id, _at(job, last.ended_at), times)
            yield _about_run(alerts.RECOVERED, "info", facts, last, text)
    else:
        yield _end(facts, last)
        yield from _row(facts, last)


def _flapping(facts: Facts, last: Ended) -> Iterator[Finding]:
    if facts.turns:
        window = lasting(facts.job.alerting.flap_window)
        text = said("it has turned %d times between success and failure within %s", facts.turns, window)
        found = _about_run(alerts.FLAPPING, "warning", facts, last, text)
        # However long it goes on, it is one event: the one that was told.
        yield found if facts.open_flapping is None else replace(found, event_id=facts.open_flapping)


def _standing(facts: Facts, bad: Ended, last: Ended) -> Iterator[Finding]:
    """Yield the bad end that still stands, after a run that has not mended it."""
    found = _end(facts, bad)
    if last.status == model.SUCCEEDED:
        since = said("run %d has succeeded since without what failed", last.run_id)
        found = replace(found, text=said("%s; %s", found.text, since))
    else:
        yield _end(facts, last)
    yield found
    yield from _row(facts, bad)


def _end(facts: Facts, end: Ended) -> Finding:
    text = _with_why(said(_ENDED_TEXTS[end.status], end.run_id, _at(facts.job, end.ended_at)), end)
    # An operator's own stop is worth knowing, and nothing that is wrong.
    severity: Severity = "warning" if end.status in _KIND_OF else "info"
    return _about_run(_KIND_OF.get(end.status, model.CANCELLED), severity, facts, end, text)


def _row(facts: Facts, bad: Ended) -> Iterator[Finding]:
    """Yield that too many have failed in a row; named after the last good run, so that a long row is one event."""
    count = facts.failures_before if facts.standing is not None else failures(facts, bad)
    if count >= facts.job.alerting.alert_after:
        text = _with_why(said("%d runs in a row did not succeed; the last is run %d", count, bad.run_id), bad)
        event = f"{alerts.FAILING}:{facts.job.name}:{facts.last_success}"
        yield replace(_about_run(alerts.FAILING, "critical", facts, bad, text), event_id=event)


def _with_why(text: Said, end: Ended) -> Said:
    return said("%s: %s", text, recalled(end.why)) if end.why else text


_KIND_OF = {
    model.FAILED: alerts.FAILED,
    model.TIMED_OUT: alerts.FAILED,
    model.LOST: alerts.LOST,
    model.STALE: alerts.STALE,
}
_ENDED_TEXTS = {
    model.FAILED: "run %d failed %s",
    model.TIMED_OUT: "run %d timed out %s",
    model.CANCELLED: "run %d was cancelled %s",
    model.LOST: "run %d was lost %s",
    model.STALE: "run %d was stale and taken over %s",
}


def _running(facts: Facts, now: float) -> Iterator[Finding]:
    running, job = facts.running, facts.job
    if running is None:
        return
    if is_lost(running):
        text = said("run %d, started %s, is lost: its batchctl is gone", running.run_id, _at(job, running.started_at))
        yield _now(alerts.LOST, "critical", facts, running, text)
        return
    age = _age(running, now)
    stale_after = job.rules.stale_after
    if stale_after is not None and age > stale_after:
        text = said(
            "run %d has been running for %s, stale_after is %s", running.run_id, lasting(age), lasting(stale_after)
        )
        yield _now(alerts.STALE, "critical", facts, running, text)
    elif running.owner == "dead":
        text = said("run %d lost its batchctl, and processes of its steps still live", running.run_id)
        yield _now(alerts.LOST, "critical", facts, running, text)
    most = longest(facts)
    if most is not None and age > most.seconds:
        text = said("run %d has been running for %s, %s", running.run_id, lasting(age), most.said)
        yield _now(alerts.LONG, "warning", facts, running, text)
    if facts.noticed:
        text = said("run %d, which is still running: %s", running.run_id, "; ".join(facts.noticed))
        yield _now(alerts.OUTPUT, "warning", facts, running, text)
    yield from _overrun(facts, running, now)


def _overrun(facts: Facts, running: Running, now: float) -> Iterator[Finding]:
    """Say which fires will be skipped; that is a warning only where a usual run would not have overrun them."""
    end, job = facts.expected_end, facts.job
    over = [] if end is None else [fire for fire in facts.next_fires if fire < end]
    if not over:
        return
    typical = statistics.typical(facts.durations)
    started = now - _age(running, now)
    as_usual = typical is not None and started + typical > over[0]
    shown: str = _at(facts.job, over[0])
    for fire in over[1:_SHOWN]:
        shown = said("%s, %s", shown, _at(facts.job, fire))
    if len(over) > _SHOWN:
        shown = said("%s and %d more", shown, len(over) - _SHOWN)
    ends = (running.run_id, _at(job, end), _fires(len(over)), shown)
    text = said("run %d is expected to end %s and overruns %s: %s", *ends)
    yield _now(alerts.OVERRUN, "info" if as_usual else "warning", facts, running, text)


class Bound(Record):
    """Seconds beyond which a duration is unusual."""

    seconds: float
    said: str
    """How a duration beyond it compares."""
    expected: str
    """What was to be expected."""


def longest(facts: Facts) -> Bound | None:
    """Return from when on a run is long; None where nothing says so."""
    alerting = facts.job.alerting
    limit = alerting.long_after
    if limit is not None:
        most = lasting(limit)
        expected = said("at most %s (long_after)", most)
        return Bound(seconds=limit, said=said("longer than long_after, %s", most), expected=expected)
    usual = _usual(facts, 0.95)
    if usual is None:
        return None
    limit, habit = max(usual * alerting.long_factor, usual + _UNUSUAL), said("95%% take %s or less", lasting(usual))
    expected = said("at most %s (%s)", lasting(limit), habit)
    return Bound(seconds=limit, said=said("longer than is usual: %s", habit), expected=expected)


def shortest(facts: Facts) -> Bound | None:
    """Return up to when a success is suspiciously fast; None where nothing says so."""
    limit = facts.job.alerting.min_duration
    if limit is not None:
        least = lasting(limit)
        expected = said("at least %s (min_duration)", least)
        return Bound(seconds=limit, said=said("less than min_duration, %s", least), expected=expected)
    median = _usual(facts, 0.5)
    if median is None or median < _MATTERS:
        return None
    limit, habit = _FAR_BELOW * median, said("half of them take %s or more", lasting(median))
    expected = said("at least %s (%s)", lasting(limit), habit)
    return Bound(seconds=limit, said=said("where %s", habit), expected=expected)


def _usual(facts: Facts, share: float) -> float | None:
    enough = len(facts.durations) >= statistics.ENOUGH
    return statistics.percentile(sorted(facts.durations), share) if enough else None


def _unusual(facts: Facts, last: Ended) -> Iterator[Finding]:
    """Judge how long the last run took, where it succeeded and ran the whole chain."""
    if last.status != model.SUCCEEDED or last.duration is None or last.partial:
        return
    took, most, least = (last.run_id, lasting(last.duration)), longest(facts), shortest(facts)
    if most is not None and last.duration > most.seconds:
        yield _about_run(alerts.LONG, "warning", facts, last, said("run %d took %s, %s", *took, most.said))
    if least is not None and last.duration < least.seconds:
        yield _about_run(alerts.FAST, "warning", facts, last, said("run %d took %s, %s", *took, least.said))


def _missed(facts: Facts, now: float) -> Iterator[Finding]:
    job = facts.job
    for gap in facts.gaps:
        first, last = gap.fires[0], gap.fires[-1]
        old = gap.started_since and now - last > _FRESH
        span = _at(job, first) if len(gap.fires) == 1 else said("%s to %s", _at(job, first), _at(job, last))
        since = said("it has not started since") if gap.after_run else said("it has never started")
        since = said("it has started again since") if gap.started_since else since
        yield Finding(
            kind=alerts.MISSED,
            severity="info" if old else "warning",
            job=job.name,
            text=said("%s missed, %s: neither a start nor a skip; %s", _fires(len(gap.fires)), span, since),
            since=first,
            event_id=f"missed:{job.name}:{gap.after_run}",
        )


def _skipped(facts: Facts) -> Iterator[Finding]:
    limit, job = facts.job.alerting.alert_after_skips, facts.job
    if limit is None or facts.skips < limit:
        return
    text = said("%s skipped since the last start", _fires(facts.skips))
    if facts.skip_reason:
        text = said("%s, the last because %s", text, said(facts.skip_reason.replace("_", " ")))
    run = 0 if facts.last is None else facts.last.run_id
    yield Finding(
        kind=alerts.SKIPS,
        severity="warning",
        job=job.name,
        text=text,
        since=facts.skips_since,
        event_id=f"skips:{job.name}:{max(run, 0 if facts.running is None else facts.running.run_id)}",
    )


def warned(facts: Facts, last: Ended) -> dict[str, list[str]]:
    """Return what the last run has warned of, or what would be by now, by kind."""
    told = {alerts.EXPECT: list(facts.unmet)}
    return told | {kind: [text for each, text in last.warnings if each == kind] for kind, _ in last.warnings}


def _warned(facts: Facts, last: Ended) -> Iterator[Finding]:
    for kind, sentences in warned(facts, last).items():
        if sentences:
            yield _about_run(
                kind, "warning", facts, last, said("run %d: %s", last.run_id, recalled("; ".join(sentences)))
            )


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


def _at(job: Job, instant: float | None) -> Moment:
    return Moment(human(instant, job.rules.zone))


def lasting(seconds: float | None) -> Lasting:
    """Return a duration as a fact of a sentence."""
    return Lasting(format_duration(seconds))


def _fires(count: int) -> Said:
    return said("%s fire" if count == 1 else "%s fires", count)
