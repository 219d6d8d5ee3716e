"""Control groups, version 2 (cgroups(7)): a group of its own for what an attempt starts.

Membership is inherited and cannot be shed: it finds, after batchctl was killed, what cleared its environment, closed
its descriptors and leads its own session, and `cgroup.kill` ends all of it at once. Where the kernel's controllers are
at hand, a group also limits and accounts for all its processes together.

A group is made as near to batchctl's own as it may be. Its name holds the run's random token, so it is found again by
its name alone, from wherever one looks, and nothing has to be remembered. Everything here does without where there is
no such hierarchy, or no right to it.
"""

from __future__ import annotations

import os

from batchctl.base import clock
from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from batchctl.core.limits import Limits

NAME = "batchctl-"
"""How the name of each group begins; the run's token and the attempt's number follow."""
_OLD = 3600.0
_PERIOD = 100_000
"""Microseconds over which processor time is shared out (cpu.max)."""


class Place(Record):
    """Where batchctl itself stands: its own group's directory, below the directory of the hierarchy."""

    top: str
    own: str

    def upwards(self) -> Iterator[str]:
        """Yield the groups from its own up to the top."""
        here = self.own
        while here != self.top:
            yield here
            here = os.path.dirname(here)
        yield self.top


def place() -> Place | None:
    """Return where this process stands in the unified hierarchy; None where that cannot be seen from here."""
    path = _path_of("self")
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            mounts = [line.split() for line in file.read().splitlines() if b" - cgroup2 " in line]
    except OSError:
        return None
    if path is None:
        return None
    for fields in mounts:
        # In a container the mount may show a part of the hierarchy only, which then is its top.
        root, point = fields[3].rstrip(b"/"), os.fsdecode(fields[4])
        if path == root or path.startswith(root + b"/"):
            inside = os.fsdecode(path[len(root) :].strip(b"/"))
            return Place(top=point, own=os.path.join(point, inside) if inside else point)
    return None


def _path_of(pid: str) -> bytes | None:
    """Return the group of a process as the kernel names it."""
    try:
        with open(f"/proc/{pid}/cgroup", "rb") as file:
            return next((line[3:] for line in file.read().splitlines() if line.startswith(b"0::")), None)
    except OSError:
        return None


