"""Frozen values without dataclasses."""

from __future__ import annotations

import pytest

from batchctl.base.record import Record, replace


class Point(Record):
    """A value with a default."""

    x: int
    y: int = 2


class Named(Point):
    """A value that inherits fields."""

    name: str


def test_a_record_is_a_value() -> None:
    """Records compare, print, copy and hash by value, inherited fields included."""
    assert Point(x=1) == Point(x=1, y=2)
    assert Point(x=1) != Named(x=1, name="a")
    assert repr(Named(x=1, name="a")) == "Named(x=1, y=2, name='a')"
    assert replace(Point(x=1), y=5) == Point(x=1, y=5)
    assert len({Point(x=1), Point(x=1), Point(x=2)}) == 2


def test_a_record_is_frozen_and_complete() -> None:
    """Assignment, a missing and an unknown field are errors, as with a dataclass."""
    point = Point(x=1)
    with pytest.raises(AttributeError, match="frozen"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(TypeError, match="x"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="z"):
        Point(x=1, z=3)  # type: ignore[call-arg]
