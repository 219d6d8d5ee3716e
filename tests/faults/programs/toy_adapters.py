"""Adapters that the engine knows by name only: an executor that starts no process, and a lease that is a file's text.

An attempt is told by its argv what to do: `["end", CODE, SECONDS]`, `["linger", CODE, SECONDS]` (its first part ends at
once with CODE, the rest goes on for SECONDS), `["deaf", CODE, SECONDS]` (lingers, and only KILL ends it). What it is
told is written down, a line each, in `told` beside the log.
"""

# ruff: noqa: ARG002 - a port gives more than a toy needs
from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from batchctl.base.errors import CannotStartError
from batchctl.core.attempt import Exit, Usage

if TYPE_CHECKING:
    from batchctl.core.attempt import Command
    from batchctl.core.model import Job
    from batchctl.core.run import Run
    from batchctl.engine.ports import Executor, Lease


class ToyWork:
    """An attempt that lives by the clock."""

    trace = None
    usage = Usage(cpu_s=1.5)

    def __init__(self, command: Command) -> None:
        """Begin."""
        how, code, seconds = command.argv
        self._how, self._code, self._until = how, int(code), time.monotonic() + float(seconds)
        self._told = os.path.join(os.path.dirname(command.log), "told")
        self.exit: Exit | None = None

    def look(self) -> None:
        """See whether its first part has ended."""
        if self.exit is None and (self._how == "linger" or time.monotonic() >= self._until):
            self.exit = Exit(code=self._code)

    def living(self) -> bool:
        """Say whether any of it goes on."""
        return time.monotonic() < self._until

    def terminate(self) -> None:
        """End, unless it is deaf."""
        self._write("terminate")
        if self._how != "deaf":
            self._until, self.exit = 0.0, self.exit or Exit(signal=15)

    def kill(self) -> bool:
        """End."""
        self._write("kill")
        self._until, self.exit = 0.0, self.exit or Exit(signal=9)
        return False

    def _write(self, line: str) -> None:
        with open(self._told, "a", encoding="utf-8") as file:
            file.write(f"{line}\n")


class ToyExecutor:
    """Carries out attempts by doing nothing."""

    look_every = 0.02

    def __init__(self, run: Run, state_dir: str) -> None:
        """Begin with none."""
        self._works: list[ToyWork] = []

    def start(self, command: Command) -> ToyWork:
        """Start an attempt."""
        if command.argv[0] == "refuse":
            message = "the toy does not want to"
            raise CannotStartError(message, 126)
        self._works.append(ToyWork(command))
        return self._works[-1]

    def everything(self) -> ToyWork:
        """Return the last one: a toy runs one at a time."""
        return self._works[-1]

    def poll(self) -> None:
        """Look at all of them."""
        for work in self._works:
            work.look()


class ToyHold:
    """A job held by the toy lease."""

    descriptors = ()
    fence = 7

    def __init__(self, path: str) -> None:
        """Keep which file says so."""
        self._path = path

    def close(self) -> None:
        """Leave off."""
        os.unlink(self._path)


class ToyLease:
    """Holds a job by a file in the state directory."""

    def __init__(self, job: Job, state_dir: str) -> None:
        """Keep where."""
        self._path = os.path.join(state_dir, "toy-lease")

    def take(self, job: str) -> ToyHold | None:
        """Make the file; None where it is there."""
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return None
        return ToyHold(self._path)

    def is_held(self, job: str) -> bool:
        """Say whether it is there."""
        return os.path.exists(self._path)


if TYPE_CHECKING:
    # What the type checker makes sure of: they are what the ports ask for.
    _executor: type[Executor] = ToyExecutor
    _lease: type[Lease] = ToyLease
