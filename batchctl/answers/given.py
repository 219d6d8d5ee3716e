"""Durations and instants as options give them; a bare number, seconds in the configuration, is refused here."""

from __future__ import annotations

from batchctl.base.duration import parse_duration
from batchctl.base.errors import UsageError
from batchctl.core.time import zones

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.time.zones import Zone

_UNITS = ("w", "d", "h", "m", "s")


def instant(option: str, text: str, zone: Zone, now: float) -> float:
    """Return the instant that an option means: a time, or so long before now.

    Raises:
        UsageError: if it is neither.
    """
    try:
        return now - parse_duration(text) if text[-1:] in _UNITS else zones.parse_time(text, zone, now)
    except ValueError as error:
        message = f"{option}: {text!r} is neither a time nor a duration"
        raise UsageError(message, remedy=f"write for example {option} 2h or {option} 2026-12-01T01:00") from error


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
