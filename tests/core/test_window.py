"""Hours of each day: within them or not, and when that changes, over the changes of the clock as well."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchctl.core.model import Window
from batchctl.core.time.zones import NamedZone

ZONES = {name: NamedZone(name) for name in ("Asia/Seoul", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")}


def at(text: str) -> float:
    """Return an instant."""
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("window", "now", "turn"),
    [
        ((480, 1319), "2026-11-21T07:59:59+01:00", "2026-11-21T08:00:00+01:00"),  # they begin in a second
        ((480, 1319), "2026-11-21T08:00:00+01:00", "2026-11-21T22:00:00+01:00"),  # the last minute is within
        ((1320, 479), "2026-11-21T23:00:00+01:00", "2026-11-22T08:00:00+01:00"),  # across midnight
        ((480, 480), "2026-11-21T08:00:30+01:00", "2026-11-21T08:01:00+01:00"),  # a single minute
        ((120, 179), "2026-03-29T00:30:00+01:00", "2026-03-30T02:00:00+02:00"),  # an hour that the clock skips
        ((1320, 359), "2026-03-28T23:00:00+01:00", "2026-03-29T06:00:00+02:00"),  # it ends after the clock has jumped
        ((480, 1319), "2026-10-24T23:00:00+02:00", "2026-10-25T08:00:00+01:00"),  # it begins after an hour came twice
        ((120, 149), "2026-10-25T02:10:00+02:00", "2026-10-25T02:30:00+02:00"),  # the first of the two ends
        ((120, 149), "2026-10-25T02:40:00+02:00", "2026-10-25T02:00:00+01:00"),  # and the second begins
        ((0, 1439), "2026-11-21T12:00:00+01:00", "2026-11-23T12:01:00+01:00"),  # never: as far as is looked
    ],
)
def test_turns(window: tuple[int, int], now: str, turn: str) -> None:
    """Each edge is where the clock on the wall shows it."""
    hours = Window(start=window[0], end=window[1])
    assert hours.turn(at(now), ZONES["Europe/Berlin"]) == at(turn)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(ZONES)),
    # March and April, October and November: when clocks are changed, in both halves of the earth.
    now=st.integers(0, 60 * 86400).flatmap(
        lambda span: st.sampled_from([at("2026-03-01T00:00+00:00") + span, at("2026-10-01T00:00+00:00") + span])
    ),
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
)
def test_the_turn_is_the_first_minute_of_another_kind(name: str, now: float, start: int, end: int) -> None:
    """Up to it the clock is as it is now, and from it on it is not."""
    hours, zone = Window(start=start, end=end), ZONES[name]
    inside, turn = hours.contains(now, zone), hours.turn(now, zone)
    minutes = [now, *(float(minute) for minute in range(int(now - now % 60 + 60), int(turn), 60))]
    assert all(hours.contains(minute, zone) is inside for minute in minutes)
    assert hours.contains(turn, zone) is not inside or turn - now > 86400
