"""The outbox: alerts written in the transaction that records what they tell of, and sent later.

A row that is being sent is claimed first, by counting the try and putting the next one off: whoever comes meanwhile
finds nothing due, and a sender that dies in between only delays it. Every statement on the path of a run is a seek.
"""

# ruff: noqa: S608 - queries are put together from this page's own words only; every value is bound
from __future__ import annotations

from batchctl.base.record import Record
from batchctl.core.judge.alerts import Alert

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence
    from typing import Any

KEPT_TRYING = 3 * 86400.0
"""Seconds after which an alert that nobody takes is given up; its row stays."""
_FIRST_RETRY = 60.0
_LAST_RETRY = 3600.0
_NEVER_PUT_OFF = 2 * 86400.0
"""No alert is put off by so many seconds: a time that lies further ahead was written before the clock was set back."""

_NAMES = (
    "event_id",
    "job",
    "run_id",
    "kind",
    "severity",
    "title",
    "body",
    "created_at",
    "next_try_at",
    "lasting",
    "suppressed",
    "for_event",
)
_ALERT = ", ".join(_NAMES)
_ROW = f"{_ALERT}, id, tries, sent_at, delivered, last_error, over_at, acked_at"


class Row(Record):
    """One row of the outbox."""

    id: int
    alert: Alert
    tries: int
    sent_at: float | None
    delivered: tuple[str, ...]
    """Digests of the channels that have it already."""
    last_error: str | None
    over_at: float | None
    acked_at: float | None

    def state(self, now: float) -> str:
        """Return `sent`, `suppressed`, `failed` (given up) or `waiting`."""
        if self.sent_at is not None:
            return "sent"
        if self.alert.suppressed:
            return "suppressed"
        given_up = self.alert.next_try_at is None or self.expired(now)
        return "failed" if given_up else "waiting"

    def expired(self, now: float) -> bool:
        """Say whether it has been tried for long enough."""
        return self.alert.created_at < now - KEPT_TRYING


def _alert(found: Sequence[Any]) -> Alert:
    fields = dict(zip(_NAMES, found, strict=True))
    return Alert(**fields | {name: bool(fields[name]) for name in ("lasting", "suppressed")})


def _row(found: Sequence[Any]) -> Row:
    alert, (row_id, tries, sent_at, delivered, last_error, over_at, acked_at) = (
        found[: len(_NAMES)],
        found[len(_NAMES) :],
    )
    return Row(
        id=row_id,
        alert=_alert(alert),
        tries=tries,
        sent_at=sent_at,
        delivered=tuple((delivered or "").split()),
        last_error=last_error,
        over_at=over_at,
        acked_at=acked_at,
    )


def add(connection: sqlite3.Connection, alert: Alert) -> bool:
    """Write an alert inside the caller's transaction; False where its event has one already."""
    marks = ", ".join("?" * len(_NAMES))
    values = [getattr(alert, name) for name in _NAMES]
    done = connection.execute(f"insert or ignore into outbox ({_ALERT}) values ({marks})", values)
    return done.rowcount > 0


def has(connection: sqlite3.Connection, event_id: str) -> bool:
    """Say whether an event has its alert already."""
    return connection.execute("select 1 from outbox where event_id = ?", (event_id,)).fetchone() is not None


def exists(connection: sqlite3.Connection, row_id: int) -> bool:
    """Say whether there is an alert of this id."""
    return connection.execute("select 1 from outbox where id = ?", (row_id,)).fetchone() is not None


def due(connection: sqlite3.Connection, now: float, limit: int, jobs: Collection[str]) -> list[Row]:
    """Return the alerts of these jobs that may be sent now, oldest first."""
    query = (
        f"select {_ROW} from outbox where next_try_at is not null and (next_try_at <= ? or next_try_at > ?)"
        f" and job in ({', '.join('?' * len(jobs))}) order by id limit ?"
    )
    return [_row(row) for row in connection.execute(query, (now, now + _NEVER_PUT_OFF, *jobs, limit))]


def claim(connection: sqlite3.Connection, row: Row, now: float) -> bool:
    """Count a try and put the next one off, inside the caller's transaction; False where somebody else was faster."""
    delay = min(_LAST_RETRY, _FIRST_RETRY * 2 ** min(row.tries, 10))
    done = connection.execute(
        "update outbox set tries = tries + 1, next_try_at = ? where id = ? and tries = ? and next_try_at is not null",
        (now + delay, row.id, row.tries),
    )
    return done.rowcount > 0


