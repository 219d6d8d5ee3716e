"""What people are told, and when: from the end of a run to the alerts that it causes.

Pure. An alert is one event with an id of its own; whoever finds the same event again makes the same id, and the outbox
keeps one. What happens in quiet hours is written at once and sent when they are over.
"""

from __future__ import annotations

from batchctl.base.duration import format_duration
from batchctl.base.record import Record, replace
from batchctl.core import model
from batchctl.core.text.harmless import harmless, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from batchctl.core.model import Alerting, Window
    from batchctl.core.time.zones import Zone

    Human = Callable[[float], str]

FAILED, FAILING, RECOVERED = "failed", "failing", "recovered"
LONG, FAST, STALE, LOST = "long", "fast", "stale", "lost"

_KIND_OF = {model.FAILED: FAILED, model.TIMED_OUT: FAILED, model.LOST: LOST, model.STALE: STALE}
"""An operator's own stop (`cancelled`) is no news to the operator."""

RUN_KINDS = (FAILED, FAILING, LOST, STALE)
"""What the next success of the job ends, and a recovery tells the end of."""

INFO, WARNING, CRITICAL = "info", "warning", "critical"
_CRITICAL = frozenset({FAILING, LOST, STALE, "spool", "disk"})
_DAY = 86400
_LONGEST_TITLE = 200
_LONGEST_BODY = 20_000


class Alert(Record):
    """One event that people are told of; instants are seconds since the epoch."""

    event_id: str
    job: str
    """Empty where it is about batchctl itself: its disk, its spool."""
    run_id: int | None = None
    kind: str
    """One of the conditions that `notify` knows."""
    severity: str
    title: str
    body: str
    created_at: float
    next_try_at: float | None = None
    """When it may be sent; None where it is not to be sent at all."""
    lasting: bool = False
    """Whether what it tells of goes on until something ends it; such an alert is reminded of."""
    suppressed: bool = False
    """Whether it is beyond the job's alerts of the day."""
    for_event: str | None = None
    """The alert that a recovery ends, or a reminder repeats."""


class End(Record):
    """How a run ended, as the history has it."""

    run_id: int
    job: str
    status: str
    why: str
    exit_code: int | None
    started_at: float
    ended_at: float
    duration: float
    host: str
    step: str | None = None
    """The first step that ended badly."""
    step_duration: float | None = None
    blocked: tuple[str, ...] = ()
    log: str | None = None
    """The log of that step's last attempt, relative to the state directory."""
    tail: tuple[str, ...] = ()
    partial: bool = False
    """Only some of its steps were run, so how long it took says nothing."""
    warnings: tuple[tuple[str, str], ...] = ()
    """What was noticed about the run: kind (`expect`, `output`) and sentence."""


class Facts(Record):
    """What the history says of a job besides the run that has just ended."""

    failures_before: int = 0
    """How many runs in a row had ended badly before it."""
    last_success: int = 0
    """The id of the job's last successful run, 0 without one: it names the row of failures since."""
    open_event: str | None = None
    """The last alert of a bad end that nothing has ended yet."""


def urls(alerting: Alerting, kind: str) -> tuple[str, ...]:
    """Return the addresses for a condition: its own, else those for everything."""
    notify = alerting.notify
    return notify[kind] if kind in notify else notify.get("default", ())


def wanted(alerting: Alerting, kind: str) -> bool:
    """Say whether anybody wants to be told of a condition."""
    return bool(alerting.on_alert or urls(alerting, kind))


def make(  # noqa: PLR0913 - an alert has as many parts
    kind: str,
    event_id: str,
    job: str,
    title: str,
    body: str,
    now: float,
    *,
    run_id: int | None = None,
    lasting: bool = False,
    for_event: str | None = None,
) -> Alert:
    """Return an alert whose text no mail header and no terminal obeys."""
    severity = INFO if kind == RECOVERED else CRITICAL if kind in _CRITICAL else WARNING
    return Alert(
        event_id=event_id,
        job=job,
        run_id=run_id,
        kind=kind,
        severity=severity,
        title=one_line(title)[:_LONGEST_TITLE],
        body=harmless(body)[:_LONGEST_BODY],
        created_at=now,
        lasting=lasting,
        for_event=for_event,
    )


