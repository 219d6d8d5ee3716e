"""Numbers of jobs: for whoever wants one instead of a name. A job keeps its number, and no other ever gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.store.database import Immediate, Opened
from batchctl.store.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable


class Numbers(Reader):
    """The numbers that were given out."""

    def all(self) -> dict[str, int]:
        """Return the number of each job that has one."""
        return dict(self._rows("select job, id from job_numbers"))


def give(state_dir: str, jobs: Iterable[str]) -> None:
    """Give each of these jobs a number that has none yet.

    Raises:
        StateError: if the history cannot be written.
    """
    with Opened(state_dir, create=True) as connection, Immediate(connection):
        connection.executemany("insert or ignore into job_numbers (job) values (?)", [(job,) for job in jobs])
