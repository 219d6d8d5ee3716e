"""Alerts: what people are told, when, and how often.

Pure. An alert is one event with an id of its own; whoever finds the same event again makes the same id, and the outbox
keeps one. What happens in quiet hours is written at once and sent when they are over.
"""

from __future__ import annotations

from batchctl.base.record import Record, replace
from batchctl.base.said import Moment, said
from batchctl.core.text.harmless import harmless, one_line
from batchctl.core.time.periods import day_of
from batchctl.core.time.zones import human

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from batchctl.core.model import Alerting, Window
    from batchctl.core.time.zones import Zone

    Say = Callable[..., str]

FAILED, FAILING, FLAPPING, RECOVERED = "failed", "failing", "flapping", "recovered"
LONG, FAST, STALE, LOST = "long", "fast", "stale", "lost"
MISSED, SKIPS, OVERRUN, EXPECT, OUTPUT = "missed", "skips", "overrun", "expect", "output"
DISK, SPOOL, CRON = "disk", "spool", "cron"
RUN_KINDS = (FAILED, FAILING, LOST, STALE)
"""What the next success of the job ends, and a recovery tells the end of."""

INFO, WARNING, CRITICAL = "info", "warning", "critical"
_CRITICAL = frozenset({FAILING, LOST, STALE, SPOOL, DISK})
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


def reminder(alert: Alert, every: float | None, now: float, zone: Zone, say: Say = said) -> Alert | None:
    """Return the reminder of an alert that is still open and nobody has acknowledged; None where none is due yet.

    One for each full `every` seconds since the alert; one that nobody could give in time is not made up for.
    """
    if not every or now < alert.created_at + every:
        return None
    count = int((now - alert.created_at) // every)
    since = say("open since %s, not acknowledged", Moment(human(alert.created_at, zone)))
    silence = say("no more reminders: %s", f"batchctl alerts ack {alert.job}".rstrip())
    return make(
        alert.kind,
        f"remind:{count}:{alert.event_id}",
        alert.job,
        say("still: %s", alert.title),
        f"{since}\n{silence}\n\n{alert.body}",
        now,
        run_id=alert.run_id,
        for_event=alert.event_id,
    )


def rationed(
    alerts: Sequence[Alert], told_today: int, alerting: Alerting, zone: Zone, now: float, say: Say = said
) -> list[Alert]:
    """Return the alerts with the time at which each may be sent: not in quiet hours, and only so many a day.

    The first one beyond the day's number brings along a last word that says so; the rest are kept but not sent.
    """
    ready = quiet_until(now, alerting.quiet_hours, zone)
    found: list[Alert] = []
    for number, alert in enumerate(alerts, told_today + 1):
        if number <= alerting.max_alerts_per_day:
            found.append(replace(alert, next_try_at=ready))
            continue
        last_word = replace(_no_more(alert, alerting, zone, now, say), next_try_at=ready)
        found += [last_word, replace(alert, suppressed=True)]
    return found


def _no_more(alert: Alert, alerting: Alerting, zone: Zone, now: float, say: Say) -> Alert:
    title = say("%s: more alerts suppressed today", alert.job or "batchctl")
    many = "%d alerts were sent today (max_alerts_per_day); more are kept and not sent"
    see = say("see them: %s", f"batchctl alerts list {alert.job}".rstrip())
    body = f"{say(many, alerting.max_alerts_per_day)}\n{see}"
    return make(alert.kind, f"more:{alert.job}:{day_of(now, zone)}", alert.job, title, body, now)


def quiet_until(now: float, window: Window | None, zone: Zone) -> float:
    """Return the instant from which alerts may be sent: now, or the end of the quiet hours that now lies in."""
    return now if window is None or not window.contains(now, zone) else window.turn(now, zone)


def to_remind(open_alerts: Iterable[tuple[Alert, float | None]]) -> Alert | None:
    """Return the alert to remind of: the newest open one, unless it has been acknowledged.

    `open_alerts` are pairs of alert and time of acknowledgement, oldest first. Whoever has acknowledged the newest one
    knows of the older ones too.
    """
    last = None
    for alert, acked_at in open_alerts:
        last = alert if acked_at is None else None
    return last