class Group:
    """One group."""

    def __init__(self, path: str) -> None:
        """Keep its directory."""
        self.path = path

    def opened(self) -> int:
        """Return an open file that puts whoever writes 0 into it into the group; OSError where it may not be."""
        return os.open(f"{self.path}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    def adopt(self, pid: int) -> bool:
        """Put a process into the group; False where that is not possible, or it has ended."""
        return _write(f"{self.path}/cgroup.procs", str(pid))

    def limit(self, limits: Limits) -> frozenset[str]:
        """Limit all its processes together; return the keys that are in force, each where its controller is there."""
        cpu = None if limits.cpu_max is None else f"{max(1000, round(limits.cpu_max * _PERIOD))} {_PERIOD}"
        wanted = (
            ("memory_max", "memory.max", limits.memory_max),
            ("cpu_max", "cpu.max", cpu),
            ("tasks_max", "pids.max", limits.tasks_max),
        )
        asked = [(key, f"{self.path}/{file}", str(value)) for key, file, value in wanted if value is not None]
        asked = [(key, f"{self.path}/{file}", str(value)) for key, file, value in wanted if value is not None]
        done = frozenset(key for key, file, value in asked if _write(file, value))
        if "memory_max" in done:
            # A step whose child alone was killed would go on without it, and might not even notice.
            _write(f"{self.path}/memory.oom.group", "1")
        return done

    def cpu_s(self) -> float | None:
        """Return the processor seconds that its processes, ended ones too, have used; None where that is not told."""
        micros = _number(f"{self.path}/cpu.stat", "usage_usec")
        return None if micros is None else micros / 1_000_000

    def max_memory(self) -> int | None:
        """Return the most bytes that its processes had together, with what the kernel kept for them."""
        text = _read(f"{self.path}/memory.peak").strip()
        return int(text) if text.isdigit() else None

    def killed_for_memory(self) -> bool:
        """Say whether the kernel has killed a process of it for want of memory."""
        return bool(_number(f"{self.path}/memory.events", "oom_kill"))

    def pids(self) -> list[int]:
        """Return its processes, those of groups below it included."""
        found: list[int] = []
        for directory, _, _ in os.walk(self.path):
            found += (int(pid) for pid in _read(f"{directory}/cgroup.procs").split())
        return found

    def kill(self) -> None:
        """End all that is in it, unless this process is, too."""
        if os.getpid() not in self.pids():
            _write(f"{self.path}/cgroup.kill", "1")

    def remove(self) -> None:
        """Remove it with the groups below it; one that is not empty stays."""
        for directory, _, _ in os.walk(self.path, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                continue


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _number(path: str, key: str) -> int | None:
    """Return the number behind a key in a file of `key number` lines."""
    for line in _read(path).splitlines():
        words = line.split()
        if words[:1] == [key]:
            return int(words[1])
    return None


def _write(path: str, text: str) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)
    except OSError:
        return False
    return True


def make(token: str, number: int, limits: Limits | None = None) -> Group | None:
    """Make the group of a run's attempt as near to our own as may be; None where there can be none.

    With limits it is made where the kernel shares out most of what they limit.
    """
    here = place()
    if here is None:
        return None
    places = [path for path in here.upwards() if os.access(f"{path}/cgroup.procs", os.W_OK)]
    if limits is not None:
        wanted = controllers(limits)
        places.sort(key=lambda path: -len(wanted & _shared_out(path, wanted, here.top)))
    for path in places:
        _sweep(path)
        group = Group(f"{path}/{NAME}{token}-{number}")
        try:
            os.mkdir(group.path, 0o755)
        except OSError:
            continue
        return group
    return None


def _sweep(path: str) -> None:
    """Remove the empty groups that a batchctl left here which was killed and never fired again.

    Those of the last hour may be just being made.
    """
    try:
        with os.scandir(path) as entries:
            old = [
                entry.path
                for entry in entries
                if entry.name.startswith(NAME) and entry.stat().st_mtime < clock.now() - _OLD
            ]
    except OSError:
        return
    for directory in old:
        Group(directory).remove()


def controllers(limits: Limits) -> frozenset[str]:
    """Return what the kernel has to share out for these limits."""
    wanted = {"memory": limits.memory_max, "cpu": limits.cpu_max, "pids": limits.tasks_max}
    return frozenset(name for name, value in wanted.items() if value is not None)


def at_hand() -> frozenset[str]:
    """Return the controllers that a group made here could have; nothing is changed."""
    here = place()
    found: set[str] = set()
    for path in () if here is None else here.upwards():
        if os.access(f"{path}/cgroup.procs", os.W_OK):
            is_top = here is not None and path == here.top
            found |= set(_read(f"{path}/cgroup.{'controllers' if is_top else 'subtree_control'}").split())
    return frozenset(found)


def _shared_out(path: str, wanted: Iterable[str], top: str) -> set[str]:
    """Return the controllers that the groups below this one have; the top's are switched on where nobody has yet."""
    found = set(_read(f"{path}/cgroup.subtree_control").split())
    if path == top:
        # Nothing but the topmost group may have both processes and controllers for groups below it.
        there = set(_read(f"{path}/cgroup.controllers").split())
        switch = f"{path}/cgroup.subtree_control"
        found |= {name for name in (there & {*wanted}) - found if _write(switch, f"+{name}")}
    return found


def gather(group: Group, pids: Iterable[int]) -> bool:
    """Put these processes into a group; say if any was.

    Those that are in another group than ours were put there by somebody: a batchctl among them, a container's keeper.
    """
    own, some = _path_of("self"), False
    for pid in pids:
        if own is not None and _path_of(str(pid)) == own:
            some = group.adopt(pid) or some
    return some


def find(token: str) -> list[Group]:
    """Return the groups of a run, wherever they were made; none without a token."""
    here = place()
    if here is None or not token:
        return []
    wanted, found = f"{NAME}{token}-", []
    for directory, below, _ in os.walk(here.top):
        found += [Group(os.path.join(directory, name)) for name in below if name.startswith(wanted)]
        below[:] = [name for name in below if not name.startswith(wanted)]
    return found


def members(token: str) -> set[int]:
    """Return the processes of a run that are in its groups."""
    return {pid for group in find(token) for pid in group.pids()}


def kill_all(token: str) -> None:
    """End whatever is in the groups of a run."""
    for group in find(token):
        group.kill()


def remove_all(token: str) -> None:
    """Remove the groups of a run that has ended; one that is not empty stays."""
    for group in find(token):
        group.remove()


def killed_for_memory() -> int | None:
    """Return how often the kernel has killed for want of memory, in our own group where it counts there, else at all.

    None where it does not tell.
    """
    here = place()
    counted = None if here is None else _number(f"{here.own}/memory.events", "oom_kill")
    if counted is not None:
        return counted
    return _number("/proc/vmstat", "oom_kill")
