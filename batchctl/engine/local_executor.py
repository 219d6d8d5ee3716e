"""Attempts as processes of this host, each a tree of its own below this process.

batchctl is their child subreaper: what a step leaves behind, however it detached, becomes our child. So an attempt is
over when nothing of its tree is left, and not when its first process ends.
"""

from __future__ import annotations

import os
import resource  # os.wait4() loads it, after it has reaped: without it the exit status would be lost

from batchctl.core.attempt import Command, Exit, Usage
from batchctl.process import spawn, tree
from batchctl.process.belonging import NOTHING, Belonging, Look
from batchctl.process.bounds import Bounds
from batchctl.process.capping import Cap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchctl.process.tree import Reaped


_ROUNDS = 20
"""How often a tree is looked at anew for processes that were born outside of its control group."""


class LocalWork:
    """One tree of processes."""

    def __init__(
        self, command: Command, marks: Sequence[str], beside: Callable[[LocalWork], tuple[int, ...]], bounds: Bounds
    ) -> None:
        """Prepare to start; the variables `marks` tell its processes, `beside` are the roots of all else below us."""
        self.pid = 0
        """The first process, which leads a session; 0 before it is started."""
        self.bounds = bounds
        self.inherited: tuple[Bounds, ...] = ()
        """Those of the attempts that it is the end of."""
        self.exit: Exit | None = None
        self.usage = Usage()
        self.over = False
        self.childless = False
        """Whether this process has no child, and so, being a subreaper, no descendant either."""
        self.trace: tuple[int, int] | None = None
        self.command, self._beside = command, beside
        self._belonging = Belonging(tuple(f"{name}={command.env.get(name)}".encode() for name in marks))
        self.cap = None if command.log_max is None else Cap(command.log, command.log_max)

    def begin(self) -> None:
        """Start the program; whatever this raises, `pid` says whether it was started."""
        try:
            self.pid = self._belonging.root = self.bounds.spawn(self.command)
        except BaseException:
            self.bounds.leave(self.usage)
            raise
        try:
            stat = tree.stat_or_none(self.pid)
        except OSError:
            return  # a later batchctl finds it by its marks
        self.trace = None if stat is None else (self.pid, stat.start_ticks)

    def living(self) -> bool:
        """Say whether anything of the tree lives; where that is uncertain (see `Look`), the next look will tell."""
        look = NOTHING if self.childless else self._look()
        self.over = look.certain and not look.living
        if self.over:
            self.usage = self.bounds.leave(self.usage)
            for bounds in self.inherited:
                bounds.leave(self.usage)
        return not self.over

    def terminate(self) -> None:
        """Send TERM to the whole tree."""
        try:
            tree.terminate(self._look().living)
        except OSError:
            self._signal_group(tree.TERM)
            raise

    def kill(self) -> bool:
        """Send KILL to the whole tree; what was born while others were killed is found now or the next time."""
        for bounds in (self.bounds, *self.inherited):
            bounds.kill()
        try:
            tree.kill(self._look().living)
        except OSError:
            self._signal_group(tree.KILL)
            raise
        beside = self._beside(self)
        born = tree.hunt_children(
            lambda stat: stat.pid not in beside and self._belonging.owns(stat, alone=not beside), (*beside, self.pid)
        )
        return born > 0

    def knows(self, pid: int) -> bool:
        """Say whether the process is known to be one of the tree's."""
        return self._belonging.knows(pid)

    def account(self, used: resource.struct_rusage) -> None:
        """Add what a process of the tree has used, now that it is reaped."""
        self.usage = Usage(
            cpu_s=(self.usage.cpu_s or 0.0) + round(used.ru_utime + used.ru_stime, 6),
            # Of the largest of them; at least what this process had when it started the child.
            max_rss_bytes=max(self.usage.max_rss_bytes or 0, used.ru_maxrss * 1024),
        )

    def gather(self) -> None:
        """Put the whole tree into its control group; what is born meanwhile is born there, or found the next round."""
        try:
            for _ in range(_ROUNDS):
                if not self.bounds.gather(stat.pid for stat in self._look().living):
                    return
        except (OSError, ImportError):
            return  # where it was the look that failed, the next one tries again

    def _signal_group(self, number: int) -> None:
        """Signal what can be without a look: a first process that was not reaped has its pid and its group for sure."""
        if self.pid and self.exit is None:
            tree.send_group(self.pid, number)

    def _look(self) -> Look:
        return self._belonging.look(self._beside(self))


class LocalExecutor:
    """The trees below this process; make one per process, before anything else is started."""

    def __init__(self) -> None:
        """Become the new parent of all that steps leave behind.

        Children from before the run, of the shell that batchctl replaced with `exec`, are no step's and never touched.
        """
        spawn.keep_descriptors_private()
        tree.become_subreaper()
        self._before = tree.children_now()
        self._under_way: list[LocalWork] = []
        self._ended: Reaped = {}
        self._started = 0

    @property
    def look_every(self) -> float | None:
        """Seconds to the next look where a log has a cap, or a tree is yet to be put into its control group.

        Otherwise SIGCHLD says when there is something to see.
        """
        if any(work.bounds.wanting and work.exit is None for work in self._works()):
            return Bounds.SETTLED_AFTER
        return Cap.LOOK_EVERY if any(work.cap is not None for work in self._works()) else None

    def start(self, command: Command) -> LocalWork:
        """Start a program in a session of its own; CannotStartError where that is not possible."""
        self._started += 1
        work = LocalWork(command, tree.MARKS, self._beside, Bounds(command, self._started))
        self._under_way = [*self._works(), work]
        try:
            work.begin()
        finally:
            work.over = not work.pid
        return work

    def everything(self) -> LocalWork:
        """Return all that lives below this process and was not there before the run."""
        under_way = self._works()
        command = under_way[-1].command if under_way else Command(argv=(), env={}, cwd=None, log="")
        work = LocalWork(command, tree.MARKS[:1], lambda _: self._before, Bounds(command, 0))
        work.bounds.wanting = False
        work.inherited = tuple(each.bounds for each in under_way)
        self._under_way = [work]
        return work

    def poll(self) -> None:
        """Reap whatever has ended, orphans that fell to us included, and keep logs within their caps."""
        childless = tree.reap(self._ended)
        works = self._works()
        for work in works:
            work.childless = childless
            if work.exit is None and work.pid in self._ended:
                code = os.waitstatus_to_exitcode(self._ended[work.pid][0])
                work.exit = Exit(signal=-code) if code < 0 else Exit(code=code)
        self._account()
        for work in works:
            if work.exit is not None:
                work.exit = work.bounds.why(work.exit, work.usage)
            elif work.bounds.is_time:
                work.gather()
            if work.cap is not None:
                work.cap.apply()

    def _account(self) -> None:
        works = self._works()
        while self._ended:
            pid, (_, used) = self._ended.popitem()
            # What was born and ended between two looks can be told only where there is no other step.
            whose = [work for work in works if work.knows(pid)] or (works if len(works) == 1 else [])
            for work in whose[:1]:
                work.account(used)

    def _works(self) -> list[LocalWork]:
        return [work for work in self._under_way if not work.over]

    def _beside(self, work: LocalWork) -> tuple[int, ...]:
        return (*self._before, *(other.pid for other in self._works() if other is not work))
