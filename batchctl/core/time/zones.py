"""Time zones, and instants as they are written in them; reads no clock.

Instants are seconds since the epoch (UTC).
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol, overload
    from zoneinfo import ZoneInfo

    class Zone(Protocol):
        """A time zone: its name, and the seconds to add to UTC at an instant."""

        name: str

        def __hash__(self) -> int:
            """Return a hash, so that what is reckoned with a zone can be kept by it."""
            ...

        def offset(self, instant: float, /) -> int:
            """Return the seconds to add to UTC at this instant."""
            ...


_DAY = 86400
_OFFSETS_KEPT = 2000
"""Most are asked for midnights, and those by every job."""
_LAST = 253402214400.0
"""The last day of the year 9999, beyond which `datetime` knows nothing."""


class NamedZone:
    """A zone of the IANA database, for example Asia/Seoul."""

    def __init__(self, name: str, *, verified: bool = False) -> None:
        """Load the zone; one whose name was verified before waits until it is asked, since most fires never ask.

        Raises:
            ValueError: if there is no zone of this name.
        """
        self.name = name
        self._zone: ZoneInfo | None = None
        self._known: dict[float, int] = {}
        if not verified:
            self._load()

    def _load(self) -> None:
        from datetime import datetime
        from zoneinfo import ZoneInfo

        try:
            self._zone = ZoneInfo(self.name)
        except (KeyError, ValueError, OSError) as error:
            message = f"{self.name!r} is not a time zone; write for example Asia/Seoul or America/New_York"
            raise ValueError(message) from error
        self._from_instant = datetime.fromtimestamp

    def __eq__(self, other: object) -> bool:
        """Compare by name."""
        return isinstance(other, NamedZone) and self.name == other.name

    def __hash__(self) -> int:
        """Hash by name."""
        return hash(self.name)

    def offset(self, instant: float) -> int:
        """Return the seconds to add to UTC at this instant."""
        known = self._known.get(instant)
        if known is None:
            if self._zone is None:
                self._load()
            delta = self._from_instant(instant, self._zone).utcoffset()
            known = 0 if delta is None else delta.days * 86400 + delta.seconds
            if len(self._known) > _OFFSETS_KEPT:
                self._known.clear()
            self._known[instant] = known
        return known


if TYPE_CHECKING:

    @overload
    def iso(instant: float, where: Zone) -> str: ...
    @overload
    def iso(instant: float | None, where: Zone) -> str | None: ...


def iso(instant: float | None, where: Zone) -> str | None:
    """Return an instant as ISO 8601 with offset, in the microseconds the history keeps; None stays None."""
    if instant is None:
        return None
    offset = where.offset(instant)
    micros = round(instant * 1_000_000)
    seconds, fraction = divmod(micros, 1_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds + offset))
    sign, minutes = ("-", -offset // 60) if offset < 0 else ("+", offset // 60)
    digits = f".{fraction:06d}" if fraction else ""
    return f"{text}{digits}{sign}{minutes // 60:02d}:{minutes % 60:02d}"


def human(instant: float | None, where: Zone) -> str:
    """Return an instant as operators read it, in `where`: `Sat 2026-11-21 01:00`; `-` for None."""
    if instant is None:
        return "-"
    return time.strftime("%a %Y-%m-%d %H:%M", time.gmtime(instant + where.offset(instant)))


def parse_time(text: str, where: Zone, now: float | None = None) -> float:
    """Return the instant that an ISO 8601 text means; without an offset it is wall time in `where`.

    With `now` the word "now" means that instant.

    Raises:
        ValueError: if the text is no time.
    """
    from datetime import UTC, datetime

    if now is not None and text.strip().lower() == "now":
        return now
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        message = f"{text!r} is not a time; write for example 2026-12-01T01:00 or 2026-12-01T01:00:00+09:00"
        raise ValueError(message) from error
    if moment.tzinfo is not None:
        return moment.timestamp()
    return at_wall(moment.replace(tzinfo=UTC).timestamp(), where)


def at_wall(wall: float, where: Zone) -> float:
    """Return the instant at which clocks in `where` show `wall`, given as if it were UTC.

    Of a repeated time the first one; a skipped time is as much later as the clock was put forward.
    """
    before, after = where.offset(wall - _DAY), where.offset(min(wall + _DAY, _LAST))
    first = wall - max(before, after)
    return first if where.offset(first) == wall - first else wall - min(before, after)
