"""A child that wants to survive: `escape.py READY-FILE TRICK…` plays the tricks, says so in the file, and stays."""

from __future__ import annotations

import os
import signal
import sys
import time


def main(ready: str, tricks: list[str]) -> None:
    """Play the tricks in the order that makes each possible."""
    if "clear-env" in tricks:
        rest = [trick for trick in tricks if trick != "clear-env"]
        os.execve(sys.executable, [sys.executable, __file__, ready, *rest], {})  # noqa: S606 - no shell is wanted
    if "ignore-term" in tricks:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
    if "setsid" in tricks and os.fork() == 0:
        os.setsid()
    if "daemonise" in tricks:
        _leave_parent()
        if os.getpid() != os.getsid(0):
            os.setsid()
        _leave_parent()
    if "close-fds" in tricks:
        os.closerange(0, 256)
    if "stop" in tricks:
        _say(ready)
        os.kill(os.getpid(), signal.SIGSTOP)
    _say(ready)
    time.sleep(300)


def _leave_parent() -> None:
    if os.fork():
        os._exit(0)


def _say(ready: str) -> None:
    with open(ready, "a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
