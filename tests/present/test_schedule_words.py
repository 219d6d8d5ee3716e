"""Schedules in words, in both languages."""

from __future__ import annotations

import pytest

from batchctl.base import language
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.zones import NamedZone
from batchctl.present.schedule_words import in_words

_ZONE = NamedZone("Asia/Seoul")


def _said(schedule: Schedule, lang: str) -> str:
    from contextvars import copy_context

    def say() -> str:
        language.speak(lang)
        return in_words(schedule, _ZONE)

    return copy_context().run(say)


@pytest.mark.parametrize(
    ("text", "english", "korean"),
    [
        ("0 1 * * *", "every day, at 01:00", "매일, 01:00"),
        (
            "30 9,18 * * 1-5",
            "on every Mon, Tue, Wed, Thu, Fri, at 09:30, 18:30",
            "매주 월, 화, 수, 목, 금요일, 09:30, 18:30",
        ),
        ("* * * * *", "every minute", "매분"),
        ("*/10 * * * *", "every 10 minutes", "10분마다"),
        ("15 * * * *", "at minute 15 of each hour", "매시 15분"),
        ("*/5 8-18 * * *", "every 5 minutes, in the hours 8-18", "8-18시에 5분마다"),
        # Both fields of days: Debian's cron fires on either.
        ("0 0 1 * 0", "on day 1 of the month and on every Sun, at 00:00", "매월 1일과 매주 일요일, 00:00"),
        ("0 3 1,15 1 *", "on day 1, 15 of the month in Jan, at 03:00", "1월의 매월 1, 15일, 03:00"),
        # 0 and 7 are the same day.
        ("0 4 * * 0,7", "on every Sun, at 04:00", "매주 일요일, 04:00"),
    ],
)
def test_a_crontab_schedule_is_told_as_people_would(text: str, english: str, korean: str) -> None:
    """In words, without a field that says nothing."""
    schedule = Schedule(text=text, cron=parse_cron(text))
    assert _said(schedule, "en") == english
    assert _said(schedule, "ko") == korean


def test_other_schedules_are_told_too() -> None:
    """An interval, an instant, the end of another job, nothing."""
    assert _said(Schedule(every=108000.0), "en") == "every 30h 00m, counted from the last start"
    assert _said(Schedule(at=1_795_188_600.0), "en") == "once, on Sat 2026-11-21 00:30"
    assert _said(Schedule(after=("a", "b")), "en") == "each time that a, b has succeeded"
    assert _said(Schedule(), "ko") == "수동으로만"
