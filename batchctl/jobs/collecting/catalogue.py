"""The collected records in one embedded SQLite database, `catalogue.db`: what is known, since when, what changed."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self

from batchctl.jobs.common import private

_SCHEMA = """
create table if not exists items (
    source text not null,
    code text not null,
    name text not null,
    price real,
    stock integer,
    rank integer,
    category text,
    image text,
    data text not null,        -- the whole record, JSON
    digest blob not null,      -- of what the record says, to tell a change
    first_seen real not null,  -- seconds since the epoch, of the collection
    last_seen real not null,
    changed_at real not null,
    unique (source, code)
);
create index if not exists items_by_change on items (source, changed_at);
create table if not exists observations (
    source text not null,
    code text not null,
    seen_at real not null,
    price real,
    stock integer,
    rank integer,
    primary key (source, code, seen_at)
) without rowid;
create table if not exists collections (
    source text not null,
    part text not null,        -- which of a source's listings
    started_at real not null,
    cursor text,               -- the page to go on with; null: from the first, or done
    pages integer not null default 0,
    collected integer not null default 0,
    failed integer not null default 0,
    ended_at real,
    primary key (source, part, started_at)
) without rowid;
"""

_UPSERT = """
insert into items
    (source, code, name, price, stock, rank, category, image, data, digest, first_seen, last_seen, changed_at)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict (source, code) do update set
    name = excluded.name, price = excluded.price, stock = excluded.stock, rank = excluded.rank,
    category = excluded.category, image = excluded.image, data = excluded.data, last_seen = excluded.last_seen,
    changed_at = case when digest = excluded.digest then changed_at else excluded.changed_at end,
    digest = excluded.digest
"""


@dataclass
class Collection:
    """One collection of a source's part, which may go on where an earlier process died."""

    source: str
    part: str
    started_at: float
    cursor: str | None = None
    pages: int = 0
    collected: int = 0
    failed: int = 0
    resumed: bool = False


@dataclass(frozen=True)
class Counts:
    """What a collection brought: records that are new, that changed, and that were seen again as they were."""

    new: int
    changed: int
    unchanged: int


class Catalogue:
    """The database; use it as a context manager."""

    def __init__(self, path: str) -> None:
        """Open it, and make it, and its directory, where they are not there yet; the owner's alone.

        Raises:
            OSError, sqlite3.Error: if it cannot be opened.
        """
        self.connection = sqlite3.connect(private(path), timeout=30, isolation_level=None)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.execute("pragma synchronous = normal")
        self.connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the database."""
        self.connection.close()

    def begin(self, source: str, part: str, now: float) -> Collection:
        """Begin a collection, or go on with one of the last day that did not end."""
        row = self.connection.execute(
            "select started_at, cursor, pages, collected, failed from collections where source = ? and part = ?"
            " and ended_at is null and started_at > ? order by started_at desc limit 1",
            (source, part, now - 86400),
        ).fetchone()
        if row is not None and row[1] is not None:
            began, cursor, pages, collected, failed = row
            return Collection(source, part, began, cursor, pages, collected, failed, resumed=True)
        self.connection.execute(
            "insert or replace into collections (source, part, started_at) values (?, ?, ?)", (source, part, now)
        )
        return Collection(source, part, now)

    def add_page(
        self, collection: Collection, records: Iterable[dict[str, Any]], failed: int, cursor: str | None
    ) -> None:
        """Write one page and the cursor of the next in one transaction, so that a dying process loses no page."""
        rows = [_row(collection, record) for record in records]
        collection.pages += 1
        collection.collected += len(rows)
        collection.failed += failed
        collection.cursor = cursor
        self.connection.execute("begin immediate")
        try:
            self.connection.executemany(_UPSERT, rows)
            self.connection.execute(
                "update collections set cursor = ?, pages = ?, collected = ?, failed = ?"
                " where source = ? and part = ? and started_at = ?",
                (cursor, collection.pages, collection.collected, collection.failed, *_key(collection)),
            )
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    def end(self, collection: Collection, now: float) -> Counts:
        """End a collection: note what changed for the trends, and count it."""
        source, since = collection.source, collection.started_at
        self.connection.execute("begin immediate")
        self.connection.execute(
            "insert or replace into observations select source, code, changed_at, price, stock, rank from items"
            " where source = ? and changed_at = ?",
            (source, since),
        )
        self.connection.execute(
            "update collections set ended_at = ?, cursor = null where source = ? and part = ? and started_at = ?",
            (now, *_key(collection)),
        )
        self.connection.execute("commit")
        new, touched = self.connection.execute(
            "select coalesce(sum(first_seen = changed_at), 0), count(*) from items where source = ? and changed_at = ?",
            (source, since),
        ).fetchone()
        return Counts(new=new, changed=touched - new, unchanged=max(0, collection.collected - touched))

    def last_collected(self, source: str, part: str) -> float | None:
        """Return when the last complete collection ended, seconds since the epoch."""
        row = self.connection.execute(
            "select max(ended_at) from collections where source = ? and part = ?", (source, part)
        ).fetchone()
        return None if row is None else row[0]


# Made once: json.dumps() with options of its own builds an encoder at every call. Sources name their fields in one
# order, so equal records are equal texts.
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def _key(collection: Collection) -> tuple[str, str, float]:
    return (collection.source, collection.part, collection.started_at)


def _row(collection: Collection, record: dict[str, Any]) -> tuple[Any, ...]:
    data = _encode(record)
    stamp = collection.started_at
    return (
        collection.source,
        str(record["code"]),
        record["name"],
        record.get("price"),
        record.get("stock"),
        record.get("rank"),
        record.get("category"),
        record.get("image"),
        data,
        blake2b(data.encode(), digest_size=16).digest(),
        stamp,
        stamp,
        stamp,
    )
