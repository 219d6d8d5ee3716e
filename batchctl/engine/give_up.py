"""Ending all that a run has started, although something is wrong with the one that watched it."""

from __future__ import annotations

import time

from batchctl.base import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchctl.engine.ports import Executor, Work

_LOOK_EVERY = 0.05
_LIMIT = 30.0
"""Seconds after the grace; what still lives then hangs in the kernel, and holds the job's lock as long as it does."""


def end_everything(executors: Iterable[Executor], grace: float) -> None:
    """TERM, the grace, KILL, until nothing lives; what can neither be seen nor ended is given up on in the end."""
    over = clock.monotonic() + grace
    rests = [_Rest(executor) for executor in executors]
    while rests and clock.monotonic() < over + _LIMIT:
        rests = [rest for rest in rests if rest.lives(over=clock.monotonic() >= over)]
        if rests:
            time.sleep(_LOOK_EVERY)


class _Rest:
    """All that one executor started, to be ended although something is wrong."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self._asked = executor, False
        self._work: Work | None = None

    def lives(self, *, over: bool) -> bool:
        """End it, gently until the grace is over; say whether any of it lives, or may."""
        try:
            self._work = work = self._work or self._executor.everything()
            self._executor.poll()
            if not work.living():
                return False
            if over:
                work.kill()
            elif not self._asked:
                work.terminate()
                self._asked = True
        except Exception:  # noqa: BLE001 - whatever it is, it is no proof of death
            return True
        return True
