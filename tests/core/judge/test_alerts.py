"""What people are told, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from support import SEOUL

from batchctl.core.judge import alerts
from batchctl.core.judge.alerts import End, Facts, at_end, quiet_until, rationed
from batchctl.core.model import Alerting, Window

NOW = datetime.fromisoformat("2026-11-21T12:00:00+09:00").timestamp()
TO_ALL = {"default": ("json://all",)}


def human(instant: float) -> str:
    """Show an instant as its seconds since noon."""
    return f"{instant - NOW:+.0f}"


def ended(status: str = "failed", **changes: Any) -> End:
    """Return the end of run 12."""
    return End(
        **{
            "run_id": 12,
            "job": "작업",
            "status": status,
            "why": "" if status == "succeeded" else "step 31: exit code 3",
            "exit_code": int(status != "succeeded"),
            "started_at": NOW - 100,
            "ended_at": NOW,
            "duration": 100.0,
            "host": "server",
            **changes,
        }
    )


def told(end: End, facts: Facts | None = None, **changes: Any) -> list[alerts.Alert]:
    """Return the alerts of an end."""
    return at_end(end, facts or Facts(), Alerting(**{"notify": TO_ALL, **changes}), NOW, human)


@pytest.mark.parametrize(
    ("status", "event", "severity"),
    [
        ("failed", "failed:12", "warning"),  # a step failed
        ("timed_out", "failed:12", "warning"),  # a budget was exceeded
        ("lost", "lost:12", "critical"),  # batchctl vanished
        ("stale", "stale:12", "critical"),  # it was taken over
    ],
)
def test_a_bad_end_is_told(status: str, event: str, severity: str) -> None:
    """Each bad end is one lasting event named after its run."""
    (alert,) = told(ended(status))
    assert (alert.event_id, alert.severity, alert.lasting) == (event, severity, True)
    assert alert.title == f"작업: run 12 {status.replace('_', ' ')}: step 31: exit code 3"


@pytest.mark.parametrize("status", ["cancelled", "succeeded"])
def test_an_operators_stop_and_a_success_are_no_news(status: str) -> None:
    """Nobody is told of what was wanted."""
    assert told(ended(status)) == []


def test_the_text_says_what_an_operator_needs() -> None:
    """Job, run, host, step, why, how long, what was not run, the last lines, and the command for the rest."""
    end = ended(step="31", step_duration=90.0, blocked=("32", "33"), tail=("하나", "둘"))
    assert told(end)[0].body.splitlines() == [
        "작업: run 12 on server failed after 1m 40s (exit 1)",
        "started -100, ended +0",
        "why: step 31: exit code 3",
        "step 31, after 1m 30s",
        "not run: 32, 33",
        "last 2 lines of its output:",
        "| 하나",
        "| 둘",
        "all of it: batchctl logs 작업 --run 12 --step 31",
    ]


@pytest.mark.parametrize(
    ("before", "kinds"),
    [
        (0, ["failed"]),  # the first failure
        (1, ["failed"]),  # the second
        (2, ["failed", "failing"]),  # the third in a row: alert_after
        (3, ["failed", "failing"]),  # the event of the row is the same, so the outbox keeps the first
    ],
)
def test_failures_in_a_row(before: int, kinds: list[str]) -> None:
    """From `alert_after` failures in a row on the row has an alert of its own, named after the last success."""
    found = told(ended(), Facts(failures_before=before, last_success=7))
    assert [alert.kind for alert in found] == kinds
    assert [alert.event_id for alert in found[1:]] == ["failing:작업:7"] * (len(kinds) - 1)


def test_recovery_only_after_an_alert() -> None:
    """A success is told where a bad end was, and refers to it."""
    (alert,) = told(ended("succeeded"), Facts(failures_before=3, open_event="failing:작업:7"))
    assert (alert.event_id, alert.for_event, alert.severity) == ("recovered:12", "failing:작업:7", "info")
    assert "failed 3 times in a row" in alert.body
    assert told(ended("succeeded"), Facts(failures_before=3)) == []


@pytest.mark.parametrize(
    ("changes", "alerting", "kinds"),
    [
        ({}, {"min_duration": 101.0}, ["fast"]),  # quicker than it can be
        ({}, {"min_duration": 100.0}, []),  # just as quick
        ({}, {"long_after": 99.0}, ["long"]),  # longer than allowed
        ({}, {"long_after": 100.0}, []),  # just as long
        ({"partial": True}, {"min_duration": 101.0, "long_after": 99.0}, []),  # only some of its steps ran
    ],
)
def test_unusual_durations(changes: dict[str, Any], alerting: dict[str, Any], kinds: list[str]) -> None:
    """A success of the whole chain that is too fast or too long is told."""
    assert [alert.kind for alert in told(ended("succeeded", **changes), **alerting)] == kinds


def test_warnings_are_told_by_kind() -> None:
    """Each kind is one alert with all its sentences; in that of a failure they are part of the text."""
    warnings = (("expect", "collected is 3"), ("output", "ERROR"), ("expect", "rate is 1"))
    found = told(ended("succeeded", warnings=warnings))
    assert [alert.event_id for alert in found] == ["expect:12", "output:12"]
    assert found[0].title == "작업: run 12: collected is 3 (and 1 more)"
    assert "rate is 1" in found[0].body
    (failure,) = told(ended(warnings=warnings))
    assert "expect: collected is 3" in failure.body
    only = told(ended(warnings=warnings), notify={"expect": ("json://x",)})
    assert [alert.kind for alert in only] == ["expect"]


@pytest.mark.parametrize(
    ("alerting", "wanted"),
    [
        ({"notify": TO_ALL}, True),  # the default stands for each condition
        ({"notify": {"failed": ("json://x",)}}, True),  # its own address
        ({"notify": {"default": ("json://x",), "failed": ()}}, False),  # its own, empty: not this one
        ({"notify": {"lost": ("json://x",)}}, False),  # only another condition has an address
        ({"notify": {}, "on_alert": ("tell",)}, True),  # a program gets every alert
        ({"notify": {}}, False),  # nobody
    ],
)
def test_only_what_somebody_wants(alerting: dict[str, Any], wanted: bool) -> None:
    """An alert that has no channel is not made."""
    assert bool(told(ended(), **alerting)) is wanted


def test_texts_are_harmless() -> None:
    """Line ends and escapes in names and reasons reach neither a mail's header nor a terminal."""
    (alert,) = told(ended(why="bad\r\nBcc: all@example.com\x1b[31m", tail=("\x1b]0;x\x07",)))
    assert "\n" not in alert.title
    assert "\r" not in alert.title
    assert "\x1b" not in alert.title + alert.body


