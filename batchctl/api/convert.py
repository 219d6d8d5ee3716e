"""From the JSON's objects to frozen results: attributes for keys, datetimes for instants, tuples for lists."""

from __future__ import annotations

import keyword
import re
import typing
from datetime import datetime
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.base.record import Record

R = TypeVar("R", bound="Record")

_seen: dict[type, dict[str, Any]] = {}
"""The fields of each type: reading annotations takes its time."""


def attribute(key: str) -> str:
    """Return the attribute for a key of the JSON: `from_` for `from`, `over_1m` for `1m`."""
    name = re.sub(r"\W", "_", key)
    if name[:1].isdigit():
        name = f"over_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def result(kind: type[R], said: Mapping[str, Any]) -> R:
    """Return the frozen result of this type for an object of the JSON."""
    values = {attribute(key): value for key, value in said.items()}
    hints = _hints(kind)
    return kind(**{name: _value(hints[name], value) for name, value in values.items() if name in hints})


def _hints(kind: type[Record]) -> dict[str, Any]:
    if kind not in _seen:
        _seen[kind] = typing.get_type_hints(kind)
    return _seen[kind]


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, UnionType}:
        return _value(next(each for each in inside if _fits(each, value)), value)
    if origin is tuple:
        return tuple(_value(inside[0], each) for each in value)
    if isinstance(value, dict) and origin is not None:
        return {key: _value(inside[1], each) for key, each in value.items()}
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is float:
        return float(value)
    return result(hint, value) if hasattr(hint, "_fields") else value


def _fits(hint: Any, value: Any) -> bool:
    """Say whether a value of the JSON can be of this one of several types."""
    origin = typing.get_origin(hint)
    if origin is tuple:
        return isinstance(value, list)
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if isinstance(value, dict):
        return hasattr(hint, "_fields") or hint is Any or origin is not None
    if hint is Any:
        return True
    if hint is datetime or hint is str:
        return isinstance(value, str)
    return isinstance(hint, type) and isinstance(value, (int, float) if hint is float else hint)
