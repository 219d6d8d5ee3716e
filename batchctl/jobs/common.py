"""What the programs share: asking for the extra that they need, the day they work for, files that are the owner's."""

import os
import time
from contextlib import suppress
from datetime import date, datetime
from importlib import import_module

from batchctl import step

CANNOT = 78
"""Exit code that says: it is the surroundings, and another try changes nothing (EX_CONFIG of sysexits.h)."""


def need(*modules: str) -> None:
    """Where one of these third-party modules is missing, say so on stderr and exit with 78: trying again is no use."""
    for name in modules:
        try:
            import_module(name)
        except ImportError:
            step.complain(
                f"this job needs {name}: pip install 'batchctl[catalogue]' into the Python that runs batchctl"
            )
            raise SystemExit(CANNOT) from None


def moment() -> datetime:
    """Return the time that a program works for: the fire that cron meant, else now.

    BATCHCTL_SAMPLE_DATE=2026-11-25 moves it to that day, with the clock's time of day: so the sample data of several
    days are tried in a minute.
    """
    wanted = os.environ.get("BATCHCTL_SAMPLE_DATE")
    if not wanted:
        return step.scheduled_for() or datetime.now().astimezone()
    try:
        day = date.fromisoformat(wanted)
    except ValueError:
        step.complain(f"BATCHCTL_SAMPLE_DATE is not a date such as 2026-11-25: {wanted:.40}")
        raise SystemExit(1) from None
    return datetime.combine(day, datetime.now().astimezone().time()).astimezone()


def clock() -> float:
    """Return the seconds since the epoch that are written beside what is collected: now, on the day of `moment`."""
    return moment().timestamp() if os.environ.get("BATCHCTL_SAMPLE_DATE") else time.time()


def private(path: str) -> str:
    """Make a file, and its directory, the owner's alone (0600 and 0700) before anything opens it; return its path.

    SQLite takes an empty file for a new database, and gives its journals the mode of the database.

    Raises:
        OSError: if it cannot be made.
    """
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with suppress(PermissionError):  # somebody else's, who may let us write it
            os.fchmod(descriptor, 0o600)  # for one that an earlier version made
    finally:
        os.close(descriptor)
    return path