def at_end(end: End, facts: Facts, alerting: Alerting, now: float, human: Human) -> list[Alert]:
    """Return the alerts that the end of a run causes and somebody wants."""
    if end.status in _KIND_OF:
        found = _bad_end(end, facts, alerting, now, human)
    elif end.status == model.SUCCEEDED:
        found = _good_end(end, facts, alerting, now, human)
    else:
        found = _warned(end, now, human)
    return [alert for alert in found if wanted(alerting, alert.kind)]


def _bad_end(end: End, facts: Facts, alerting: Alerting, now: float, human: Human) -> list[Alert]:
    kind = _KIND_OF[end.status]
    why = f": {end.why}" if end.why else ""
    title = f"{end.job}: run {end.run_id} {end.status.replace('_', ' ')}{why}"
    body = "\n".join([*_head(end, human), *_details(end), *_warnings(end), *_tail(end)])
    event = f"{kind}:{end.run_id}"
    found = [make(kind, event, end.job, title, body, now, run_id=end.run_id, lasting=True)]
    failures = facts.failures_before + 1
    if failures >= alerting.alert_after:
        found.append(_failing(end, facts, failures, now, human))
    if not wanted(alerting, kind):
        # Whoever asked for these alone would otherwise never see them.
        found += _warned(end, now, human)
    return found


def _failing(end: End, facts: Facts, failures: int, now: float, human: Human) -> Alert:
    # Named after the last success: one alert for one row of failures, however long it gets.
    event = f"{FAILING}:{end.job}:{facts.last_success}"
    title = f"{end.job}: failed {failures} times in a row"
    body = "\n".join([*_head(end, human), f"why: {end.why}", f"the runs before it: batchctl report {end.job}"])
    return make(FAILING, event, end.job, title, body, now, run_id=end.run_id, lasting=True)


def _good_end(end: End, facts: Facts, alerting: Alerting, now: float, human: Human) -> list[Alert]:
    found = []
    took = format_duration(end.duration)
    if facts.open_event is not None:
        title = f"{end.job}: recovered, run {end.run_id} succeeded after {took}"
        before = f"it had failed {facts.failures_before} times in a row" if facts.failures_before > 1 else ""
        body = "\n".join(filter(None, [*_head(end, human), before]))
        event = f"{RECOVERED}:{end.run_id}"
        found.append(make(RECOVERED, event, end.job, title, body, now, run_id=end.run_id, for_event=facts.open_event))
    if end.partial:
        return found + _warned(end, now, human)
    if alerting.min_duration is not None and end.duration < alerting.min_duration:
        least = format_duration(alerting.min_duration)
        title = f"{end.job}: run {end.run_id} succeeded suspiciously fast, after {took}"
        body = "\n".join([*_head(end, human), f"expected: at least {least} (min_duration)", _rest(end)])
        found.append(make(FAST, f"{FAST}:{end.run_id}", end.job, title, body, now, run_id=end.run_id))
    if alerting.long_after is not None and end.duration > alerting.long_after:
        most = format_duration(alerting.long_after)
        title = f"{end.job}: run {end.run_id} took long, {took}"
        body = "\n".join([*_head(end, human), f"expected: at most {most} (long_after)", _rest(end)])
        found.append(make(LONG, f"{LONG}:{end.run_id}", end.job, title, body, now, run_id=end.run_id))
    return found + _warned(end, now, human)


def _warned(end: End, now: float, human: Human) -> list[Alert]:
    found = []
    for kind in dict.fromkeys(kind for kind, _ in end.warnings):
        texts = [text for each, text in end.warnings if each == kind]
        more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
        title = f"{end.job}: run {end.run_id}: {texts[0]}{more}"
        body = "\n".join([*_head(end, human), *texts, _rest(end)])
        found.append(make(kind, f"{kind}:{end.run_id}", end.job, title, body, now, run_id=end.run_id))
    return found


def _head(end: End, human: Human) -> list[str]:
    code = "" if end.exit_code is None else f" (exit {end.exit_code})"
    how = f"{end.status.replace('_', ' ')} after {format_duration(end.duration)}{code}"
    return [
        f"{end.job}: run {end.run_id} on {end.host} {how}",
        f"started {human(end.started_at)}, ended {human(end.ended_at)}",
    ]


