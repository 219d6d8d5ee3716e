"""Processes that a test leaves behind: found by the test's own home in their environment, and ended.

What a fixture of a wider scope starts, and is to outlive the test that asked first, has a HOME of its own.
"""

from __future__ import annotations

import os
import signal
import time

_GRACE = 5.0
"""Seconds in which what is about to end by itself may do so."""


def processes() -> set[int]:
    """Return the pids of all processes."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def left(mark: str, before: set[int]) -> dict[int, str]:
    """Return the command line of each process that was not there before and has `mark` in its environment."""
    return {pid: _command(pid) for pid in processes() - before if _is_marked(pid, mark)}


def end(mark: str, before: set[int], *, grace: bool) -> dict[int, str]:
    """Kill what is left, and what it leaves in turn; with `grace` only what does not end soon by itself."""
    _let_programs_begin(before)
    deadline = time.monotonic() + _GRACE
    found = left(mark, before)
    while grace and found and time.monotonic() < deadline:
        time.sleep(0.02)
        found = left(mark, before)
    now = found
    while now:
        for pid in now:
            _kill(pid, mark)
        now = left(mark, before)
    return found


def _let_programs_begin(before: set[int]) -> None:
    """Wait while a new process is between two programs: within execve(2) it has no environment that could be read."""
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline and any(_is_between(pid) for pid in processes() - before):
        time.sleep(0.002)


def _is_between(pid: int) -> bool:
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
            return False  # nobody else's can be read at any time
    except OSError:
        return False
    stat = _read(pid, "stat").rpartition(b")")[2].split()
    # Neither a zombie nor a thread of the kernel, which have none either.
    return bool(stat) and stat[0] not in {b"Z", b"X"} and stat[1] != b"2" and not _read(pid, "environ")


def _kill(pid: int, mark: str) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _is_marked(pid, mark):  # still the same one: the descriptor holds its number
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(pidfd)


def _is_marked(pid: int, mark: str) -> bool:
    return mark.encode() in _read(pid, "environ")


def _command(pid: int) -> str:
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def _read(pid: int, what: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{what}", "rb") as file:
            return file.read()
    except OSError:
        return b""
