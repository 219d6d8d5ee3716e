"""A read-only connection to the history, for everything that shows it; it needs no history to exist.

It is the bare connection: importing sqlite-utils costs `status` three times Python's own start, for nothing it uses.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from batchctl.base.state_dir import StateDir
from batchctl.store.database import VERSION, connect, size_of, untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    T = TypeVar("T")

_BUSY_LIMIT = 5.0


class Reader:
    """Asks the history in a state directory; it has no rows where none was begun."""

    def __init__(self, state_dir: str, connection: sqlite3.Connection | None = None) -> None:
        """Open the history, or ask it through a connection that is open already.

        Raises:
            StateError: if it is there and cannot be trusted, or was there and has vanished.
        """
        self._path = StateDir(state_dir).history
        self._db = connection or open_to_look(state_dir)
        self._is_own = connection is None

    def __del__(self) -> None:
        """Close what was opened here: a connection refers to itself, and would wait for the collector."""
        if getattr(self, "_is_own", False) and self._db is not None:
            try:
                self._db.close()
            except sqlite3.ProgrammingError:
                pass  # another thread let go last: the collector will do it

    def ask(self, question: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """Return the answer of a question that takes a connection; `nothing` where no history was begun."""
        if self._db is None:
            return nothing
        try:
            return question(self._db)
        except sqlite3.Error as error:
            raise untrusted(self._path, error) from error

    def _number(self, query: str, *values: object) -> int:
        return int(next(self._rows(query, *values), (0,))[0])

    def _column(self, query: str, *values: object) -> list[Any]:
        """Return the first column at once: for hundreds of thousands of values that is twice as fast as one by one."""
        if self._db is None:
            return []
        try:
            return [value for (value,) in self._db.execute(query, values).fetchall()]
        except sqlite3.Error as error:
            raise untrusted(self._path, error) from error

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        if self._db is None:
            return
        try:
            yield from self._db.execute(query, values)
        except sqlite3.Error as error:
            raise untrusted(self._path, error) from error


def marks(values: Sequence[object]) -> str:
    """Return as many question marks as there are values."""
    return ",".join("?" * len(values))


def open_to_look(state_dir: str) -> sqlite3.Connection | None:
    """Return a read-only connection, which the caller closes; None where no history was begun.

    Raises:
        StateError: if it is there and cannot be trusted, or was there and has vanished.
    """
    path = StateDir(state_dir).history
    size = size_of(path)
    begun = os.path.exists(StateDir(state_dir).marker)
    if not size and not begun:
        return None
    try:
        # Read-only, so that looking never writes, not even the checkpoint that closing would otherwise make.
        address = f"file:{quote(os.fsencode(path))}?mode=ro"
        connection = sqlite3.connect(address, uri=True, timeout=_BUSY_LIMIT) if size else None
        version = 0 if connection is None else connection.execute("pragma user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise untrusted(path, error) from error
    if version < VERSION and not begun:
        # The very first fire is making its tables at this moment, or was killed at it.
        return None
    if connection is None or version != VERSION:
        # Says in the words of every other command what is wrong with it.
        connect(state_dir, create=False).close()
    return connection