def _details(end: End) -> list[str]:
    lines = [f"why: {end.why}"] if end.why else []
    if end.step is not None:
        lines.append(f"step {end.step}, after {format_duration(end.step_duration)}")
    if end.blocked:
        lines.append(f"not run: {', '.join(end.blocked)}")
    return lines


def _warnings(end: End) -> list[str]:
    return [f"{kind}: {text}" for kind, text in end.warnings]


def _tail(end: End) -> list[str]:
    shown = [f"last {len(end.tail)} lines of its output:", *(f"| {line}" for line in end.tail)] if end.tail else []
    return [*shown, _rest(end)]


def _rest(end: End) -> str:
    step = f" --step {end.step}" if end.step is not None else ""
    return f"all of it: batchctl logs {end.job} --run {end.run_id}{step}"


def reminder(alert: Alert, every: float | None, now: float, human: Human) -> Alert | None:
    """Return the reminder of an alert that is still open and nobody has acknowledged; None where none is due yet.

    One for each full `every` seconds since the alert; one that nobody could give in time is not made up for.
    """
    if not every or now < alert.created_at + every:
        return None
    count = int((now - alert.created_at) // every)
    since = human(alert.created_at)
    silence = f"no more reminders: batchctl alerts ack {alert.job}".rstrip()
    return make(
        alert.kind,
        f"remind:{count}:{alert.event_id}",
        alert.job,
        f"still: {alert.title}",
        f"open since {since}, not acknowledged\n{silence}\n\n{alert.body}",
        now,
        run_id=alert.run_id,
        for_event=alert.event_id,
    )


def rationed(alerts: Sequence[Alert], told_today: int, alerting: Alerting, zone: Zone, now: float) -> list[Alert]:
    """Return the alerts with the time at which each may be sent: not in quiet hours, and only so many a day.

    The first one beyond the day's number brings along a last word that says so; the rest are kept but not sent.
    """
    ready = quiet_until(now, alerting.quiet_hours, zone)
    found: list[Alert] = []
    for number, alert in enumerate(alerts, told_today + 1):
        if number <= alerting.max_alerts_per_day:
            found.append(replace(alert, next_try_at=ready))
            continue
        found += [replace(_no_more(alert, alerting, zone, now), next_try_at=ready), replace(alert, suppressed=True)]
    return found


def _no_more(alert: Alert, alerting: Alerting, zone: Zone, now: float) -> Alert:
    day = int(day_start(now, zone) + zone.offset(now)) // _DAY
    name = alert.job or "batchctl"
    body = (
        f"{alerting.max_alerts_per_day} alerts were sent today (max_alerts_per_day); more are kept and not sent\n"
        f"see them: batchctl alerts list {alert.job}".rstrip()
    )
    return make(alert.kind, f"more:{alert.job}:{day}", alert.job, f"{name}: more alerts suppressed today", body, now)


def day_start(now: float, zone: Zone) -> float:
    """Return the midnight before `now` in a zone."""
    local = now + zone.offset(now)
    return local - local % _DAY - zone.offset(now)


def quiet_until(now: float, window: Window | None, zone: Zone) -> float:
    """Return the instant from which alerts may be sent: now, or the end of the quiet hours that now lies in."""
    if window is None:
        return now
    midnight = day_start(now, zone)
    minute = int((now - midnight) // 60)
    start, end = window.start, window.end
    inside = start <= minute <= end if start <= end else minute >= start or minute <= end
    if not inside:
        return now
    over = midnight + (end + 1) * 60
    return over if over > now else over + _DAY


def to_remind(open_alerts: Iterable[tuple[Alert, float | None]]) -> Alert | None:
    """Return the alert to remind of: the newest open one, unless it has been acknowledged.

    `open_alerts` are pairs of alert and time of acknowledgement, oldest first. Whoever has acknowledged the newest one
    knows of the older ones too.
    """
    last = None
    for alert, acked_at in open_alerts:
        last = alert if acked_at is None else None
    return last
