"""Starting batchctl itself, several at once, and waiting for whichever ends first."""

from __future__ import annotations

import os


def start(argv: list[str]) -> int:
    """Start a program with our environment and stderr, its stdin empty and its stdout thrown away; return its pid.

    Raises:
        OSError: if it cannot be started.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    return os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)


def wait_any() -> tuple[int, int]:
    """Wait until a child ends; return its pid and its exit code, 128+n where signal n ended it."""
    pid, status = os.waitpid(-1, 0)
    code = os.waitstatus_to_exitcode(status)
    return pid, code if code >= 0 else 128 - code
