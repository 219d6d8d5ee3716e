"""What cannot be handed to a program, neither as an argument nor in its environment nor as JSON."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def unfit(value: Any) -> str:
    """Return why a parameter cannot be handed to a program, whatever stands inside it; empty where it can."""
    waiting = [value]
    while waiting:  # no recursion: it may be nested as deep as JSON can be
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, float) and not -_INFINITY < one < _INFINITY:
            return f"is {one}, which JSON does not have"
        elif isinstance(one, str):
            if "\0" in one:
                return "holds a NUL character, which no program can be given"
            try:
                one.encode()
            except UnicodeEncodeError:
                return "holds bytes that are not UTF-8, or half of a surrogate pair"
    return ""


_INFINITY = float("inf")
