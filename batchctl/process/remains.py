"""The processes of a run seen from outside, where no batchctl is above them any more, or only one that hangs."""

from __future__ import annotations

import os

from batchctl.process import cgroup, identity, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.core.run import Identity
    from batchctl.process.identity import Stat

_LOOKS = 5
"""Empty looks in a row after which nothing is left: one may miss a process that is born while it is being taken."""


def left_behind(token: str, leaders: Mapping[int, int]) -> bool:
    """Say whether anything a dead owner's steps started lives, or cannot be proven dead.

    A process in the session of a step's first process, after that one has ended, is the step's unless its pid was
    recycled since: enough to hold back the next run, and too little to signal it.
    """
    mark = tree.mark_of(token)
    for stat in tree.everything():
        if stat.ended or stat.pid == os.getpid():
            continue
        if stat.session in leaders and _may_be_led(stat, leaders[stat.session]):
            return True
        if tree.carries(stat, mark):
            return True
    return bool(cgroup.members(token) - {os.getpid()})


def _may_be_led(stat: Stat, ticks: int) -> bool:
    leader = stat if stat.pid == stat.session else tree.stat_or_none(stat.session)
    return stat.start_ticks >= ticks and (leader is None or leader.start_ticks == ticks)


class Remains:
    """What is provably a run's: its steps' first processes, its marked ones, its control groups, and all they started.

    A process once known stays known, with its session and with all that it starts later, even if it carries no mark.
    """

    def __init__(self, token: str, leaders: Mapping[int, int], owner: Identity) -> None:
        """Keep by what to know them: the run's token, start ticks by pid of its steps, and its batchctl."""
        self._token, self._mark, self._leaders, self._owner = token, tree.mark_of(token), leaders, owner
        self._known: dict[tuple[int, int], Stat] = {}

    def owner(self) -> list[Stat]:
        """Return the run's batchctl where it lives, provably: a list of one or none."""
        if identity.life(self._owner) != "alive":
            return []
        stat = tree.stat_or_none(self._owner.pid)
        return [] if stat is None or stat.start_ticks != self._owner.start_ticks else [stat]

    def look(self) -> list[Stat]:
        """Return all living processes of the run, its batchctl excepted."""
        owner = self.owner()
        sessions = {stat.session for stat in self._known.values() if self._is_own(stat.session)}
        members = cgroup.members(self._token)
        found = [
            stat
            for stat in tree.everything()
            if stat.session in sessions or stat.pid in members or self._is_marked(stat)
        ]
        found += tree.below({stat.pid for stat in [*owner, *found]})
        for stat in found:
            # A batchctl that a step of the very run started must not end itself; and what shares its owner's session
            # was started before the run by whoever started that, since every step has a session of its own.
            if stat.pid != os.getpid() and all(stat.session != one.session for one in owner):
                self._known.setdefault((stat.pid, stat.start_ticks), stat)
        return tree.known_alive(self._known.values())

    def _is_own(self, session: int) -> bool:
        """Say whether a session is the run's alone; of a program that guards itself only those of its children are."""
        return bool(self._leaders) or any(pid == session for pid, _ in self._known)

    def _is_marked(self, stat: Stat) -> bool:
        return self._leaders.get(stat.pid) == stat.start_ticks or tree.carries(stat, self._mark)

    def gone(self) -> bool:
        """Say whether nothing of the run lives, its batchctl included."""
        return not any(self.look() for _ in range(_LOOKS)) and not self.owner()

    def terminate(self) -> None:
        """Ask the whole run to end."""
        tree.terminate([*self.look(), *self.owner()])

    def kill(self) -> None:
        """End what can be found of the run now, and what is born meanwhile."""
        tree.kill([*self.owner(), *self.look()])
        cgroup.kill_all(self._token)
        tree.hunt_marked(self._mark)

    def tidy(self) -> None:
        """Remove the control groups of the run, now that nothing is in them."""
        cgroup.remove_all(self._token)
