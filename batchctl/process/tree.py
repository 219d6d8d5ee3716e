"""Finding and ending whole process trees, and nothing but them.

While batchctl supervises, it is the child subreaper (prctl(2)): whatever a step leaves behind, however it detached,
becomes batchctl's child, so "everything below me" is exactly the step's tree. After batchctl has died, what is left is
found by the mark that every step carries in its environment. A process is signalled through a pidfd, opened and then
compared with what was found, so a recycled pid is never hit.
"""

from __future__ import annotations

import os

from batchctl.process.identity import Stat, read_stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARK = "BATCHCTL_RUN_TOKEN"
"""The environment variable that marks every process of a run with the run's random token."""

_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Make this process the new parent of every orphan below it.

    Raises:
        OSError: if the kernel refuses.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _all_processes() -> Iterator[Stat]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = read_stat(int(name))
            except OSError:
                continue
            if stat is not None and stat.state not in "ZX":
                yield stat


def below(ancestor: int, *, besides: Iterable[int] = ()) -> list[Stat]:
    """Return all living descendants of a process, without the trees whose root pid stands in `besides`."""
    children: dict[int, list[Stat]] = {}
    for stat in _all_processes():
        children.setdefault(stat.parent, []).append(stat)
    left_out = set(besides)
    found: list[Stat] = []
    queue = [ancestor]
    while queue:
        for child in children.get(queue.pop(), ()):
            if child.pid not in left_out:
                found.append(child)
                queue.append(child.pid)
    return found


def marked(token: str) -> list[Stat]:
    """Return all living processes whose environment carries the token of a run; unreadable ones are not ours to judge.

    /proc/PID/environ is what a process was started with, so a later unsetenv() does not hide it.
    """
    mark = f"{MARK}={token}".encode()
    return [stat for stat in _all_processes() if stat.pid != os.getpid() and carries(stat.pid, mark)]


def carries(pid: int, mark: bytes) -> bool:
    """Say whether a process was started with this NAME=value in its environment; False where it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def send(stat: Stat, number: int) -> bool:
    """Signal exactly this process; False where it has ended (or another one has its pid by now)."""
    try:
        descriptor = os.pidfd_open(stat.pid)
    except (ProcessLookupError, PermissionError):
        return False
    try:
        # The pidfd pins whoever has the pid now; only if that is still the process that was found is it signalled.
        again = read_stat(stat.pid)
        if again is None or again.start_ticks != stat.start_ticks:
            return False
        import signal  # it pulls in enum, which a fire that only looks need not pay for

        signal.pidfd_send_signal(descriptor, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(descriptor)
    return True


def send_all(processes: Iterable[Stat], number: int) -> int:
    """Signal each of these processes; return how many were there to get it."""
    return sum(send(stat, number) for stat in processes)
