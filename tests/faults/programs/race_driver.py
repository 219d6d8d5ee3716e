"""Rounds of fires against each other, each fire in a fork of this warm process: `race_driver.py MODE DIR SECONDS`.

Prints what it counted as JSON; the first violation of an invariant ends it with its description.
"""

from __future__ import annotations

import ctypes  # noqa: F401 - warm
import json
import os
import random
import select
import sqlite3
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from support import job, step

from batchctl.base.errors import BatchctlError
from batchctl.core.model import Selection
from batchctl.engine import command, start, stop, supervise  # noqa: F401 - warm
from batchctl.engine import fire as engine_fire
from batchctl.process import remains  # noqa: F401 - warm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchctl.core.model import Job

_UNEXPECTED = 99
_STOPPED = 200
"""What a `stop` ends with here, so that it is not counted as a fire."""


class Arena:
    """One state directory in which actors race."""

    def __init__(self, place: Path) -> None:
        """Make the job: its step takes a lock of its own, which the kernel frees when all of its tree has ended."""
        self.state, self.violations, own = place / "state", place / "violations", place / "own"
        # A second tree of the job finds the first one's lock taken: that is what must never happen.
        self._line = f"exec 9>>{own}; flock -n 9 || echo overlap $BATCHCTL_RUN_ID >> {self.violations};"
        self.errors = place / "errors"

    def job(self, after: str, **rules: object) -> Job:
        """Return the job whose step goes on with `after`, holding its lock."""
        return job(step("1", f"{self._line} {after}", grace=1.0), name="j", grace=1.0, **rules)

    def fire(self, what: Job, *, resume: bool = False) -> int:
        """Fire in this process and return the exit code."""
        request = engine_fire.Request(state_dir=str(self.state), selection=Selection(resume=resume))
        try:
            return engine_fire.fire(what, request).exit_code
        except BatchctlError as error:
            return error.exit_code

    def race(self, actors: Sequence[Callable[[], int]], stops: Job | None = None) -> list[int]:
        """Let the actors go at the same moment, each in a process of its own; return their exit codes.

        With `stops` one more process stops that job, again and again, until the actors are through.
        """
        (gate, opener), (through, working) = os.pipe(), os.pipe()
        pids = []
        for actor in actors:
            pids.append(os.fork())
            if pids[-1] == 0:
                os.close(opener)
                os.read(gate, 1)  # returns when nobody can open the gate any more
                self._act(actor)
        os.close(working)  # held by the actors alone from here on
        stopper = None if stops is None else os.fork()
        if stops is not None and stopper == 0:
            os.close(opener)
            os.read(gate, 1)
            self._act(lambda: self._stop(stops, through))
        for descriptor in (gate, opener, through):
            os.close(descriptor)
        codes = [_as_in_a_shell(os.waitpid(pid, 0)[1]) for pid in pids]
        if stopper is not None:
            codes.append(_as_in_a_shell(os.waitpid(stopper, 0)[1]))
        return codes

    def _stop(self, what: Job, through: int) -> int:
        while not select.select([through], [], [], random.random() * 0.02)[0]:  # noqa: S311 - a race
            stop.stop(what, str(self.state))
        return _STOPPED

    def _act(self, actor: Callable[[], int]) -> None:
        code = _UNEXPECTED
        try:
            time.sleep(random.random() * 0.01)  # noqa: S311 - a race
            code = actor()
        except BaseException:  # noqa: BLE001 - whatever it is, the test must see it
            import traceback

            with self.errors.open("a") as file:
                traceback.print_exc(file=file)
        finally:
            os._exit(code)


def _as_in_a_shell(status: int) -> int:
    # A stop that comes after the end of the run, when batchctl is about to exit, ends it as it would any program.
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def check(arena: Arena, codes: list[int], counted: Counter[str]) -> str | None:
    """Return which invariant does not hold after a round, None where all do."""
    if arena.violations.exists():
        return f"two step trees at once: {arena.violations.read_text()}"
    if _UNEXPECTED in codes:
        return f"an actor failed: {arena.errors.read_text()}"
    connection = sqlite3.connect(arena.state / "batchctl.db")
    query = "select (select count(*) from runs), (select coalesce(sum(count), 0) from skips),"
    query += " (select count(*) from runs where status = 'running'),"
    query += " (select count(*) from runs where status <> 'running' and ended_at is null),"
    query += " (select count(*) from steps join runs on runs.id = run_id and runs.status <> 'running'"
    query += " where steps.status in ('running', 'pending'))"
    starts, skips, running, endless, open_steps = connection.execute(query).fetchone()
    connection.close()
    if running or endless or open_steps:
        return f"{running} running rows, {endless} ends without a time, {open_steps} open steps although all is over"
    if starts + skips != counted["fires"]:
        return f"{counted['fires']} fires, but {starts} starts and {skips} skips; codes {codes}"
    if list(os.scandir(arena.state / "spool")):
        return f"left in the spool: {os.listdir(arena.state / 'spool')}"
    counted["starts"], counted["skips"] = starts, skips
    return None


def main(mode: str, place: Path, seconds: float) -> None:
    """Race for so many seconds."""
    arena = Arena(place)
    short, long, failing = arena.job("true"), arena.job("exec sleep 20"), arena.job("exit 1")
    stale = arena.job("sleep 0.02", stale_after=0.001)
    actors = {
        "run": [lambda: arena.fire(short)] * 3,
        "resume": [lambda: arena.fire(failing), lambda: arena.fire(failing, resume=True)] * 2,
        "stop": [lambda: arena.fire(long), lambda: arena.fire(short), lambda: arena.fire(long)],
        "takeover": [lambda: arena.fire(stale)] * 3,
    }[mode]
    # The first run makes the history, and is what the first --resume continues.
    wrong, counted = None, Counter({"fires": len(arena.race([lambda: arena.fire(failing)]))})
    end = time.monotonic() + seconds
    while wrong is None and time.monotonic() < end:
        codes = arena.race(actors, long if mode == "stop" else None)
        counted["rounds"] += 1
        counted["fires"] += len(actors)
        counted.update(f"code {code}" for code in codes)
        wrong = check(arena, codes, counted)
    print(json.dumps({"wrong": wrong, **counted}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
