"""Who a process is: host + boot id + pid + start ticks.

A pid alone is recycled, and psutil's creation time moves with the wall clock; the start ticks of /proc/PID/stat
(proc(5), field 22) count from boot and stay.
"""

from __future__ import annotations

import os

from batchctl.base.clock import boot_id
from batchctl.base.record import Record
from batchctl.core.run import Identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Life = Literal["alive", "dead", "unknown"]


class Stat(Record):
    """What /proc/PID/stat says of a process."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    threads: int
    start_ticks: int

    @property
    def ended(self) -> bool:
        """Whether the process has ended; one whose first thread has ended beside living ones shows as a zombie too."""
        return self.state in "ZX" and self.threads <= 1


def host() -> str:
    """Return this host's name."""
    return os.uname().nodename


def myself() -> Identity:
    """Return the identity of this process."""
    stat = read_stat(os.getpid())
    return Identity(
        host=host(), boot_id=boot_id(), pid=os.getpid(), start_ticks=0 if stat is None else stat.start_ticks
    )


def read_stat(pid: int) -> Stat | None:
    """Return what the kernel says of a process; None where there is none.

    Raises:
        PermissionError: if it exists and may not be looked at.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The program's name stands in parentheses and may itself contain parentheses and spaces.
    fields = text[text.rfind(b")") + 2 :].split()
    return Stat(
        pid=pid,
        state=fields[0].decode(),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        threads=int(fields[17]),
        start_ticks=int(fields[19]),
    )


def life(who: Identity) -> Life:
    """Say whether a process lives: "dead" only where that is proven, "unknown" where it cannot be.

    Proven dead means: this host has booted since, or has no process with that pid and start time. Another host's
    processes cannot be judged from here, and what exists but cannot be read may be anything.
    """
    if who.host != host():
        return "unknown"
    if who.boot_id != boot_id():
        return "dead"
    try:
        stat = read_stat(who.pid)
    except OSError:
        return "unknown"
    if stat is None:
        return "dead" if _no_such_process(who.pid) else "unknown"
    # A zombie has ended; only its parent has not heard of it yet.
    return "alive" if stat.start_ticks == who.start_ticks and not stat.ended else "dead"


def _no_such_process(pid: int) -> bool:
    # With /proc mounted hidepid=2 other users' processes have no directory, but the kernel still answers for them.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
