"""Whether the results of a run are what its job expects of them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from batchctl.core.model import Condition, Expect

_SHOWN = 80
"""Characters of a value that is no number: enough to recognise it."""


def unmet(expect: Expect, results: Mapping[str, Mapping[str, Any] | None], *, complete: bool = True) -> list[str]:
    """Return one sentence for each expectation that the results do not meet.

    `results` are those of the steps, by step id; a condition holds for every step that reports its key. Where no step
    does, a run that is `complete` (it succeeded) has not met it either; one that broke off may just not have come so
    far.
    """
    found: list[str] = []
    for condition in expect.conditions:
        reporting = [
            (step, result[condition.key]) for step, result in results.items() if result and condition.key in result
        ]
        if not reporting and complete:
            found.append(f"no step reported {condition.key}, expected {condition.text}")
        for step, value in reporting:
            complaint = _complaint(condition, value)
            if complaint:
                found.append(f"step {step}: {complaint}")
    return found


def _complaint(condition: Condition, value: object) -> str:
    number = _number(value)
    if number is None:
        return f"{condition.key} is {_shown(value)}, which is no number; expected {condition.text}"
    if _holds(number, condition.operator, condition.bound):
        return ""
    return f"{condition.key} is {_shown(value)}, expected {condition.text}"


def _number(value: object) -> float | None:
    """Return the number that a step means, as a number or as text such as "97.5%"; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value.strip().removesuffix("%") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    # Not a number compares as unequal to everything, which would satisfy `!=`.
    return number if number == number else None  # noqa: PLR0124 - false for not-a-number only


def _holds(number: float, operator: str, bound: float) -> bool:
    return {
        ">=": number >= bound,
        "<=": number <= bound,
        ">": number > bound,
        "<": number < bound,
        "==": number == bound,
        "!=": number != bound,
    }[operator]


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
