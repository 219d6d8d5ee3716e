"""What the programs share: asking for the extra that they need, and databases that only their owner may read."""

import os
from contextlib import suppress
from importlib import import_module

from batchctl import step


def need(*modules: str) -> None:
    """Exit with 1 and the remedy on stderr where one of these third-party modules is missing."""
    for name in modules:
        try:
            import_module(name)
        except ImportError:
            step.complain(
                f"this job needs {name}: pip install 'batchctl[catalogue]' into the Python that runs batchctl"
            )
            raise SystemExit(1) from None


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
