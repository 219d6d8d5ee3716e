"""Results are held against what a job expects of them."""

from __future__ import annotations

from typing import Any

import pytest

from batchctl.core.judge.expect import unmet
from batchctl.core.model import Condition, Expect


def condition(text: str) -> Condition:
    """Return a condition written as `key operator bound`."""
    key, operator, bound = text.split()
    return Condition(key=key, operator=operator, bound=float(bound))


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        # the bound itself
        ("n >= 500", 500, True),
        ("n > 500", 500, False),
        ("n <= 500", 500.0, True),
        ("n < 500", 500, False),
        # equality and its contrary
        ("n == 3", 3.0, True),
        ("n != 3", 3, False),
        # beyond it
        ("n >= 500", 499, False),
        # numbers that steps wrote as text, with a percent sign or not
        ("n >= 95", "97.5%", True),
        ("n >= 95", " 12 ", False),
        # what is no number meets nothing, not even !=
        ("n != 3", "abc", False),
        ("n != 3", True, False),
        ("n != 3", None, False),
        ("n != 3", [3], False),
        ("n != 3", float("nan"), False),
        ("n < 3", "nan", False),
        # no number is too large to be compared
        ("n > 3", 10**400, False),
    ],
)
def test_conditions(text: str, value: object, holds: bool) -> None:
    """Each operator compares numbers, and only numbers."""
    assert (unmet(Expect(conditions=(condition(text),)), {"31": {"n": value}}) == []) == holds


def test_every_step_that_has_the_key() -> None:
    """A condition holds for each step that reports its key, and the sentence names the step."""
    results: dict[str, dict[str, Any] | None] = {"31": {"collected": 600}, "32": {"collected": 412}, "33": None}
    found = unmet(Expect(conditions=(condition("collected >= 500"),)), results)
    assert found == ["step 32: collected is 412, expected collected >= 500"]


def test_a_key_that_nobody_reported() -> None:
    """It is unmet where the run is complete; one that broke off may not have come so far."""
    expect = Expect(conditions=(condition("collected >= 500"),))
    assert unmet(expect, {"31": {"other": 1}}) == ["no step reported collected, expected collected >= 500"]
    assert unmet(expect, {"31": None}, complete=False) == []


def test_a_long_value_is_cut() -> None:
    """A value of 10 MB is recognised by its beginning."""
    [found] = unmet(Expect(conditions=(condition("n > 1"),)), {"31": {"n": "가" * 10_000_000}})
    assert found.startswith("step 31: n is 가가")
    assert len(found) < 200
