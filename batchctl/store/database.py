"""Opening the history: connections that can be trusted, or a StateError that says why not.

The path that cron takes uses the bare sqlite3 module; sqlite-utils, which knows the schema, is imported only when the
database is new or of an older version.
"""

from __future__ import annotations

import os
import stat
import sys

from batchctl.base.errors import StateError
from batchctl.base.state_dir import FILE_MODE, StateDir, open_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any
elif "functools" in sys.modules:
    # The C half of sqlite3: its Python half only knows how to store dates, and imports datetime for it.
    import _sqlite3 as sqlite3
else:
    import _functools

    def _lru_cache(*size: int, **more: bool) -> Any:
        if more or len(size) != 1 or not hasattr(_functools, "_lru_cache_wrapper"):  # another Python's sqlite
            from functools import lru_cache

            return lru_cache(*size, **more)
        return lambda cached: _functools._lru_cache_wrapper(cached, size[0], False, tuple)  # noqa: FBT003, SLF001 - as functools itself does

    class _Caching:
        """All that _sqlite3 takes of functools: whole, with collections, that is a fifth of Python's own start."""

        lru_cache = staticmethod(_lru_cache)

    sys.modules["functools"] = _Caching
    try:
        import _sqlite3 as sqlite3
    except Exception:  # noqa: BLE001 - a Python whose sqlite takes more of it gets the whole
        del sys.modules["functools"]
        import _sqlite3 as sqlite3
    finally:
        if sys.modules.get("functools") is _Caching:
            del sys.modules["functools"]

VERSION = 8
"""The number of migrations this batchctl knows; here, so that a fire need not import them."""
BUSY_LIMIT = 10.0
"""Seconds to wait for another process's transaction before the database counts as locked."""
INCREMENTAL = 2
"""SQLite's number for `auto_vacuum = incremental`."""
_SETUP_LIMIT = 120.0
"""Seconds to wait for another process that makes the history or upgrades it, which a million runs make long."""


def begun(state_dir: str) -> bool:
    """Say whether there is a history, or was one; a first fire that was killed, or is at it right now, began none.

    Raises:
        StateError: if what is there in its place is no database.
    """
    if os.path.exists(StateDir(state_dir).marker):
        return True
    path = StateDir(state_dir).history
    if not size_of(path):
        return False
    try:
        connection, version = _open(path, BUSY_LIMIT)
    except sqlite3.Error as error:
        raise untrusted(path, error) from error
    connection.close()
    return version >= VERSION


def connect(state_dir: str, *, create: bool, busy_limit: float | None = None) -> sqlite3.Connection:
    """Open the history in autocommit mode; with `create` it is made, or brought to this version, where needed.

    Another process's transaction is waited for `busy_limit` seconds, without it BUSY_LIMIT.

    A database that was here once (the marker beside it says so) and is now missing or empty is not made anew: the
    history is never silently replaced, and with it would go the knowledge of what is running.

    Raises:
        StateError: if it is missing (without `create`), vanished, unreadable, garbage, locked for `busy_limit` seconds,
            or written by a newer batchctl.
    """
    busy_limit = BUSY_LIMIT if busy_limit is None else busy_limit
    path = StateDir(state_dir).history
    size = size_of(path)
    if not size:
        if os.path.exists(StateDir(state_dir).marker):
            raise _vanished(state_dir, "is missing" if size is None else "is empty")
        if not create:
            message = f"there is no history at {path}"
            raise StateError(message, remedy="run a job first, or check --state and BATCHCTL_STATE")
    try:
        if not size:
            _migrate(state_dir)
        connection, version = _open(path, busy_limit)
        if version < VERSION and create:
            connection.close()
            _migrate(state_dir)
            connection, version = _open(path, busy_limit)
    except sqlite3.Error as error:
        raise untrusted(path, error) from error
    if create:
        _mark(state_dir)
    if version != VERSION:
        connection.close()
        message = f"the history {path} has schema {version}, this batchctl knows schema {VERSION}"
        older = "run any job, or `batchctl pause --for 0s`, to bring it up to date"
        raise StateError(message, remedy="install the newer batchctl that wrote it" if version > VERSION else older)
    return connection


def wait_at_most(connection: sqlite3.Connection, seconds: float) -> None:
    """Let an open connection wait so long for another process's transaction."""
    connection.execute(f"pragma busy_timeout = {seconds * 1000:.0f}")


def sync_at_checkpoints(connection: sqlite3.Connection) -> None:
    """Let commits wait for no disk: a power cut may take those since the last checkpoint, which closing makes."""
    connection.execute("pragma synchronous = normal")


