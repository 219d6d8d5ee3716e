"""A chain of processes, each of which forks the next and ends at once: `hopper.py READY-FILE [setsid]`."""

from __future__ import annotations

import os
import signal
import sys


def main(ready: str, *, own_sessions: bool) -> None:
    """Hop for two million hops, which takes minutes: an end to a test that fails."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(ready, "a", encoding="ascii") as file:
        file.write("up\n")
    for _ in range(2_000_000):
        if os.fork():
            os._exit(0)
        if own_sessions:
            os.setsid()


if __name__ == "__main__":
    main(sys.argv[1], own_sessions="setsid" in sys.argv)
