"""Removing what retention lets go, in transactions so short that no fire notices them.

A fire, and the journal of a run, wait for the write lock by asking again after 1, 2, 5, 10, 15, 20, 25 … ms. So a slice
holds it for about 10 ms and leaves it free for a while: whoever waits finds it free within a few of those. Checkpoints
are made between slices, not by the commit, and never wait for anybody.

A power cut may bring pruned rows back, as pruning does not wait for the disk; the next time they go again.
"""

# ruff: noqa: S608 - statements are put together from names of this schema only; every value is bound
from __future__ import annotations

import os
import sqlite3

from batchctl.base import clock
from batchctl.base.state_dir import StateDir
from batchctl.core.retention import Past
from batchctl.store import outbox
from batchctl.store.database import INCREMENTAL, Immediate, connect, sync_at_checkpoints
from batchctl.store.schema import KNOWN_JOBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


_PAGE = 1000
"""Runs read at once: no read lasts long enough to hold back a checkpoint."""
_MOST = 128 * 1024 * 1024
"""Used bytes beyond which VACUUM is not tried: a disk may take seconds for them."""
_WORTH = 16 * 1024 * 1024
"""Free bytes within the file that are worth giving back; below, the next runs fill them again."""
_HOLD_AT_REST, _HOLD_BESIDE_RUNS = 2.0, 0.25
"""Seconds after which VACUUM is given up. It takes about as long again to put its result in place, and waiting for it
are fires, for 10 s, and the journals of runs, for one."""
_OPCODES = 1000
"""Steps of SQLite's machine between two looks at the clock: well below a millisecond."""


def open_to_look(state_dir: str) -> sqlite3.Connection | None:
    """Return a read-only connection; None where no history was begun.

    Raises:
        StateError: if the history cannot be trusted.
    """
    from batchctl.store import reader

    return reader.open_to_look(state_dir)


def open_to_prune(state_dir: str, busy_limit: float) -> sqlite3.Connection | None:
    """Return a connection to prune with; None where no history was begun. Waits `busy_limit` seconds for others.

    Raises:
        StateError: if the history cannot be trusted.
    """
    if not os.path.exists(StateDir(state_dir).history) and not os.path.exists(StateDir(state_dir).marker):
        return None
    connection = connect(state_dir, create=False, busy_limit=busy_limit)
    sync_at_checkpoints(connection)
    connection.execute("pragma wal_autocheckpoint = 0")
    return connection


def jobs(connection: sqlite3.Connection) -> list[str]:
    """Return the name of every job with a run or a skip, sorted."""
    return [row[0] for row in connection.execute(KNOWN_JOBS)]


def past(connection: sqlite3.Connection, job: str) -> Iterator[Past]:
    """Yield the runs of a job, newest first."""
    query = (
        "select id, status, started_at, ended_at, resumed_from from runs where job = ? and id < ?"
        " order by id desc limit ?"
    )
    below = 2**63 - 1
    while True:
        page = connection.execute(query, (job, below, _PAGE)).fetchall()
        for row in page:
            yield Past(*row)
        if len(page) < _PAGE:
            return
        below = page[-1][0]


def old_skips(connection: sqlite3.Connection, job: str, before: float, limit: int) -> list[tuple[int, int]]:
    """Return id and count of the job's oldest skips up to the first that stays; at most `limit`."""
    query = "select id, last_at, count from skips where job = ? order by id limit ?"
    found: list[tuple[int, int]] = []
    for skip_id, last_at, count in connection.execute(query, (job, limit)):
        if last_at >= before:
            break
        found.append((skip_id, count))
    return found


def parts_of_runs(connection: sqlite3.Connection) -> list[str]:
    """Return the tables whose rows belong to one run and go with it, as the schema says (`run_id … references runs`).

    Skips and alerts have an age of their own, and name a run only in passing.
    """
    query = (
        "select m.name from sqlite_schema m join pragma_foreign_key_list(m.name) f"
        " on f.\"table\" = 'runs' and f.\"from\" = 'run_id' where m.type = 'table' order by m.name"
    )
    return [row[0] for row in connection.execute(query)]


