"""The two ports of the engine: a Lease keeps others away from a job, an Executor carries out attempts of its steps.

A call that raises OSError is made again in a moment, until it succeeds: the machine may be out of descriptors. `start`
must raise it only where nothing was started. Whatever else they raise ends the run.

The engine decides: whether to start, when to time out, retry, stop, in which order steps go. What is behind a port
does as it is told and says what it sees. The local adapters are `FileLease` (flock(2)) and `LocalExecutor` (processes
of this host); a job or a step names another one as `module:attribute`, which is imported where it is named only.

An adapter named by a job is called with (job, state directory), one named by a step with (run, state directory). That
must not fail: the run is written down by then. What an executor cannot do it says when it is to start something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from batchctl.core.attempt import Command, Exit, Usage


class Hold(Protocol):
    """A job's exclusion, held."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What every step inherits, so that the job stays held while anything of a step lives."""
        ...

    @property
    def fence(self) -> int | None:
        """A number that only grows from hold to hold, for whatever a step writes to; None where there is none."""
        ...

    def close(self) -> None:
        """Leave off; what inherited the descriptors keeps the job held."""
        ...


class Lease(Protocol):
    """The exclusion of jobs."""

    def take(self, job: str) -> Hold | None:
        """Take a job without waiting; None where somebody else has it. StateError where that cannot be told."""
        ...

    def is_held(self, job: str) -> bool:
        """Say whether anybody holds the job, without touching it: to try it could make a fire of that moment skip."""
        ...


class Work(Protocol):
    """An attempt that was started."""

    @property
    def exit(self) -> Exit | None:
        """How its first process ended; None while that lives, as far as the last `poll` has seen."""
        ...

    @property
    def trace(self) -> tuple[int, int] | None:
        """What the history keeps of it, by which a later batchctl finds what it left; None where there is nothing.

        The engine does not look into it. Of this host it is pid and start ticks of the first process.
        """
        ...

    @property
    def usage(self) -> Usage:
        """What it has used, as far as the last `poll` has seen; asked for once it is over."""
        ...

    def living(self) -> bool:
        """Say whether anything of the attempt lives, or may, although its first process has ended.

        False only where that is certain, and then the attempt is over: nothing more is asked of it.
        """
        ...

    def terminate(self) -> None:
        """Ask all of it to end."""
        ...

    def kill(self) -> bool:
        """End what is left of it; say whether more was started meanwhile, so that it is worth asking again soon."""
        ...


class Executor(Protocol):
    """Where attempts are carried out."""

    @property
    def look_every(self) -> float | None:
        """Seconds after which it wants to be polled although no signal came; None where a signal always tells."""
        ...

    def start(self, command: Command) -> Work:
        """Start an attempt; CannotStartError where that is not possible."""
        ...

    def everything(self) -> Work:
        """Return whatever it has started and may live, as one piece of work: the run is to end, come what may."""
        ...

    def poll(self) -> None:
        """Learn what has become of all attempts under way."""
        ...
