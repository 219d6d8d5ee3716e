"""`guard()`: any Python program under the guard of a job."""

from __future__ import annotations

import json
import os
import threading

from batchctl.base.errors import EXIT_SKIPPED, BatchctlError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta
    from types import TracebackType
    from typing import Any

    from batchctl.answers.inside import Entered, Inside

    Duration = str | float | timedelta

_SIGINT, _SIGTERM, _SIGKILL = 2, 15, 9
_LATE = "the guard's timeout was exceeded"
_inherited = threading.Lock()
"""Held by the guard whose marks stand in the environment that subprocesses inherit."""


class Skipped(BatchctlError):  # noqa: N818 - no error of anybody's: the guard did what it is there for
    """The guard let nothing start: `reason` is the check that failed, `until` when it will pass, where it is known.

    >>> paused = ctl.pause("prices")
    >>> try:
    ...     ctl.start("prices")
    ... except Skipped as skipped:
    ...     print(skipped.job, skipped.reason, skipped.until)
    prices paused None
    >>> resumed = ctl.resume("prices")
    """

    exit_code = EXIT_SKIPPED

    def __init__(self, job: str, reason: str, detail: str, until: datetime | None = None) -> None:
        """Keep why, and until when."""
        super().__init__(f"{job} is skipped: {detail or reason}", remedy=f"see `batchctl explain {job}`")
        self.job, self.reason, self.detail, self.until = job, reason, detail, until


class TimedOut(BatchctlError):  # noqa: N818 - as above
    """The budget of a guarded block is over; raised inside the block.

    >>> import time
    >>> try:
    ...     with guard("slow", timeout="50ms"):
    ...         while True:
    ...             time.sleep(0.01)
    ... except TimedOut as late:
    ...     print(late)
    the guard's timeout was exceeded
    """

    def __init__(self) -> None:
        """Say so."""
        super().__init__(_LATE, remedy="give it a longer timeout, or see what hangs")


class Guarded:
    """What a guarded block is given: the run that it is.

    `id` is the run's number, `env` what a subprocess of the run must have in its environment to be found where this
    program dies: subprocesses inherit it anyway, unless another guard of the same program was entered first.

    >>> with guard("counting") as run:
    ...     print(run.env["BATCHCTL_JOB"], run.id > 0)
    counting True
    """

    def __init__(self, run_id: int, env: Mapping[str, str], write: Callable[[bytes], None]) -> None:
        """Keep where to write."""
        self.id, self.env, self._write = run_id, dict(env), write
        self._result: dict[str, Any] = {}

    def __repr__(self) -> str:
        """Say which run it is."""
        return f"<run {self.id} of {self.env['BATCHCTL_JOB']}>"

    def log(self, line: str) -> None:
        """Write one line to the run's log, which `batchctl logs` shows; OSError where it cannot be written.

        >>> run.log("오너클랜: 120 products")
        """
        self._write(line.encode("utf-8", "backslashreplace") + b"\n")

    def progress(self, done: float, total: float) -> None:
        """Say that `done` of `total` units of work are done; a full disk is ignored, a negative number a ValueError.

        >>> run.progress(3, 10)
        """
        from batchctl import step

        step.progress(done, total, path=self.env["BATCHCTL_PROGRESS"])

    def result(self, **fields: Any) -> None:
        """Add fields to the run's result; TypeError or ValueError where one cannot be written as JSON.

        >>> run.result(collected=512)
        """
        from batchctl import step

        self._result.update(json.loads(json.dumps(fields, ensure_ascii=False, allow_nan=False)))
        step.save(self.env["BATCHCTL_RESULT"], json.dumps(self._result, ensure_ascii=False))


