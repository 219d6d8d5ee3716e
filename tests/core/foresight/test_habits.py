"""What a short history says of a chain's steps."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from batchctl.core.foresight.habits import CORRELATIONS, Habit, correlations, habits

H = 3600.0


def chain(correlation: float, *spreads: float, days: int = 10, seed: int = 1) -> list[list[float]]:
    """Return what steps of an hour with these spreads took day by day; on a slow day all of them are slow."""
    chance = random.Random(seed)  # noqa: S311 - the same days each time
    found: list[list[float]] = [[] for _ in spreads]
    for _ in range(days):
        slow = chance.gauss(0, 1)
        for step, spread in zip(found, spreads, strict=True):
            value = math.sqrt(correlation) * slow + math.sqrt(1 - correlation) * chance.gauss(0, 1)
            step.append(H * math.exp(spread * value))
    return found


def known(histories: Sequence[Sequence[float | None]]) -> list[Habit]:
    """Return the habits of steps that all have a history."""
    found = [habit for habit in habits(histories) if habit is not None]
    assert len(found) == len(histories)
    return found


def test_each_step_has_its_usual_length_and_its_own_spread() -> None:
    """With a long history every one of them is itself."""
    found = known(chain(0.0, 0.05, 0.4, days=400))
    assert [math.exp(habit.middle) for habit in found] == pytest.approx([H, H], rel=0.05)
    assert [habit.spread for habit in found] == pytest.approx([0.05, 0.4], rel=0.1)


def test_three_days_borrow_from_the_other_steps() -> None:
    """Of a step that happened to take the same three times nobody believes that it always will."""
    others = chain(0.0, 0.2, 0.2, 0.2, 0.2, days=3)
    assert known([[H, H, H]])[0].spread < 0.02
    assert 0.05 < known([[H, H, H], *others])[0].spread < 0.25


def test_a_step_without_history_has_no_habit() -> None:
    """And days on which a step did not run are left out."""
    found = habits([[None, H, 2 * H], [None, None, None], []])
    assert found[0] is not None
    assert found[0].count == 2
    assert found[0].days[0] is None
    assert found[1:] == [None, None]


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_what_takes_no_time_is_no_error(seconds: float) -> None:
    """A step may be over within the clock's resolution."""
    found = known([[seconds] * 4])
    assert math.exp(found[0].middle) < 0.01


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.97])
def test_the_correlation_of_steps_is_found(correlation: float) -> None:
    """From thirty days of six steps it is known within the next of the values that are tried."""
    found = known(chain(correlation, *[0.2] * 6, days=30))
    days = [[value for value in day if value is not None] for day in zip(*(habit.days for habit in found), strict=True)]
    likely = correlations(days, [])
    assert sum(likely) == pytest.approx(1)
    mean = sum(weight * value for weight, value in zip(likely, CORRELATIONS, strict=True))
    assert mean == pytest.approx(correlation, abs=0.2)


def test_today_says_something_of_the_correlation_too() -> None:
    """Four steps equally late speak for a slow day, four that differ against one."""
    together, apart = correlations([], [2.0, 2.0, 2.0, 2.0]), correlations([], [2.0, -2.0, 2.0, -2.0])
    assert together[0] < 0.05
    assert apart[0] > 0.9
