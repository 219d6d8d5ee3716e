"""When a running batch will end."""

from __future__ import annotations

import pytest

from batchctl.core.foresight.forecast import Prospect, Remaining, remaining

H = 3600.0


@pytest.mark.parametrize(
    ("prospects", "expected"),
    [
        # nothing left
        ([], Remaining(expected=0.0, low=0.0, high=0.0)),
        # one step that waits: its median, no spread in a history of one
        ([Prospect(stage=0, durations=(2 * H,))], Remaining(expected=2 * H, low=2 * H, high=2 * H)),
        # it has run for half of it
        ([Prospect(stage=0, durations=(2 * H,), elapsed=H)], Remaining(expected=H, low=H, high=H)),
        # it has outrun its median
        ([Prospect(stage=0, durations=(2 * H,), elapsed=3 * H)], Remaining(expected=0.0, low=0.0, high=0.0)),
        # its own progress says more: a quarter in one hour
        (
            [Prospect(stage=0, durations=(9 * H,), elapsed=H, share=0.25)],
            Remaining(expected=3 * H, low=3 * H, high=3 * H),
        ),
        # a chain adds up
        (
            [Prospect(stage=0, durations=(H,)), Prospect(stage=1, durations=(2 * H,))],
            Remaining(expected=3 * H, low=3 * H, high=3 * H),
        ),
        # side by side the longest counts
        (
            [Prospect(stage=0, durations=(H,)), Prospect(stage=0, durations=(2 * H,))],
            Remaining(expected=2 * H, low=2 * H, high=2 * H),
        ),
        # no history, no progress: nobody knows
        ([Prospect(stage=0, durations=(H,)), Prospect(stage=1)], None),
    ],
)
def test_remaining(prospects: list[Prospect], expected: Remaining | None) -> None:
    """Medians, elapsed time, progress and stages make the remaining time."""
    assert remaining(prospects) == expected


def test_spread_grows_slower_than_the_chain() -> None:
    """Four steps of 1 to 3 h each: errors of independent steps partly cancel out."""
    one = remaining([Prospect(stage=0, durations=(H, 2 * H, 3 * H))])
    four = remaining([Prospect(stage=number, durations=(H, 2 * H, 3 * H)) for number in range(4)])
    assert one
    assert four
    assert four.expected == 4 * one.expected
    assert four.high - four.expected == pytest.approx(2 * (one.high - one.expected))
    assert four.low < four.expected < four.high
