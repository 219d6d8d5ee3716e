"""Two processes that replace each other at once: `pair.py READY-FILE`; whoever loses the other starts a new one."""

from __future__ import annotations

import os
import signal
import sys
import time


def main(ready: str) -> None:
    """Watch the other through a pipe that its end closes; give up after 300 seconds."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    end = time.monotonic() + 300
    with open(ready, "a", encoding="ascii") as file:
        file.write("up\n")
    while time.monotonic() < end:
        mine_read, others_write = os.pipe()
        others_read, mine_write = os.pipe()
        if os.fork():
            os.close(others_write)
            os.close(others_read)
        else:
            os.close(mine_write)
            os.close(mine_read)
            mine_read, mine_write = others_read, others_write
        os.read(mine_read, 1)  # returns when the other has ended
        os.close(mine_read)
        os.close(mine_write)


if __name__ == "__main__":
    main(sys.argv[1])
