"""Starting batchctl in a session of its own, so that nothing of who starts it is in its way, or waits for it."""

from __future__ import annotations

import os

from batchctl.process.signals import signal


def start_apart(words: list[str]) -> None:
    """Start a program that is nobody's child, with our environment and without any descriptor of ours.

    Its words are given to it as UTF-8, whatever the locale says. It never raises: where the machine is out of
    processes, the program is not started.
    """
    argv = [word.encode("utf-8", "surrogateescape") for word in words]
    try:
        child = os.fork()
        if child == 0:
            _become(argv)
        os.waitpid(child, 0)
    except OSError:
        return


def _become(argv: list[bytes]) -> None:
    try:
        # Whatever batchctl was started with, a lock that wraps it among that, is not for whom it starts.
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        # Who waits for a pipe to be closed, as cron does for its mail, must not wait for this.
        nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
        default = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        os.posix_spawn(argv[0], argv, os.environ, file_actions=nothing, setsid=True, setsigmask=(), setsigdef=default)
    finally:
        os._exit(0)
