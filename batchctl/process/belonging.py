"""Which of the processes below the supervisor belong to which step."""

from __future__ import annotations

import os

from batchctl.base.record import Record
from batchctl.process import tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from batchctl.process.identity import Stat


class Look(Record):
    """What one look at the process table showed."""

    living: list[Stat]
    """The step's living processes."""
    certain: bool
    """Whether `living` is all there is: false while a child is ending, or has ended and is not reaped, for what it
    started in its last moment may have been born behind the reader's back."""


NOTHING = Look(living=[], certain=True)


class Belonging:
    """The processes of one step.

    Where nothing else is below the supervisor, everything is the step's. Beside other steps its own are told by
    descent, by session (a process can join none but its own) and by the marks in their environment. What once belonged
    stays known, with its session and with all that it starts later, although its parent may have ended meanwhile.
    """

    def __init__(self, marks: tuple[bytes, ...]) -> None:
        """Begin with the step's marks; `root` is to be set once it is started."""
        self.root = 0
        """The step's first process, which leads a session of its own."""
        self._marks = marks
        self._sessions = set[int]()
        self._known: set[tuple[int, int]] = set()
        self._own_session = os.getsid(0)

    def look(self, others: Collection[int]) -> Look:
        """Look at the process table; `others` are the roots of whatever else is below the supervisor."""
        found = tree.below([os.getpid()], besides=others)
        mine = {self.root}
        self._sessions.add(self.root)
        living, certain = [], True
        for stat in found:
            if stat.ended:
                certain = certain and stat.parent != os.getpid()
            elif stat.parent in mine or self.owns(stat, alone=not others):
                mine.add(stat.pid)
                self._known.add((stat.pid, stat.start_ticks))
                self._sessions.add(stat.session)
                living.append(stat)
            elif tree.is_ending(stat):
                certain = False  # its environment is gone already, so it may have been anybody's
        return Look(living=living, certain=certain)

    def knows(self, pid: int) -> bool:
        """Say whether the process was the step's when it was looked at."""
        return pid == self.root or any(known == pid for known, _ in self._known)

    def owns(self, stat: Stat, *, alone: bool) -> bool:
        """Say whether a process below the supervisor is the step's, by what can be seen of it alone."""
        if stat.session == self._own_session:
            return False  # every step has a session of its own; this one was here before the run
        return (
            alone
            or stat.session in self._sessions
            or (stat.pid, stat.start_ticks) in self._known
            or tree.carries(stat, *self._marks)
        )