def remove_runs(connection: sqlite3.Connection, tables: Sequence[str], ids: Sequence[int]) -> list[int]:
    """Remove these runs with all that belongs to them, in one transaction, and return those that were there.

    A run that is running stays, whatever the caller believes.
    """
    with Immediate(connection):
        query = f"select id from runs where id in ({_marks(ids)}) and status <> 'running'"
        found = [row[0] for row in connection.execute(query, tuple(ids))]
        for table in tables:
            connection.execute(f"delete from {table} where run_id in ({_marks(found)})", found)
        # One statement: the triggers that keep the counts cost three times the rest where each row has its own.
        connection.execute(f"delete from runs where id in ({_marks(found)})", found)
    return found


def remove_skips(connection: sqlite3.Connection, job: str, before: float, limit: int) -> tuple[int, int]:
    """Remove the job's oldest skips, in one transaction; return how many rows and how many skips that were."""
    with Immediate(connection):
        # Read under the write lock: the newest row may be counting on.
        found = old_skips(connection, job, before, limit)
        connection.execute(f"delete from skips where id in ({_marks(found)})", [skip_id for skip_id, _ in found])
    return len(found), sum(count for _, count in found)


def remove_alerts(connection: sqlite3.Connection, before: float) -> int:
    """Remove alerts of before then that are over and done with, in one transaction, and return how many."""
    with Immediate(connection):
        return outbox.forget(connection, before)


def has_run(connection: sqlite3.Connection, run_id: int) -> bool:
    """Say whether the history has this run."""
    return connection.execute("select 1 from runs where id = ?", (run_id,)).fetchone() is not None


def is_running(connection: sqlite3.Connection) -> bool:
    """Say whether any run is under way, or was when its batchctl vanished."""
    # Named, because without statistics of its own SQLite would rather walk all runs than this index of a few.
    query = "select 1 from runs indexed by one_running_row_per_job where status = 'running' limit 1"
    return connection.execute(query).fetchone() is not None


def checkpoint(connection: sqlite3.Connection) -> None:
    """Bring what was written into the database file, as far as nobody is in the way."""
    connection.execute("pragma wal_checkpoint(passive)").fetchone()


def size(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the bytes of the database, and how many of them are free within it."""
    page, count, free = (_pragma(connection, name) for name in ("page_size", "page_count", "freelist_count"))
    return page * count, page * free


def give_back(connection: sqlite3.Connection, pages: int) -> bool:
    """Give so many of the free pages back to the file system; False where there are none, or the database cannot.

    It can if it was made so (auto_vacuum = incremental), or by its first VACUUM.
    """
    if _pragma(connection, "auto_vacuum") != INCREMENTAL or not _pragma(connection, "freelist_count"):
        return False
    # A row for each page does the work, and only a script takes them all.
    connection.executescript(f"pragma incremental_vacuum({pages})")
    return True


def compact(connection: sqlite3.Connection, disk_free: int) -> bool:
    """Rewrite the database where that is worth it, quick, and safe; say whether it was done.

    Pages given back one by one take minutes where nearly all are free, VACUUM what it takes to write the others. But it
    holds the write lock throughout, and needs its result twice on disk. So it is given up, and leaves all as it was,
    where it would hold up anybody beyond what they wait for.
    """
    total, free = size(connection)
    used = total - free
    if free < max(_WORTH, used) or used > _MOST or disk_free < 4 * used + _WORTH:
        return False
    until = clock.monotonic() + (_HOLD_BESIDE_RUNS if is_running(connection) else _HOLD_AT_REST)
    connection.set_progress_handler(lambda: clock.monotonic() > until, _OPCODES)
    try:
        connection.execute(f"pragma auto_vacuum = {INCREMENTAL}")
        connection.execute("vacuum")
    except sqlite3.OperationalError as error:
        if "interrupt" not in str(error):
            raise
        return False
    finally:
        connection.set_progress_handler(None, 0)
    return True


def truncate_log(connection: sqlite3.Connection) -> None:
    """Empty the write-ahead log, which has grown by all that was pruned, unless somebody is in the way."""
    checkpoint(connection)
    # What is left after that is little; with a limit of 0 it is not waited for.
    connection.execute("pragma busy_timeout = 0")
    connection.execute("pragma wal_checkpoint(truncate)").fetchone()


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"pragma {name}").fetchone()[0])


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