def mark_sent(connection: sqlite3.Connection, row: Row, now: float, delivered: Collection[str]) -> None:
    """Write down that every channel has the alert."""
    connection.execute(
        "update outbox set sent_at = ?, next_try_at = null, last_error = null, delivered = ? where id = ?",
        (now, " ".join(delivered), row.id),
    )


def mark_failed(connection: sqlite3.Connection, row: Row, error: str, delivered: Collection[str]) -> None:
    """Write down why a channel did not take the alert; `claim` has settled when the next try is due."""
    connection.execute(
        "update outbox set last_error = ?, delivered = ? where id = ?", (error, " ".join(delivered), row.id)
    )


def put_off(connection: sqlite3.Connection, row: Row, until: float) -> None:
    """Let an alert wait for the end of quiet hours."""
    connection.execute("update outbox set next_try_at = ? where id = ? and next_try_at is not null", (until, row.id))


def give_up(connection: sqlite3.Connection, row: Row, why: str | None) -> None:
    """Try an alert no more; its row stays, with the last error, or `why` where one is given."""
    connection.execute(
        "update outbox set next_try_at = null, last_error = coalesce(?, last_error) where id = ?", (why, row.id)
    )


def told_since(connection: sqlite3.Connection, job: str, since: float) -> int:
    """Return how many alerts of the job were written since then, suppressed ones and the word about them left out."""
    which = "suppressed = 0 and event_id not like 'more:%'"
    query = f"select count(*) from outbox where job = ? and created_at >= ? and {which}"
    return int(connection.execute(query, (job, since)).fetchone()[0])


def open_alerts(
    connection: sqlite3.Connection, job: str, kinds: Collection[str] = (), before: int | None = None
) -> list[Row]:
    """Return the job's alerts that nothing has ended yet, oldest first; of these kinds, or all of them.

    With `before` only those about an earlier run than this one.
    """
    which, values = _open(job, kinds, before)
    return [_row(row) for row in connection.execute(f"select {_ROW} from outbox where {which} order by id", values)]


def settle(connection: sqlite3.Connection, job: str, now: float, kinds: Collection[str], *, before: int | None) -> int:
    """Write down that what these open alerts of a job tell of is over, inside the caller's transaction.

    With `before` only those about an earlier run than this one.
    """
    which, values = _open(job, kinds, before)
    return connection.execute(f"update outbox set over_at = ? where {which}", (now, *values)).rowcount


def _open(job: str, kinds: Collection[str], before: int | None) -> tuple[str, tuple[object, ...]]:
    which = "job = ? and lasting = 1 and over_at is null"
    if kinds:
        which += f" and kind in ({', '.join('?' * len(kinds))})"
    return (which, (job, *kinds)) if before is None else (f"{which} and run_id < ?", (job, *kinds, before))


def ack(connection: sqlite3.Connection, now: float, job: str | None, row_id: int | None) -> list[int]:
    """Acknowledge one alert, or the open ones of a job, or all open ones, inside the caller's transaction.

    Returns the ids of those that had not been acknowledged before.
    """
    which = "lasting = 1 and over_at is null" if row_id is None else "id = :id"
    query = f"select id from outbox where acked_at is null and {which} and (:job is null or job = :job) order by id"
    found = [int(row[0]) for row in connection.execute(query, {"id": row_id, "job": job})]
    connection.executemany("update outbox set acked_at = ? where id = ?", [(now, each) for each in found])
    return found


def newest(connection: sqlite3.Connection, limit: int, job: str | None = None) -> list[Row]:
    """Return the newest alerts, newest first."""
    which, values = ("", ()) if job is None else (" where job = ?", (job,))
    query = f"select {_ROW} from outbox{which} order by id desc limit ?"
    return [_row(row) for row in connection.execute(query, (*values, limit))]


def forget(connection: sqlite3.Connection, before: float) -> int:
    """Remove alerts written before then that are neither open nor waiting, inside the caller's transaction."""
    query = (
        "delete from outbox where created_at < ? and (lasting = 0 or over_at is not null)"
        " and (next_try_at is null or created_at < ?)"
    )
    return connection.execute(query, (before, before - KEPT_TRYING)).rowcount
