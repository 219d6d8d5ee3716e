"""What no program can be given is told apart from what only looks strange."""

from __future__ import annotations

from typing import Any

import pytest

from batchctl.core.text.unfit import unfit


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("계정 1", ""),  # text of any script
        ("\x01\x7f\u202e\U0001f600", ""),  # hostile to a terminal, not to a program
        ({"a": [1, 2.5, None, True, {"b": "c"}]}, ""),  # all that JSON has
        ("a\0b", "NUL"),  # ends the text for every program
        ("\udcff", "UTF-8"),  # a byte of the command line that is no UTF-8
        ("x\ud800", "UTF-8"),  # half of a pair, which JSON may write
        ([["deep", {"x": "a\0"}]], "NUL"),  # inside
        ({"a\0": 1}, "NUL"),  # a key is handed over as well
        ({"x": float("nan")}, "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_what_cannot_be_handed_over_is_named(value: Any, said: str) -> None:
    """The reason names what is wrong; nothing is wrong with the rest."""
    found = unfit(value)
    assert said in found
    assert bool(said) == bool(found)


def test_depth_is_no_trouble() -> None:
    """A value nested deeper than Python's stack is looked through to its end."""
    value: Any = "a\0"
    for _ in range(100_000):
        value = [value]
    assert "NUL" in unfit(value)
