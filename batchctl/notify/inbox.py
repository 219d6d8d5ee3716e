"""The outbox as commands see it: looked at and acknowledged by hand."""

from __future__ import annotations

from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.base.state_dir import StateDir
from batchctl.store import database, outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.store.outbox import Row


def newest(state_dir: str, limit: int, job: str | None = None) -> list[Row]:
    """Return the newest alerts, newest first; none where no history was begun.

    Raises:
        StateError: if the history cannot be read.
    """
    if database.size_of(StateDir(state_dir).history) is None:
        return []
    with database.Opened(state_dir, create=False) as connection:
        return outbox.newest(connection, limit, job)


def ack(state_dir: str, job: str | None, alert: int | None) -> list[int]:
    """Acknowledge one alert, or the open ones of a job, or all open ones; return the ids of those that were not yet.

    Raises:
        StateError: if the history cannot be written.
        UsageError: if there is no alert of this id.
    """
    if database.size_of(StateDir(state_dir).history) is None:
        return []
    with database.Opened(state_dir, create=False) as connection:
        if alert is not None and not outbox.exists(connection, alert):
            message = f"there is no alert {alert}"
            raise UsageError(message, remedy="`batchctl alerts list` shows their ids")
        with database.Immediate(connection):
            return outbox.ack(connection, clock.now(), job, alert)