def untrusted(path: str, error: sqlite3.Error) -> StateError:
    """Return the StateError for what SQLite said, with the remedy that fits it."""
    text = str(error)
    if "locked" in text or "busy" in text:
        remedy = "another process holds it; find it with `fuser -v` on the file, then fire again"
    elif "full" in text:
        remedy = "free disk space (`df -h`), then fire again"
    elif "disk i/o" in text.lower():
        remedy = "free disk space (`df -h`, `df -i`) and see `dmesg` for errors of the disk, then fire again"
    elif "readonly" in text or "unable to open" in text:
        remedy = "check owner and mode of the file and of its directory"
    else:
        remedy = "move it aside and restore a backup; batchctl never replaces it by itself"
    return StateError(f"history {path}: {text}", remedy=remedy)


class Opened:
    """The history for the length of a `with`: closed at its end, and what SQLite says against it is a StateError."""

    def __init__(self, state_dir: str, *, create: bool, busy_limit: float | None = None) -> None:
        """Keep what `connect` is to be given."""
        self._state_dir, self._create, self._busy_limit = state_dir, create, busy_limit

    def __enter__(self) -> sqlite3.Connection:
        """Open it; StateError where it cannot be trusted, see `connect`."""
        self._connection = connect(self._state_dir, create=self._create, busy_limit=self._busy_limit)
        return self._connection

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Close it, and put what SQLite raised into the operator's words."""
        self._connection.close()
        if isinstance(error, sqlite3.Error):
            raise untrusted(StateDir(self._state_dir).history, error) from error


class Immediate:
    """One `begin immediate` transaction: committed at the end, rolled back on any exception."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Keep the connection."""
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        """Take the write lock now, so that what is read inside cannot change before it is acted on."""
        self._connection.execute("begin immediate")
        return self._connection

    def __exit__(self, kind: object, _error: object, _traceback: object) -> None:
        """Commit, or roll back where something was raised; a failed commit is rolled back too."""
        if kind is None:
            try:
                self._connection.execute("commit")
            except sqlite3.Error:
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("rollback")


def _mark(state_dir: str) -> None:
    """Say that a history was begun here; again, where whoever began it was killed before it came to that."""
    path = StateDir(state_dir).marker
    if os.path.exists(path):
        return
    try:
        os.close(open_private(path, os.O_WRONLY | os.O_CREAT))
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise StateError(message, remedy="check mode and free space (`df -h`) of the state directory") from error


def size_of(path: str) -> int | None:
    """Return the size of the database file, None where there is none; refuse what is not a plain file of ours."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"history {path}: {error.strerror}"
        raise StateError(message, remedy="check owner and mode of the state directory") from error
    if not stat.S_ISREG(found.st_mode):
        message = f"history {path} is not a regular file"
        raise StateError(message, remedy="move it aside; batchctl never follows or replaces it")
    return found.st_size


def _vanished(state_dir: str, how: str) -> StateError:
    path = StateDir(state_dir).history
    message = f"history {path} {how}, although one was begun here"
    return StateError(
        message, remedy=f"restore it from a backup, or remove {StateDir(state_dir).marker} to begin a new one"
    )


def _open(path: str, busy_limit: float) -> tuple[sqlite3.Connection, int]:
    """Return a connection and the version of the schema, the first thing that is read and so the first that fails."""
    connection = sqlite3.connect(path, timeout=busy_limit, isolation_level=None)
    try:
        # Explicit although it is SQLite's default: a build may differ, and a start must survive a power cut.
        connection.execute("pragma synchronous = full")
        version: int = connection.execute("pragma user_version").fetchone()[0]
    except sqlite3.Error:
        connection.close()
        raise
    return connection, version


def _migrate(state_dir: str) -> None:
    """Make or upgrade the database, one process at a time: 20 first fires at once must agree on one schema."""
    from filelock import FileLock, Timeout
    from sqlite_utils import Database

    from batchctl.store.migrations import migrations

    place = StateDir(state_dir)
    lock = FileLock(place.schema_lock, timeout=_SETUP_LIMIT, mode=FILE_MODE)
    try:
        lock.acquire()
    except Timeout as error:
        message = f"another process has been making or upgrading {place.history} for {_SETUP_LIMIT:.0f} s"
        raise StateError(message, remedy=f"find it with `fuser -v {place.schema_lock}`, then fire again") from error
    except OSError as error:
        message = f"lock file {place.schema_lock}: {error.strerror}"
        remedy = "remove it if it is not batchctl's own, and check the directory's mode"
        raise StateError(message, remedy=remedy) from error
    try:
        os.close(open_private(place.history, os.O_RDWR | os.O_CREAT))
        connection, version = _open(place.history, BUSY_LIMIT)
        try:
            if version <= VERSION:
                # So that a prune can make the file smaller bit by bit; only a database without tables heeds it.
                connection.execute(f"pragma auto_vacuum = {INCREMENTAL}")
                connection.execute("pragma journal_mode = wal")
                migrations.apply(Database(connection, execute_plugins=False))
                _mark(state_dir)
        finally:
            connection.close()
    except OSError as error:
        message = f"history {place.history}: {error.strerror}"
        raise StateError(message, remedy="check owner, mode and free space of the state directory") from error
    finally:
        lock.release()
