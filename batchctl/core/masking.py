"""Keeping secrets out of whatever batchctl writes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

MASK = "***"


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return text with every secret replaced by `***`; the longest first, so that none shows through another."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def masked(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return a JSON value with every secret masked in its texts and keys."""
    if not secrets:
        return value
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, dict):
        return {mask(str(key), secrets): masked(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, secrets) for inner in value]
    # A secret that is a number is a secret all the same.
    return MASK if not isinstance(value, bool) and value is not None and str(value) in secrets else value
