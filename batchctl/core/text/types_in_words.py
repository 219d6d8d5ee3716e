"""What a value should have been, in the operator's words: msgspec's sentence about types, translated."""

from __future__ import annotations

import re

_TYPES = {
    "array": "a list",
    "bool": "true or false",
    "date": "a date",
    "datetime": "a date and a time",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a table",
    "str": "text",
    "time": "a time of day",
}


def in_words(text: str) -> str:
    """Return what msgspec says of a value (`Expected `int`, got `str``) as the end of a sentence about it."""
    found = re.fullmatch(r"Expected `([^`]*)`(?: (>=|<=) (\S+))?(?:, got `(\w+)`)?", text)
    if found is None:
        invalid = re.fullmatch(r"Invalid enum value (.*)", text, re.DOTALL)
        return f"{invalid[1]} is not one of its values" if invalid else "is not a date and a time"
    expected, comparison, bound, got = found.groups()
    names = [name for name in expected.split(" | ") if name != "null"]
    if {"int", "float"} <= set(names):
        names.remove("int")
    wanted = " or ".join(_TYPES.get(name, name) for name in names)
    if comparison:
        return f"must be {wanted}, {'at least' if comparison == '>=' else 'at most'} {float(bound):g}"
    return f"must be {wanted}, not {_TYPES.get(got, got)}"
