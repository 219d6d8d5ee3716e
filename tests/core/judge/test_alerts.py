"""Alerts: what they say, when they may be sent, and how often."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from support import SEOUL

from batchctl.core.judge import alerts
from batchctl.core.judge.alerts import quiet_until, rationed
from batchctl.core.model import Alerting, Window
from batchctl.core.time.zones import NamedZone

NOW = datetime.fromisoformat("2026-11-21T12:00:00+09:00").timestamp()
EPOCH = date(1970, 1, 1).toordinal()
TO_ALL = {"default": ("json://all",)}


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
        ((60, 420), "01:00:00", "07:01:00"),  # their first minute
        ((420, 420), "07:00:30", "07:01:00"),  # a single minute
        ((1320, 420), "07:00:59", "07:01:00"),  # the last minute of those across midnight
        ((1320, 420), "07:01:00", "07:01:00"),  # over
    ],
)
def test_quiet_hours(window: tuple[int, int] | None, now: str, ready: str) -> None:
    """What happens in quiet hours may be sent when they are over, and else at once."""
    hours = None if window is None else Window(start=window[0], end=window[1])
    assert quiet_until(at(now), hours, SEOUL) == at(ready)


def test_quiet_hours_across_midnight_end_the_next_day() -> None:
    """At 22:00 of quiet hours until 07:00 the end lies nine hours ahead."""
    assert quiet_until(at("22:00:00"), Window(start=1320, end=420), SEOUL) == at("22:00:00") + 9 * 3600 + 60


def test_quiet_hours_follow_the_clock() -> None:
    """In the night when the clock is put forward they end when it shows their end, an hour of real time earlier."""
    berlin = NamedZone("Europe/Berlin")
    late = datetime.fromisoformat("2026-03-28T23:00:00+01:00").timestamp()
    end = datetime.fromisoformat("2026-03-29T07:01:00+02:00").timestamp()
    assert quiet_until(late, Window(start=1320, end=420), berlin) == end


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
    assert found[1].event_id == found[3].event_id == f"more:작업:{date(2026, 11, 21).toordinal() - EPOCH}"
    assert found[1].title == "작업: more alerts suppressed today"
    site = alerts.make("disk", "disk:1", "", "t", "b", NOW)
    assert rationed([site], 2, alerting, SEOUL, NOW)[0].title == "batchctl: more alerts suppressed today"
    assert found[1].event_id != rationed(new, 2, alerting, SEOUL, NOW + 86400)[0].event_id


def test_an_alert_is_bounded() -> None:
    """Whatever a step says, title and text stay of a size that every channel takes."""
    alert = alerts.make("failed", "failed:1", "작업", "가" * 300, "나" * 30_000, NOW)
    assert (len(alert.title), len(alert.body)) == (200, 20_000)


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
    found = alerts.reminder(alert, 4 * 3600.0, NOW + hours * 3600, SEOUL)
    assert (None if found is None else found.event_id) == event
    assert found is None or (found.for_event, found.lasting, found.title) == ("failed:12", False, "still: t")
    assert alerts.reminder(alert, None, NOW + hours * 3600, SEOUL) is None


def test_the_newest_alert_speaks_for_the_older_ones() -> None:
    """Reminded is of the newest open alert; acknowledging it silences the older ones as well."""
    old, new = (alerts.make("failed", f"failed:{n}", "작업", "t", "b", NOW) for n in (1, 2))
    assert alerts.to_remind([(old, None), (new, None)]) == new
    assert alerts.to_remind([(old, None), (new, NOW)]) is None
    assert alerts.to_remind([(old, NOW), (new, None)]) == new
    assert alerts.to_remind([]) is None
