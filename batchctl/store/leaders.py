"""Which processes a run's attempts under way were started as: each leads the session of its step."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3


def leaders(connection: sqlite3.Connection, run_id: int) -> dict[int, int]:
    """Return start ticks by pid of the attempts of a run that are under way; they mean its owner's boot alone."""
    query = "select pid, start_ticks from attempts where run_id = ? and status = 'running' and start_ticks is not null"
    return {int(pid): int(ticks) for pid, ticks in connection.execute(query, (run_id,))}
