"""The catalogue that batchctl brings is what the tool writes."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import generate_products

from batchctl.jobs import daily_batch

SHIPPED = Path(daily_batch.__file__).with_name("products.csv")


def test_the_shipped_catalogue_is_what_the_tool_writes() -> None:
    """It can be made again to the byte by the command that the tool names."""
    done = subprocess.run([sys.executable, generate_products.__file__], capture_output=True, check=True)
    assert done.stdout == SHIPPED.read_bytes()
    assert done.stderr == b""


def test_the_catalogue_is_as_large_as_is_said() -> None:
    """It has 3,000 products with an id and a name each, in six columns, and stays small."""
    with SHIPPED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == generate_products.COLUMNS
    assert len({row["id"] for row in rows}) == len({row["name"] for row in rows}) == generate_products.COUNT == 3000
    assert SHIPPED.stat().st_size < 400_000
