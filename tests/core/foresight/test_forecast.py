"""When a running batch will end: what is left of it, and how far that may be off."""

from __future__ import annotations

import math
import random

import pytest

from batchctl.base.record import replace
from batchctl.core.foresight.forecast import Prospect, Remaining, remaining

H = 3600.0
TEN = tuple(2 * H * math.exp(0.1 * z) for z in (-1.5, -1.0, -0.7, -0.4, -0.1, 0.1, 0.4, 0.7, 1.0, 1.5))
"""Ten runs of about two hours, with a spread of a tenth."""


def left(*prospects: Prospect, limit: float | None = None) -> Remaining:
    """Return what is left where that is known."""
    found = remaining(list(prospects), limit)
    assert found is not None
    return found


def mixed(count: int) -> list[tuple[float, ...]]:
    """Return the ten runs in so many orders, so that the steps that took them have nothing in common."""
    chance = random.Random(1)  # noqa: S311 - nothing secret
    return [tuple(chance.sample(TEN, 10)) for _ in range(count)]


@pytest.mark.parametrize(
    ("prospects", "expected"),
    [
        # nothing left
        ([], 0.0),
        # one step that waits: what it usually takes
        ([Prospect(stage=0, durations=TEN)], 2 * H),
        # it has run for half of it
        ([Prospect(stage=0, durations=TEN, elapsed=H)], H),
        # its own progress says more than all other days: a quarter in one hour
        ([Prospect(stage=0, durations=(3 * H, 2.5 * H, 3.2 * H, 4.6 * H), elapsed=H, share=0.25)], 3 * H),
        # a chain adds up
        ([Prospect(stage=0, durations=TEN), Prospect(stage=1, durations=TEN)], 4 * H),
        # a step that is done takes no more
        ([Prospect(stage=0, durations=TEN, took=2 * H), Prospect(stage=1, durations=TEN)], 2 * H),
    ],
)
def test_what_is_left(prospects: list[Prospect], expected: float) -> None:
    """Usual durations, elapsed time, progress and stages make the remaining time."""
    found = left(*prospects)
    assert found.expected == pytest.approx(expected, rel=0.06, abs=1)
    assert found.low <= found.expected <= found.high


def test_without_history_and_progress_nobody_knows() -> None:
    """One step of which nothing is known is enough."""
    assert remaining([Prospect(stage=0, durations=TEN), Prospect(stage=1)]) is None


def test_a_step_under_way_is_known_by_what_it_has_run() -> None:
    """Just before its usual end less is left than it could be off before it began, and never less than nothing."""
    waits, late = left(Prospect(stage=0, durations=TEN)), left(Prospect(stage=0, durations=TEN, elapsed=1.9 * H))
    assert late.high - late.low < waits.high - waits.low
    assert 0.1 * H < late.expected < 0.5 * H, "more than its median less what it has run: it was not among the fast"
    assert late.low >= 0


def test_side_by_side_the_last_of_them_counts() -> None:
    """Of three alike the longest takes longer than each by itself; a short one beside a long one changes nothing."""
    one = left(Prospect(stage=0, durations=TEN))
    three = left(*(Prospect(stage=0, durations=days) for days in mixed(3)))
    assert three.expected > 1.04 * one.expected
    beside = left(Prospect(stage=0, durations=TEN), Prospect(stage=0, durations=tuple(took / 4 for took in TEN)))
    assert beside.expected == pytest.approx(one.expected, rel=0.02)


def test_errors_of_steps_that_have_nothing_in_common_cancel_out() -> None:
    """The span of four steps is less than four times that of one."""
    one = left(Prospect(stage=0, durations=TEN))
    four = left(*(Prospect(stage=number, durations=days) for number, days in enumerate(mixed(4))))
    assert four.high - four.low < 3 * (one.high - one.low)


def test_a_slow_day_slows_what_is_to_come() -> None:
    """Where steps were slow on the same days, a slow first step today lets a slow second one be expected."""
    usual = left(Prospect(stage=0, durations=TEN, took=2 * H), Prospect(stage=1, durations=TEN))
    slow = left(Prospect(stage=0, durations=TEN, took=2.3 * H), Prospect(stage=1, durations=TEN))
    assert slow.expected > 1.03 * usual.expected


