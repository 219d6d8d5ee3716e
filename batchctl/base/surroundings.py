"""What goes wrong outside batchctl, told from its own faults: the output, the system's limits, the clock."""

from __future__ import annotations

import errno
import os
import time

from batchctl.base import clock
from batchctl.base.errors import StateError

_ROOM = "make room there, or write somewhere else"
_WHERE = "run the same command with BATCHCTL_DEBUG=1 to see where it happened"
_REMEDIES = {
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    errno.ENFILE: "the system has too many open files: `cat /proc/sys/fs/file-nr`",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "raise the limit of a file's size (`ulimit -f`)",
    errno.EACCES: "check owner and mode of the file and of its directory",
}
_UNWRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def trouble(error: Exception) -> StateError | None:
    """Return the error that says what is wrong outside batchctl; None where it is a fault in batchctl itself."""
    if isinstance(error, OSError):
        unwritten = error.errno in _UNWRITTEN
        if unwritten:
            give_up_stdout()  # or Python would try once more at exit
        what = "cannot write" if unwritten else "the system refused a call"
        where = "" if error.filename is None else f": {os.fsdecode(error.filename)}"
        remedy = _REMEDIES.get(error.errno or 0, _WHERE)
        return StateError(f"{what}: {error.strerror or error}{where}", remedy=remedy)
    if isinstance(error, MemoryError):
        return StateError("out of memory", remedy="see `free -h` and `ulimit -v`")
    if clock.now() > clock.LAST:
        year = time.gmtime(clock.now()).tm_year
        message = f"the system's clock shows the year {year}, and Python's ends in 2262"
        return StateError(message, remedy="set the clock")
    return None


def give_up_stdout() -> None:
    """Let what is still to be written to stdout vanish."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