class guard:  # noqa: N801 - reads as the verb it is
    """Guard a block of any Python program: same lock, row, rules, history and exit as a job's run.

    >>> with guard("stocktaking", min_gap="6h", timeout="30h") as run:
    ...     run.progress(3, 10)
    ...     run.result(collected=512)

    `rules` are those keys of a job that make sense from within: `min_gap`, `gap_factor`, `timeout`, `stale_after`,
    `grace`, `active_hours`, `every`, `pool`, …; durations are text, seconds or timedeltas. The name is known to
    `status`, `explain`, `logs`, `report` and `stop` from then on. `async with` works too.

    An exception that leaves the block makes the run `failed`, KeyboardInterrupt makes it `cancelled`. A program that is
    killed leaves a run that its next fire finds `lost`. When the budget is over, TimedOut is raised inside the block;
    a main thread that does not leave it within the grace has its program ended (TERM, grace, KILL), and another
    thread's run stays running until the block is left. Two guards of one job exclude each other in one process as they
    do in two. A program that a job of this name already runs as its step is let in as a part of that run.

    Raises:
        Skipped: if the guard lets nothing start.
        UsageError: if the name is a configured job's, or a rule is wrong.
        ConfigError, StateError: as for any fire.
    """

    def __init__(
        self,
        name: str,
        *,
        config: str | os.PathLike[str] | None = None,
        state: str | os.PathLike[str] | None = None,
        force: bool = False,
        **rules: Any,
    ) -> None:
        """Keep what is asked for; nothing is decided before the block is entered."""
        self.name, self._force, self._rules = name, force, rules
        self._config = None if config is None else os.fspath(config)
        self._state = None if state is None else os.fspath(state)
        self._inside: Inside | None = None
        self._watch: _Watch | None = None
        self._before: dict[str, str | None] | None = None
        """What stood in the environment where the run's marks are now; None where they are not."""

    def __enter__(self) -> Guarded:
        """Decide; return the run, or raise Skipped."""
        own = os.environ.get("BATCHCTL_JOB") == self.name and os.environ.get("BATCHCTL_RUN_ID")
        if own and not _inherited.locked():  # else it was this program that put them there
            return _part_of_a_run()
        if self._inside is not None:
            message = f"this guard of {self.name} is entered already"
            raise UsageError(message, remedy="make one guard for each block")
        entered = self._come_in()
        inside = self._inside = entered.inside
        try:
            if entered.timeout is not None:
                self._watch = _Watch(entered, _interrupt_of_this_thread())
        except BaseException as error:  # no thread can be had: the run that has begun needs its end
            self.__exit__(type(error), error, error.__traceback__)
            raise
        if _inherited.acquire(blocking=False):
            self._before = {name: os.environ.get(name) for name in inside.environment}
            os.environ.update(inside.environment)
        return Guarded(inside.run.id, inside.environment, inside.log)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write down how it went; what was raised in the block goes on its way."""
        inside, watch = self._inside, self._watch
        if inside is None or inside.pid != os.getpid():
            return  # a part of another run, or a forked child that leaves the block of its parent
        late = watch is not None and watch.stop()
        self._inside = self._watch = None
        self._unmark()
        if late:
            inside.leave("timed_out", _LATE)
            if not isinstance(error, TimedOut):
                raise TimedOut from error
        elif isinstance(error, KeyboardInterrupt) or _code(error) == 128 + _SIGTERM:
            signal = _SIGINT if isinstance(error, KeyboardInterrupt) else _SIGTERM
            inside.leave("cancelled", "stopped by " + ("SIGINT" if signal == _SIGINT else "SIGTERM"), signal=signal)
        elif error is None or _code(error) == 0:
            inside.leave("succeeded")
        else:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            inside.leave("failed", text[:500])

    def _unmark(self) -> None:
        """Put back what stood in the environment: the program may itself be a step of another job."""
        if self._before is None:
            return
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before = None
        _inherited.release()

    async def __aenter__(self) -> Guarded:
        """Enter from asyncio; what may wait, the history, does so in a thread."""
        import asyncio

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        run = await asyncio.to_thread(self.__enter__)
        if self._watch is not None and task is not None:
            self._watch.interrupt = _Cancel(loop, task)
        return run

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave, as above; a task that the budget cancelled ends in TimedOut."""
        import asyncio

        task = asyncio.current_task()
        if self._watch is not None and self._watch.over and task is not None:
            task.uncancel()
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def _come_in(self) -> Entered:
        from batchctl.answers.inside import Entered, come_in
        from batchctl.answers.site import Site
        from batchctl.api.schedules import duration

        rules = {
            name: duration(value) if hasattr(value, "total_seconds") or isinstance(value, float) else value
            for name, value in self._rules.items()
            if value is not None
        }
        found = come_in(Site(self._config, self._state), self.name, rules, force=self._force)
        if isinstance(found, Entered):
            return found
        from batchctl.api import results
        from batchctl.api.convert import result
        from batchctl.present.run import as_json

        said = result(results.Run, as_json(found))
        raise Skipped(self.name, said.reason or "", said.detail or "", said.until)


def _part_of_a_run() -> Guarded:
    """Return the run whose step this program is."""
    from batchctl import step

    names = ("BATCHCTL_JOB", "BATCHCTL_RUN_ID", "BATCHCTL_PROGRESS", "BATCHCTL_RESULT")
    env = {name: os.environ.get(name, os.devnull) for name in names}
    return Guarded(int(env["BATCHCTL_RUN_ID"]), env, lambda line: step.log(line.decode().removesuffix("\n")))


def _code(error: BaseException | None) -> int | None:
    """Return the exit code that an exception asks for, None where it asks for none."""
    if not isinstance(error, SystemExit):
        return None
    return error.code if isinstance(error.code, int) else int(error.code is not None)


class _Watch:
    """Minds the budget of a block in a thread of its own: no signal is used, which may be the program's."""

    def __init__(self, entered: Entered, interrupt: Callable[[], bool]) -> None:
        self.interrupt = interrupt
        self.over = False
        self._entered = entered
        self._left = threading.Event()
        self._deciding = threading.Lock()
        threading.Thread(target=self._mind, name="batchctl-guard", daemon=True).start()

    def stop(self) -> bool:
        """Mind no longer; say whether the budget was over. From then on nothing is raised any more."""
        try:
            with self._deciding:
                self._left.set()
            pending = self.over
        except TimedOut:  # which was on its way to this thread
            pending = True
        self._left.set()
        return pending

    def _mind(self) -> None:
        from batchctl.answers.inside import end_this_program

        entered = self._entered
        if self._left.wait(entered.timeout):
            return
        with self._deciding:
            if self._left.is_set():
                return
            self.over = True
            may_end = self.interrupt()
        if self._left.wait(entered.grace) or not may_end:
            return
        try:
            # Now, since it may be the last chance; the lock stays with us while we live.
            entered.inside.leave("timed_out", _LATE, hold_on=True)
        finally:
            if not self._left.is_set():
                end_this_program(_SIGTERM)
            if not self._left.wait(entered.grace):
                end_this_program(_SIGKILL)


def _interrupt_of_this_thread() -> Callable[[], bool]:
    """Return what raises TimedOut in this thread, and says whether the program may be ended after it."""
    thread, is_main = threading.get_ident(), threading.current_thread() is threading.main_thread()

    def interrupt() -> bool:
        import ctypes

        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimedOut))
        return is_main

    return interrupt


class _Cancel:
    """Cancels a task; its program is not ended for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        self._loop, self._task = loop, task

    def __call__(self) -> bool:
        self._loop.call_soon_threadsafe(self._task.cancel)
        return False
