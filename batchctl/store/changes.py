"""Whether anything was written to the history since the last look: one pragma, no transaction, no row read."""

from __future__ import annotations

import sqlite3
from urllib.parse import quote

from batchctl.base.paths import identity_of
from batchctl.base.state_dir import StateDir
from batchctl.store.stories import ALL_RUNNING


class HistoryChanges:
    """Looks again and again, through one connection, at the history that is there at the time."""

    def __init__(self, state_dir: str) -> None:
        """Open nothing yet."""
        self._path = StateDir(state_dir).history
        self._file: tuple[int, ...] | None = None
        self._connection: sqlite3.Connection | None = None

    def look(self) -> tuple[int | None, ...]:
        """Return what differs from the last look if something was written meanwhile, by whomever.

        It never raises: a history that is gone or cannot be read has changed, and whoever asks it is told why.
        """
        found = identity_of(self._path)
        file = None if found is None else found[:2]
        if file != self._file or self._connection is None:
            self.close()
            self._file = file
            self._connection = None if file is None else self._open()
        try:
            row = None if self._connection is None else self._connection.execute("pragma data_version").fetchone()
        except sqlite3.Error:
            self.close()
            row = None
        return (*(file or ()), None if row is None else row[0])

    def is_running(self) -> bool:
        """Say whether a run is under way, as far as that can be read."""
        try:
            return self._connection is not None and bool(
                self._connection.execute(f"select exists (select 1 {ALL_RUNNING})").fetchone()[0]
            )
        except sqlite3.Error:
            return True

    def close(self) -> None:
        """Let go of the history."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection | None:
        try:
            # Nobody is waited for: the loop of the server looks here.
            return sqlite3.connect(f"file:{quote(self._path)}?mode=ro", uri=True, timeout=0, check_same_thread=False)
        except sqlite3.Error:
            return None
