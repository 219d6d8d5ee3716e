"""Durations as people write them (`90s`, `24h30m`, `2d`, `500ms`, a bare number of seconds) and as they read them."""

_UNITS = {"w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_ORDER = tuple(_UNITS)


def parse_duration(text: str | float) -> float:
    """Return the seconds that `text` means.

    Units come largest first and each at most once, so a slip like `30m24h` is refused instead of guessed at.

    Raises:
        ValueError: if the text is not a duration, or is negative, infinite or not a number.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text)
    else:
        try:
            seconds = float(str(text))
        except ValueError:
            seconds = _sum_of_units(str(text))
    if not 0 <= seconds < float("inf"):
        raise ValueError(_complaint(text))
    return seconds


def _complaint(text: object) -> str:
    return f"{text!r} is not a duration; write for example 90s, 24h30m, 2d or 500ms"


def _sum_of_units(text: str) -> float:
    total, last, rest = 0.0, -1, text.strip()
    if not rest:
        raise ValueError(_complaint(text))
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        unit = rest[digits:]
        unit = unit[: len(unit) - len(unit.lstrip("abcdefghijklmnopqrstuvwxyz"))]
        place = _ORDER.index(unit) if unit in _UNITS else -1
        try:
            number = float(rest[:digits])
        except ValueError:
            place = -1
        if place <= last:
            raise ValueError(_complaint(text))
        total, last, rest = total + number * _UNITS[unit], place, rest[digits + len(unit) :].lstrip()
    return total


def plain_duration(seconds: float) -> str:
    """Return seconds as they can be read again, to the second: `26h`, `1h30m`, `45s`."""
    whole = max(0, round(seconds))
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def format_duration(seconds: float | None) -> str:
    """Return seconds as the two largest units that matter: `26h 05m`, `3m 20s`, `1.2s`, `2d 03h`; `-` for None."""
    if seconds is None:
        return "-"
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 10:  # noqa: PLR2004 - below ten seconds tenths matter
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004
        return f"{whole}s"
    if whole < 3600:  # noqa: PLR2004
        return f"{whole // 60}m {whole % 60:02d}s"
    hours, minutes = divmod(round(seconds / 60), 60)
    # Up to four days operators count in hours: a batch takes "26h", its budget is "30h".
    if hours < 96:  # noqa: PLR2004
        return f"{hours}h {minutes:02d}m"
    return f"{hours // 24}d {hours % 24:02d}h"
