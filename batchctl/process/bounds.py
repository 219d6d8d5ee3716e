"""The control group of one attempt, what it limits, and what it tells of the attempt's end.

An attempt with limits is started inside its group. Any other is put into one once it has lived for a moment: the first
change of a group waits for all processors (6 to 17 ms), which a step of 26 hours does not feel, and a short one is
spared.
"""

from __future__ import annotations

import os

from batchctl.base import clock
from batchctl.base.record import replace
from batchctl.core.attempt import Exit, Usage
from batchctl.process import spawn
from batchctl.process.tree import KILL, MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchctl.core.attempt import Command
    from batchctl.process.cgroup import Group

_NEARLY = 0.9
"""The share of its memory from which on a process that failed is taken to have lacked the rest."""
_WORDS = (b"memoryerror", b"cannot allocate memory", b"out of memory", b"outofmemory", b"bad_alloc", b"enomem")
"""What programs say, in lower case, of memory that they were not given."""
_TAIL = 4096


class Bounds:
    """The bounds of one attempt."""

    SETTLED_AFTER = 0.05
    """Seconds after which an attempt is put into a group of its own."""

    def __init__(self, command: Command, number: int) -> None:
        """Keep what is to be limited; `number` tells the attempts of a run from each other."""
        self._limits, self._log, self._number = command.limits, command.log, number
        self._token = command.env.get(MARK, "")
        self._group: Group | None = None
        self._whole = False
        """Whether the group has seen all of the attempt, and not only what came later."""
        self._began = clock.monotonic()
        self.wanting = bool(self._token)
        """Whether the attempt is yet to be put into a group."""
        self._judged = False
        """Whether the kernel itself says that it was memory."""
        self._killed_before: int | None = None
        self._explained = False

    def spawn(self, command: Command) -> int:
        """Start the program within its bounds and return its pid; what it raises is what `spawn` raises."""
        limits = self._limits
        if limits is None or not limits.of_the_tree:
            return spawn.spawn(command)
        from batchctl.process import cgroup, scope

        group = cgroup.make(self._token, self._number, limits)
        held = frozenset[str]() if group is None else group.limit(limits)
        if scope.is_better(limits, held):
            if group is not None:
                group.remove()
            self.wanting = False
            return spawn.spawn(scope.wrapped(command, f"{self._token}-{self._number}", limits))
        self._judged = "memory_max" in held
        if self._judged:
            command = replace(command, limits=replace(limits, memory_max=None))
        if group is None:
            return spawn.spawn(command)
        self._group, self._whole, self.wanting = group, True, False
        entrance = group.opened()
        try:
            return spawn.spawn(command, (entrance,))
        finally:
            spawn.quietly(os.close, entrance)

    @property
    def is_time(self) -> bool:
        """Whether the attempt has lived long enough to be put into a group."""
        return self.wanting and clock.monotonic() - self._began >= self.SETTLED_AFTER

    def gather(self, pids: Iterable[int]) -> bool:
        """Put these processes into the attempt's group, made now; say whether any was outside of it."""
        from batchctl.process import cgroup

        if self.wanting:
            self.wanting = False
            self._killed_before = cgroup.killed_for_memory()
            self._group = cgroup.make(self._token, self._number)
        if self._group is None:
            return False
        inside = set(self._group.pids())
        return cgroup.gather(self._group, [pid for pid in pids if pid not in inside])

    def kill(self) -> None:
        """End at once all that is in the group."""
        if self._group is not None:
            self._group.kill()

    def why(self, ended: Exit, used: Usage) -> Exit:
        """Return how the first process ended, and why where it was memory; asked again it knows no more."""
        if not self._explained:
            note = self._note(ended, used) if ended.code != 0 else ""
            ended, self._explained = replace(ended, note=note), True
        return ended

    def _note(self, ended: Exit, used: Usage) -> str:
        limit = None if self._limits is None else self._limits.memory_max
        if limit is not None and self._is_for_memory(limit, used):
            from batchctl.base.size import format_size

            return f"out of memory (memory_max {format_size(limit)})"
        if ended.signal == KILL and self._killed_before is not None:
            from batchctl.process import cgroup

            killed = cgroup.killed_for_memory()
            if killed is not None and killed > self._killed_before:
                return "out of memory (the kernel has killed for want of it)"
        return ""

    def _is_for_memory(self, limit: int, used: Usage) -> bool:
        if self._judged and self._group is not None:
            return self._group.killed_for_memory()
        # With a limit of each process there is no verdict of the kernel: as best known, by how much there was of it
        # and by what the program said last.
        return (used.max_rss_bytes or 0) >= _NEARLY * limit or any(word in self._last_words() for word in _WORDS)

    def _last_words(self) -> bytes:
        try:
            with open(self._log, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                return file.read(_TAIL).lower()
        except OSError:
            return b""

    def leave(self, used: Usage) -> Usage:
        """Remove the group of an attempt that is over; return what it used, as the group knows it, else as given."""
        group = self._group
        if group is None:
            return used
        if self._whole:
            cpu, memory = group.cpu_s(), group.max_memory()
            used = Usage(
                cpu_s=used.cpu_s if cpu is None else round(cpu, 6),
                max_rss_bytes=used.max_rss_bytes if memory is None else memory,
            )
        group.remove()
        self._group = None
        return used
