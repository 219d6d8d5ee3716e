"""What the shop keeps: products and orders, in `shop.db` of the working directory."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TABLES = """
CREATE TABLE IF NOT EXISTS products (
    supplier TEXT, code TEXT, name TEXT, cost INTEGER, price INTEGER, PRIMARY KEY (supplier, code)
);
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, taken_at TEXT DEFAULT CURRENT_TIMESTAMP, won INTEGER);
"""


@contextmanager
def opened() -> Iterator[sqlite3.Connection]:
    """Open the store for one transaction."""
    connection = sqlite3.connect("shop.db", timeout=30)
    try:
        connection.executescript(_TABLES)
        with connection:
            yield connection
    finally:
        connection.close()
