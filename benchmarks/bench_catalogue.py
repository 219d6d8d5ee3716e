"""What collecting costs: upserting 100,000 products against bare `executemany`, validating them against a loop."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from typing import TYPE_CHECKING, Any

from measure import line, ratio, seconds

from batchctl.jobs.collecting.catalogue import _UPSERT, Catalogue, _row
from batchctl.jobs.sources.rules import product_validator

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNT = 100_000


def main() -> None:
    """Measure and print."""
    rows = [
        {
            "code": f"P{number:06d}",
            "name": f"상품 {number}",
            "price": 100 + number % 9000,
            "stock": number % 50,
            "category": "주방",
            "image": f"/images/{number}.png",
            "updated": "2026-11-21",
        }
        for number in range(_COUNT)
    ]
    whole, bare, times = ratio(lambda: _upsert(rows), lambda: _executemany(rows), 3)
    line(
        f"upserting 100,000 products ({seconds(whole)}) : executemany ({seconds(bare)})", f"{times:.2f} x", "at most 2"
    )
    checked, loop, times = ratio(lambda: _validate(rows), lambda: _loop(rows), 3)
    what = f"validating 100,000 records ({seconds(checked)}) : a bare loop ({seconds(loop)})"
    line(what, f"{times:.1f} x", "under 3 s")


def _upsert(rows: Sequence[dict[str, Any]]) -> float:
    with tempfile.TemporaryDirectory() as place, Catalogue(f"{place}/c.db") as catalogue:
        begin = time.perf_counter()
        collection = catalogue.begin("bench", "all", time.time())
        for start in range(0, _COUNT, 1000):
            cursor = str(start) if start + 1000 < _COUNT else None
            catalogue.add_page(collection, rows[start : start + 1000], 0, cursor)
        catalogue.end(collection, time.time())
        return time.perf_counter() - begin


def _executemany(rows: Sequence[dict[str, Any]]) -> float:
    with tempfile.TemporaryDirectory() as place, Catalogue(f"{place}/c.db") as catalogue:
        collection = catalogue.begin("bench", "all", time.time())
        ready = [_row(collection, row) for row in rows]
        connection: sqlite3.Connection = catalogue.connection
        begin = time.perf_counter()
        connection.execute("begin")
        connection.executemany(_UPSERT, ready)
        connection.execute("commit")
        return time.perf_counter() - begin


def _validate(rows: Sequence[dict[str, Any]]) -> float:
    validator = product_validator()
    begin = time.perf_counter()
    report = validator.check(rows)
    spent = time.perf_counter() - begin
    if len(report.valid) != _COUNT:
        message = "the sample is not valid"
        raise AssertionError(message)
    return spent


def _loop(rows: Sequence[dict[str, Any]]) -> float:
    begin = time.perf_counter()
    found = 0
    for row in rows:
        if row["code"] and row["name"]:
            found += 1
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
