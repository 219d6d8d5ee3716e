"""What the machine has left at this instant: load, memory, disk."""

from __future__ import annotations

import os

from batchctl.core.guard.fitness import Machine


def now(path: str) -> Machine:
    """Return it; `path` says which disk. What cannot be read is None."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        load = None
    while path != "/" and not os.path.exists(path):
        path = os.path.dirname(path)  # before the first fire nothing is there yet
    try:
        found = os.statvfs(path)
        disk = found.f_bavail * found.f_frsize
    except OSError:
        disk = None
    return Machine(load=load, memory=memory().get("MemAvailable"), disk=disk)


def memory() -> dict[str, int]:
    """Return what /proc/meminfo says, in bytes; nothing where it cannot be read."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            parts = [line.split() for line in file]
    except (OSError, ValueError):
        return {}
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in parts if len(words) > 1 and words[1].isdecimal()}
