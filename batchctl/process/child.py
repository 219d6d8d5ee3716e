"""Starting batchctl itself, several at once, and waiting for whichever ends first."""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection


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


def wait_any(pids: Collection[int]) -> tuple[int, int]:
    """Wait until one of these children ends; return its pid and its exit code, 128+n where signal n ended it.

    No other child of this process is touched: it may be somebody's program that asked for this.
    """
    ended = select.poll()
    watched = {os.pidfd_open(pid): pid for pid in pids}
    try:
        for descriptor in watched:
            ended.register(descriptor, select.POLLIN)
        pid = watched[ended.poll()[0][0]]
    finally:
        for descriptor in watched:
            os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return pid, code if code >= 0 else 128 - code
