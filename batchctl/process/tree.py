"""Finding whole process trees, and signalling nothing but them.

While batchctl supervises, it is the child subreaper (prctl(2)): whatever a step leaves behind, however it detached,
becomes batchctl's child, so "everything below me" is exactly the step's tree. After batchctl has died, what is left is
found by the mark that every step carries in its environment. A process is signalled through a pidfd, opened and then
compared with what was found, so a recycled pid is never hit.
"""

from __future__ import annotations

import os

from batchctl.base import clock
from batchctl.base.errors import is_passing
from batchctl.process.identity import Stat, read_stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    import resource
    from collections.abc import Callable, Collection, Iterable, Iterator

    Reaped = dict[int, tuple[int, resource.struct_rusage]]

MARK = "BATCHCTL_RUN_TOKEN"
"""The environment variable that marks every process of a run with the run's random token."""

MARKS = (MARK, "BATCHCTL_STEP")
"""What tells the processes of one step from those of the steps beside it."""

TERM, KILL, STOP, CONT = 15, 9, 19, 18

_PR_SET_CHILD_SUBREAPER = 36
_BURST = 0.05
"""Seconds that one hunt for processes born while others are killed may take."""


def become_subreaper() -> None:
    """Make this process the new parent of every orphan below it.

    Raises:
        OSError: if the kernel refuses.
    """
    # The C half of ctypes: its Python half costs a start a sixth of Python's own, for this one call.
    import _ctypes

    prctl = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type]  # this very program
    if _ctypes.call_function(prctl, (_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) != 0:
        message = "the kernel refuses prctl(PR_SET_CHILD_SUBREAPER)"
        raise OSError(message)


def reap(ended: Reaped) -> bool:
    """Reap every child that has ended; say whether there is no child at all.

    Each is added to `ended` by its pid, with its status as waitpid(2) has it and what it and the children that it
    waited for have used, as getrusage(2) has it. Nobody else will ever tell: so it is kept as it comes, and nothing
    that can fail is done with it in between.
    """
    while True:
        try:
            found = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if found[0] == 0:
            return False
        ended[found[0]] = found[1:]


def children_now() -> tuple[int, ...]:
    """Return the living children that this process has, after reaping those that have ended."""
    childless = reap({})
    mine = os.getpid()
    return () if childless else tuple(stat.pid for stat in everything() if stat.parent == mine and not stat.ended)


def everything() -> Iterator[Stat]:
    """Yield every process that may be looked at, those that have ended but were not reaped included.

    Raises:
        OSError: if the machine is out of descriptors or memory: a list with gaps would call the living dead.
    """
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = stat_or_none(int(name))
            if stat is not None:
                yield stat


def below(ancestors: Collection[int], *, besides: Collection[int] = ()) -> list[Stat]:
    """Return all descendants of these processes, parents before their children, ended ones included.

    The trees whose root pid stands in `besides` are left out.
    """
    children: dict[int, list[Stat]] = {}
    for stat in everything():
        children.setdefault(stat.parent, []).append(stat)
    found: list[Stat] = []
    queue = list(ancestors)
    for parent in queue:  # it grows while it is walked
        for child in children.get(parent, ()):
            if child.pid not in besides:
                found.append(child)
                queue.append(child.pid)
    return found


def mark_of(token: str) -> bytes:
    """Return what every process of a run has in its environment."""
    return f"{MARK}={token}".encode()


def carries(stat: Stat, *marks: bytes) -> bool:
    """Say whether a process was started with all of these NAME=value in its environment.

    False where it may not be looked at; OSError where that cannot be told at the moment. /proc/PID/environ is what a
    process was started with, so a later unsetenv() does not hide it.
    """
    try:
        place = f"/proc/{stat.pid}"
        if stat.state in "ZX":
            # The first thread has ended and its files with it; another one still shows what they share.
            place = f"{place}/task/{max(os.listdir(f'{place}/task'), key=int)}"
        with open(f"{place}/environ", "rb") as file:
            found = file.read().split(b"\0")
    except ValueError:
        return False
    except OSError as error:
        if is_passing(error):
            raise
        return False
    return all(mark in found for mark in marks)


def is_ending(stat: Stat) -> bool:
    """Say whether a process has given up its memory, environment included, on its way to become a zombie."""
    try:
        with open(f"/proc/{stat.pid}/cmdline", "rb") as file:
            return not file.read(1)
    except OSError:
        return True


def send(stat: Stat, number: int) -> bool:
    """Signal exactly this process; False where it has ended (or another one has its pid by now).

    Raises:
        OSError: if that cannot be told at the moment.
    """
    try:
        descriptor = os.pidfd_open(stat.pid)
    except OSError as error:
        if is_passing(error):
            raise
        return False
    try:
        # The pidfd pins whoever has the pid now; only if that is still the process that was found is it signalled.
        again = read_stat(stat.pid)
        if again is None or again.start_ticks != stat.start_ticks:
            return False
        from batchctl.process.signals import signal

        signal.pidfd_send_signal(descriptor, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(descriptor)
    return True


def send_group(leader: int, number: int) -> None:
    """Signal the group of a child that was not reaped yet, whose pid therefore is nobody else's; needs no look."""
    try:
        os.killpg(leader, number)
    except OSError:
        return


def terminate(processes: Collection[Stat]) -> None:
    """Ask each of these processes to end; a stopped one is continued, since it would not take the request."""
    _send_all(processes, TERM, CONT)


def kill(processes: Collection[Stat]) -> None:
    """End these processes: all are stopped first, so that none can answer the end of another with a new one."""
    _send_all(processes, STOP, KILL)


def _send_all(processes: Collection[Stat], *numbers: int) -> None:
    """Signal each of these processes, also where one of them could not be; then that is raised."""
    trouble = None
    for number in numbers:
        for stat in processes:
            try:
                send(stat, number)
            except OSError as error:
                trouble = error
    if trouble is not None:
        raise trouble


def hunt_children(is_mine: Callable[[Stat], bool], roots: Collection[int]) -> int:
    """Kill children of this process faster than they can replace themselves; return how many.

    Those that have ended are reaped, for the list must stay short, but for the `roots`, whose exit status matters.

    A chain of processes that each fork and exit at once, reparented to the subreaper every time, is gone from every
    table of /proc before the table is read to its end. The kernel's list of our own children is read in microseconds.
    None of their pids can be recycled meanwhile, since only this thread reaps them; so plain kill(2) hits no other.
    """
    seen: set[int] = set()
    dying: list[Stat] = []
    end, settled = clock.monotonic() + _BURST, False
    while clock.monotonic() < end:
        new = _children() - seen
        if not new and settled:
            break
        # A child is reparented before its parent counts as ended, so one more look after that is the last.
        settled = not new and not known_alive(dying)
        seen |= new
        for pid in sorted(new, reverse=True):  # the youngest is the one that lives
            stat = stat_or_none(pid)
            if stat is None or (stat.ended and pid in roots):
                continue
            if stat.ended:
                os.waitpid(pid, os.WNOHANG)
            elif is_mine(stat) and _kill_child(pid):
                dying.append(stat)
    return len(dying)


def _kill_child(pid: int) -> bool:
    try:
        os.kill(pid, KILL)
    except OSError:
        return False  # another user's
    return True


def _children() -> set[int]:
    """Return this process's children, ended ones included; none where the kernel lacks CONFIG_PROC_CHILDREN."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb", buffering=0) as file:
            return {int(pid) for pid in file.read().split()}
    except OSError:
        return set()


def hunt_marked(mark: bytes) -> None:
    """Kill processes that carry the mark of a run faster than they can replace themselves; see `hunt_children`.

    Nothing is a child of ours here, so the list is /proc itself, and what was looked at once is not looked at again.
    """
    seen = {os.getpid()}
    end = clock.monotonic() + _BURST
    while clock.monotonic() < end:
        new = {int(name) for name in os.listdir("/proc") if name.isdigit()} - seen
        seen |= new
        for pid in new:
            stat = stat_or_none(pid)
            if stat is not None and not stat.ended and carries(stat, mark):
                send(stat, KILL)


def stat_or_none(pid: int) -> Stat | None:
    """Return what the kernel says of a process; None where there is none, or it may not be looked at.

    Raises:
        OSError: if that cannot be told at the moment.
    """
    try:
        return read_stat(pid)
    except OSError as error:
        if is_passing(error):
            raise
        return None


def known_alive(processes: Iterable[Stat]) -> list[Stat]:
    """Return those of these processes that still live, looked at afresh."""
    alive = []
    for stat in processes:
        now = stat_or_none(stat.pid)
        if now is not None and now.start_ticks == stat.start_ticks and not now.ended:
            alive.append(now)
    return alive
