"""Figures drawn from a history."""

from __future__ import annotations

from itertools import count, cycle
from random import Random

import pytest
from support import rules

from batchctl.base.duration import parse_duration
from batchctl.core.foresight.bootstrap import numbers, rounded_down, rounded_up, shortly, skip_share
from batchctl.core.foresight.simulate import Scenario
from batchctl.core.guard.decide import ALREADY_RUNNING

HOUR = 3600.0
DAY = 24 * HOUR


def scenario(days: int = 28) -> Scenario:
    """Return a scenario of daily fires without durations."""
    return Scenario(rules=rules(), fires=(), start=0.0, end=days * DAY, duration=lambda _count: 0.0)


def daily(days: int = 28) -> list[float]:
    """Return the fires of so many days."""
    return [day * DAY for day in range(days)]


def test_numbers() -> None:
    """Percentiles are interpolated as everywhere else; nothing has none."""
    found = numbers([3.0, 1.0, 2.0])
    assert found is not None
    assert (found.n, found.p50, found.max) == (3, 2.0, 3.0)
    assert found.p95 == pytest.approx(2.9)
    assert numbers([]) is None


def test_one_duration_has_no_spread() -> None:
    """26 hours on a daily fire skip every second one, whatever is drawn."""
    share = skip_share(scenario(), daily(), lambda: 26 * HOUR)
    assert share is not None
    assert (share.mean, share.p5, share.p95, share.rounds) == (0.5, 0.5, 0.5, 200)


def test_the_spread_lies_around_the_mean() -> None:
    """Runs of 20 or 28 hours at even odds: a third of the fires skip (each long run costs one), now more, now fewer."""
    source = Random(7)  # noqa: S311 - the same draws every time
    share = skip_share(scenario(), daily(), lambda: source.choice((20 * HOUR, 28 * HOUR)))
    assert share is not None
    assert share.mean == pytest.approx(1 / 3, abs=0.03)
    assert 0.1 < share.p5 < share.mean < share.p95 < 0.5


def test_rounds_draw_anew() -> None:
    """Each start draws once, and every round goes on drawing."""
    drawn = count()
    skip_share(scenario(), daily(), lambda: float(next(drawn)), rounds=20)
    assert next(drawn) == 28 * 20


def test_a_reason_can_be_left_out() -> None:
    """Fires left out are neither fires nor skips."""
    lengths = cycle([26 * HOUR])
    share = skip_share(scenario(), daily(), lambda: next(lengths), leaving_out=ALREADY_RUNNING)
    assert share is not None
    assert share.mean == 0.0


def test_many_fires_cost_no_more() -> None:
    """A fire every minute for 7 days gets fewer rounds, for 28 days none: not one duration is drawn then."""
    drawn = count(90)
    minutes = [60.0 * minute for minute in range(28 * 1440)]
    share = skip_share(scenario(), minutes[: 7 * 1440], lambda: 90.0)
    assert share is not None
    assert share.rounds == 29
    assert skip_share(scenario(), minutes, lambda: float(next(drawn))) is None
    assert next(drawn) == 90
    assert skip_share(scenario(), [], lambda: 90.0) is None


@pytest.mark.parametrize(
    ("seconds", "up", "down"),
    [
        # Below a minute whole seconds, or fives.
        (3.2, "4s", "3s"),
        (0.0, "0s", "0s"),
        (62.0, "65s", "60s"),
        # Minutes.
        (754.0, "13m", "12m"),
        # Hours in halves up to half a day, then whole ones.
        (7.1 * HOUR, "7h30m", "7h"),
        (32.9 * HOUR, "33h", "32h"),
        # What is round already stays.
        (48 * HOUR, "48h", "48h"),
    ],
)
def test_rounding(seconds: float, up: str, down: str) -> None:
    """Durations are advised as somebody would write them, never on the wrong side."""
    assert rounded_up(seconds) == parse_duration(up)
    assert rounded_down(seconds) == parse_duration(down)
    assert rounded_up(seconds) >= seconds >= rounded_down(seconds)
    assert parse_duration(shortly(rounded_up(seconds))) == rounded_up(seconds)