def test_a_step_that_was_left_out_says_nothing_of_the_day() -> None:
    """Neither one that a resumed run did not repeat nor one that failed at once makes the day a fast one."""
    usual = left(Prospect(stage=0, durations=TEN, took=2 * H), Prospect(stage=1, durations=TEN))
    left_out = left(Prospect(stage=0, durations=TEN, took=0.0), Prospect(stage=1, durations=TEN))
    assert left_out.expected == pytest.approx(usual.expected, rel=0.02)


def test_what_has_outrun_everything_lasts_as_long_again() -> None:
    """A step of two hours that has run for six is four hours late, and nobody can tell more than that."""
    late = left(Prospect(stage=0, durations=TEN, elapsed=6 * H))
    assert late.expected == pytest.approx(4 * H, rel=0.2)
    assert late.low < H
    assert late.high > 20 * H


def test_one_wild_day_makes_no_wide_span() -> None:
    """What went wrong once in ten days neither moves what is expected nor counts among four of five."""
    calm, wild = left(Prospect(stage=0, durations=TEN)), left(Prospect(stage=0, durations=(*TEN[:-1], 20 * H)))
    assert wild.expected == pytest.approx(calm.expected, rel=0.05)
    assert wild.high < 1.2 * calm.high


def test_of_two_places_the_third_step_waits_for_one() -> None:
    """Steps of a group that may not all run at once follow one another where they must."""
    days = mixed(3)
    alone = left(*(Prospect(stage=0, durations=each, beside=1) for each in days))
    pairs = left(*(Prospect(stage=0, durations=each, beside=2) for each in days))
    freely = left(*(Prospect(stage=0, durations=each, beside=3) for each in days))
    assert alone.expected == pytest.approx(6 * H, rel=0.06)
    assert pairs.expected == pytest.approx(4 * H, rel=0.06)
    assert freely.expected == pytest.approx(2.15 * H, rel=0.06)
    under_way = left(Prospect(stage=0, durations=days[0], elapsed=H, beside=1), Prospect(stage=0, durations=days[1]))
    assert under_way.expected == pytest.approx(3 * H, rel=0.06)


def test_progress_is_that_of_the_last_attempt() -> None:
    """A quarter after one hour of a second attempt leaves three hours, however long the first one took."""
    again = left(Prospect(stage=0, elapsed=6 * H, lost=5 * H, share=0.25))
    assert again.expected == pytest.approx(3 * H, rel=0.1)


def test_progress_has_a_span_that_narrows() -> None:
    """What a step says of itself is not exact, and at half way says more than early on."""
    early = left(Prospect(stage=0, durations=(), elapsed=H, share=0.1))
    half = left(Prospect(stage=0, durations=(), elapsed=5 * H, share=0.5))
    assert early.low < early.expected < early.high
    assert half.high - half.low < early.high - early.low


def test_fewer_days_make_a_wider_span() -> None:
    """Three runs say less of the fourth than ten."""
    three, ten = (left(Prospect(stage=0, durations=days)) for days in ((TEN[1], TEN[5], TEN[8]), TEN))
    assert three.high - three.low > ten.high - ten.low


def test_the_timeout_is_the_latest_end() -> None:
    """Beyond its budget no run goes on."""
    assert left(Prospect(stage=0, durations=TEN), limit=1.9 * H).high <= 1.9 * H


def test_four_of_five_end_within_the_span() -> None:
    """Over some hundred simulated days; the whole table is a benchmark."""
    chance, inside = random.Random(26), 0  # noqa: S311 - the same days each time
    rounds = 300
    for _ in range(rounds):
        days = [tuple(H * (2 + n) * math.exp(chance.gauss(0, 0.2)) for _ in range(10)) for n in range(3)]
        took = [H * (2 + n) * math.exp(chance.gauss(0, 0.2)) for n in range(3)]
        seen = chance.random() * took[0]
        found = left(
            Prospect(stage=0, durations=days[0], elapsed=seen),
            *(Prospect(stage=n, durations=days[n]) for n in (1, 2)),
        )
        inside += found.low <= sum(took) - seen <= found.high
    assert 0.74 < inside / rounds < 0.88


def test_progress_that_has_hardly_begun_says_nothing() -> None:
    """One part of a thousand million done: nothing follows of it, least of all a number too large to be computed."""
    usual = Prospect(stage=0, durations=(3 * H, 2.5 * H, 3.2 * H), elapsed=H)
    assert remaining([replace(usual, share=1e-9)]) == remaining([usual])
    assert remaining([Prospect(stage=0, elapsed=H, share=1e-9)]) is None
