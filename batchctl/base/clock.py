"""The only place that reads the clocks, the system's time zone and the boot id.

Instants are seconds since the epoch (UTC, float, rounded to the microsecond that the history keeps); budgets count on
the monotonic clock, which no operator and no NTP step can move.
"""

from __future__ import annotations

import os
import time

LAST = (2**63 - 1) / 1e9
"""The instant in the year 2262 after which Python's own time.time(), and what calls it, fails."""


def now() -> float:
    """Return the wall clock, in seconds since the epoch."""
    # Not time.time(), which counts in 64 bits of nanoseconds and ends in the year 2262.
    return round(time.clock_gettime(time.CLOCK_REALTIME), 6)


def monotonic() -> float:
    """Return the monotonic clock, in seconds; within one boot it can be compared across processes."""
    return time.monotonic()


def boot_id() -> str:
    """Return the kernel's id of this boot: two equal ids mean the same uptime of the same machine."""
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:  # bytes: no codec to import
        return file.read().decode().strip()


class SystemZone:
    """The system's time zone, as cron uses it: TZ where it is set, else /etc/localtime; no import needed."""

    def __init__(self) -> None:
        """Read the zone's name once."""
        self.name = _system_zone_name()

    def __eq__(self, other: object) -> bool:
        """Compare by name: two of them are the same zone as long as the system's does not change."""
        return isinstance(other, SystemZone) and self.name == other.name

    def __hash__(self) -> int:
        """Hash by name."""
        return hash(self.name)

    def offset(self, instant: float) -> int:
        """Return the seconds to add to UTC at this instant."""
        return time.localtime(instant).tm_gmtoff


def _system_zone_name() -> str:
    name = os.environ.get("TZ", "").lstrip(":")
    if name and not name.startswith("/"):
        return name
    try:
        target = os.path.realpath(name or "/etc/localtime")
    except OSError:
        return "local"
    return target.partition("zoneinfo/")[2] or time.tzname[0]
