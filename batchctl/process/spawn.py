"""Starting one step: own session, stdin empty, output straight into its log, nothing else inherited but the lock.

`os.posix_spawn` instead of `subprocess`, whose import alone costs half of Python's start.
"""

from __future__ import annotations

import os
from errno import EIO

from batchctl.base.errors import CANNOT_EXECUTE, NOT_FOUND, CannotStartError, is_passing
from batchctl.base.state_dir import open_private
from batchctl.process.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from batchctl.core.attempt import Command


def spawn(command: Command, joins: Iterable[int] = ()) -> int:
    """Start the program and return its pid, which is also its session and its process group.

    `joins` are open files of control groups that it is put into, where it has limits (see `confined`).

    Raises:
        CannotStartError: if there is no such program or directory, or it may not be executed.
        OSError: if the machine is out of processes, descriptors or memory at the moment; nothing was started.
    """
    log = _open_log(command.log)
    try:
        return _start(command, log, joins)
    finally:
        quietly(os.close, log)


def quietly(act: Callable[[int], None], descriptor: int) -> None:
    """Do what comes after the start: its trouble must not make a program that runs look like one that does not."""
    try:
        act(descriptor)
    except OSError:
        return


def _open_log(path: str) -> int:
    try:
        return open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    except OSError as error:
        if is_passing(error) and error.errno != EIO:
            raise
        # A disk that has no room for one more file costs the step's output, and not the batch its step.
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def _start(command: Command, log: int, joins: Iterable[int]) -> int:
    program = find_program(command.argv[0], command.env.get("PATH", os.defpath), command.cwd)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, log, 1),
        (os.POSIX_SPAWN_DUP2, log, 2),
    ]
    # Onto itself: glibc (2.29 and later) then clears close-on-exec for the child alone.
    actions += [(os.POSIX_SPAWN_DUP2, descriptor, descriptor) for descriptor in command.inherits]
    moves = command.cwd is not None and command.limits is None
    home = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if moves else None
    try:
        if command.limits is not None:
            from batchctl.process import confined

            return confined.start(program, command, log, command.limits, joins)
        if command.cwd:
            # posix_spawn has no portable chdir; batchctl is single-threaded, so it goes there and comes back.
            os.chdir(command.cwd)
        return os.posix_spawn(
            program,
            command.argv,
            dict(command.env),
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            # Python ignores SIGPIPE and SIGXFSZ; an ignored signal would stay ignored in the step.
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD),
        )
    except FileNotFoundError as error:
        raise CannotStartError(_not_found(command), NOT_FOUND) from error
    except (PermissionError, NotADirectoryError) as error:
        message = f"cannot execute {command.argv[0]!r}: {error.strerror}"
        raise CannotStartError(message, CANNOT_EXECUTE) from error
    except ValueError as error:  # a NUL character, or half of a surrogate pair
        message = f"cannot start {command.argv[0]!r}: {error}"
        raise CannotStartError(message, CANNOT_EXECUTE) from error
    except OSError as error:
        if is_passing(error):
            raise
        message = f"cannot start {command.argv[0]!r}: {error.strerror}"
        raise CannotStartError(message, CANNOT_EXECUTE) from error
    finally:
        if home is not None:
            quietly(os.fchdir, home)
            quietly(os.close, home)


def _not_found(command: Command) -> str:
    if command.cwd and not os.path.isdir(command.cwd):
        return f"there is no directory {command.cwd!r} (cwd of the step)"
    if "/" in command.argv[0]:
        return f"there is no program {command.argv[0]!r}, or the interpreter in its first line is missing"
    return f"there is no program {command.argv[0]!r} on PATH={command.env.get('PATH', '')}"


def find_program(name: str, search: str, cwd: str | None) -> str:
    """Return the program's path, looked up on the step's own PATH and not on batchctl's."""
    if "/" in name:
        return name
    for directory in search.split(":"):
        path = os.path.join(directory or ".", name)
        if not os.path.isabs(path) and cwd:
            path = os.path.join(cwd, path)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.abspath(path)
    return name


def keep_descriptors_private() -> None:
    """Mark whatever batchctl itself was started with, beyond stdin, stdout and stderr, as not to be inherited.

    A cron or a shell may leave descriptors open without close-on-exec; a step sees 0, 1, 2 and what it is to inherit.
    """
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2:  # noqa: PLR2004 - stderr
            try:
                os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only form
            except OSError:
                continue  # the listing's own descriptor, closed by now
