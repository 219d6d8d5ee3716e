"""When a job flaps, and when it is steady again."""

from __future__ import annotations

import pytest

from batchctl.core.judge.flapping import turns


@pytest.mark.parametrize(
    ("told", "since", "expected"),
    [
        # newest first, one each ten minutes from 0 on
        ("", 0, 0),
        ("s", 0, 0),
        ("fs", 0, 0),
        # a failure and its repair
        ("sfs", 0, 0),
        # and one failure more
        ("fsfs", -1, 3),
        ("sfsfs", -1, 4),
        # the first turns are too long ago
        ("fsfs", 15, 0),
        ("sfsfs", 15, 3),
        # three alike are steady, two are not
        ("fffsfs", -1, 0),
        ("sssfsfs", -1, 0),
        ("ffsfs", -1, 3),
    ],
)
def test_turns(told: str, since: float, expected: int) -> None:
    """Three turns since then make it flap, unless the newest three ends are alike."""
    ends = [(sign == "s", 10.0 * (len(told) - 1 - place)) for place, sign in enumerate(told)]
    assert turns(ends, since) == expected
