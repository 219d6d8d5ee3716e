"""Forks children that stay, without end but for the limit: `forker.py READY-FILE`; all of them ignore TERM."""

from __future__ import annotations

import os
import signal
import sys
import time

_MOST = 400


def main(ready: str) -> None:
    """Fork every millisecond; the children fork as well, up to a generation that keeps the machine alive."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for number in range(_MOST):
        if os.fork() == 0:
            time.sleep(300)
            os._exit(0)
        if number == 20:
            with open(ready, "a", encoding="ascii") as file:
                file.write("up\n")
        time.sleep(0.001 if number < _MOST // 2 else 0.01)
    time.sleep(300)


if __name__ == "__main__":
    main(sys.argv[1])
