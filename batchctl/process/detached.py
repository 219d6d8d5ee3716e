"""Small pieces of work in a forked child that the kernel ends in time, whatever they hang in.

The child holds nothing of its parent's: neither the job's lock nor the pipe of cron's mail waits for it. A program of
its own would cost the start of an interpreter; batchctl runs one thread, so a fork is safe.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    Work = Callable[[], bool]


def attend(work: Work, limit: float) -> bool:
    """Do the work in a child within `limit` seconds and wait for it; say whether it was done. It never raises."""
    try:
        child = os.fork()
        if child == 0:
            _work(work, limit)
        return os.waitpid(child, 0)[1] == 0
    except OSError:
        return False


def let_go(work: Work, limit: float) -> int | None:
    """Begin the work in a process that is nobody's child by the time this returns; None where that failed.

    A subreaper gets it back as its own only if it becomes one later, so this must be called before. The descriptor
    that is returned is readable once the process has ended (`await_end`), and has to be closed. It never raises.
    """
    try:
        reader, writer = os.pipe()
    except OSError:
        return None
    try:
        child = os.fork()
        if child == 0:
            _fork_again(work, limit, writer)
        begun = os.waitpid(child, 0)[1] == 0
    except OSError:
        begun = False
    os.close(writer)
    if not begun:
        os.close(reader)
        return None
    return reader


def await_end(life: int, limit: float) -> None:
    """Wait at most `limit` seconds until the process that `let_go` began has ended, and close its descriptor."""
    import select

    poll = select.poll()
    poll.register(life, select.POLLIN)
    poll.poll(limit * 1000)
    os.close(life)


def _fork_again(work: Work, limit: float, held: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        if os.fork() == 0:
            _work(work, limit, held)
        code = 0
    finally:
        os._exit(code)


def _work(work: Work, limit: float, held: int | None = None) -> NoReturn:
    code = 1
    try:
        from batchctl.process.signals import signal

        # What batchctl does at a signal is no business of its child; the alarm must get through in any case.
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGALRM, signal.SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, limit)
        _hold_nothing_but(held)
        code = 0 if work() else 1
    finally:
        # Nothing of the parent's may be torn down here: not its open database, not its buffered output.
        os._exit(code)


def _hold_nothing_but(held: int | None) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    last = os.sysconf("SC_OPEN_MAX")
    kept = 2 if held is None else held
    os.closerange(3, kept)
    os.closerange(kept + 1, last)
