"""Durations as options give them: a bare number, which in the configuration is seconds, is refused here."""

from __future__ import annotations

from batchctl.base.duration import parse_duration
from batchctl.base.errors import UsageError


def seconds(option: str, text: str) -> float:
    """Return the seconds that an option's duration means.

    Raises:
        UsageError: if it is none, or has no unit: 26 of what?
    """
    try:
        found = parse_duration(text)
    except ValueError as error:
        message = f"{option}: {error}"
        raise UsageError(message, remedy=f"give {option} a duration") from error
    if found and text.strip()[-1:] in "0123456789.":
        message = f"{option}: {text!r} has no unit"
        raise UsageError(message, remedy=f"did you mean {text.strip()}h? ({text.strip()}s are seconds)")
    return found
