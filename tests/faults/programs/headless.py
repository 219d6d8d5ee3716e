"""A process whose first thread ends while another lives, which the process table shows as a zombie."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_SYS_EXIT = {"x86_64": 60, "aarch64": 93}


def main(ready: str) -> None:
    """End the first thread alone; without a known number of exit(2) stay as a whole."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=time.sleep, args=(300,)).start()
    with open(ready, "a", encoding="ascii") as file:
        file.write("up\n")
    number = _SYS_EXIT.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(number, 0)


if __name__ == "__main__":
    main(sys.argv[1])