def at(text: str) -> float:
    """Return a time of 21 November in Seoul."""
    return datetime.fromisoformat(f"2026-11-21T{text}+09:00").timestamp()


@pytest.mark.parametrize(
    ("window", "now", "ready"),
    [
        (None, "03:00:00", "03:00:00"),  # no quiet hours
        ((1320, 420), "21:59:59", "21:59:59"),  # just before they begin
        ((60, 420), "03:00:00", "07:01:00"),  # within; the last minute is quiet too
        ((1320, 420), "00:00:00", "07:01:00"),  # across midnight, the later half
        ((60, 420), "07:00:59", "07:01:00"),  # their last minute
        ((60, 420), "07:01:00", "07:01:00"),  # over
    ],
)
def test_quiet_hours(window: tuple[int, int] | None, now: str, ready: str) -> None:
    """What happens in quiet hours may be sent when they are over, and else at once."""
    hours = None if window is None else Window(start=window[0], end=window[1])
    assert quiet_until(at(now), hours, SEOUL) == at(ready)


def test_quiet_hours_across_midnight_end_the_next_day() -> None:
    """At 22:00 of quiet hours until 07:00 the end lies nine hours ahead."""
    assert quiet_until(at("22:00:00"), Window(start=1320, end=420), SEOUL) == at("22:00:00") + 9 * 3600 + 60


def test_so_many_a_day_and_one_last_word() -> None:
    """Beyond the day's number alerts are kept and not sent; one row says so, and its event is the day's."""
    alerting = Alerting(notify=TO_ALL, max_alerts_per_day=2)
    new = [alerts.make("failed", f"failed:{n}", "작업", "t", "b", NOW) for n in range(3)]
    found = rationed(new, 1, alerting, SEOUL, NOW)
    assert [(each.event_id.partition(":")[0], each.suppressed, each.next_try_at) for each in found] == [
        ("failed", False, NOW),
        ("more", False, NOW),
        ("failed", True, None),
        ("more", False, NOW),
        ("failed", True, None),
    ]
    assert found[1].event_id == found[3].event_id
    assert found[1].event_id != rationed(new, 2, alerting, SEOUL, NOW + 86400)[0].event_id


@pytest.mark.parametrize(
    ("hours", "event"),
    [
        (3.9, None),  # not yet
        (4, "remind:1:failed:12"),  # the first
        (9, "remind:2:failed:12"),  # the second; a missed one is not made up for
    ],
)
def test_reminders(hours: float, event: str | None) -> None:
    """A reminder comes for each full `remind_every` since the alert."""
    alert = alerts.make("failed", "failed:12", "작업", "t", "b", NOW, run_id=12, lasting=True)
    found = alerts.reminder(alert, 4 * 3600.0, NOW + hours * 3600, human)
    assert (None if found is None else found.event_id) == event
    assert found is None or (found.for_event, found.lasting, found.title) == ("failed:12", False, "still: t")


def test_the_newest_alert_speaks_for_the_older_ones() -> None:
    """Reminded is of the newest open alert; acknowledging it silences the older ones as well."""
    old, new = (alerts.make("failed", f"failed:{n}", "작업", "t", "b", NOW) for n in (1, 2))
    assert alerts.to_remind([(old, None), (new, None)]) == new
    assert alerts.to_remind([(old, None), (new, NOW)]) is None
    assert alerts.to_remind([(old, NOW), (new, None)]) == new
    assert alerts.to_remind([]) is None
