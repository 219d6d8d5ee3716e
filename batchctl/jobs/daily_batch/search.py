"""Steps 31, 32 and 33: search the product catalogue by keyword and keep what was found for the uploads.

Below `--data` it keeps two databases. `catalogue.db` is the catalogue with its index: a working copy, made anew
whenever the data file, or for the bundled list the day, differs, and safe to delete. `found.db` is what every search
found, and what the uploads read. A repeated search (a retry, or the same run again) replaces what that step found in
that run.

How Korean is matched: a keyword matches a name in which each of its words occurs, inside a compound too (이어폰 in
무선이어폰). Neither tokenizer that FTS5 brings can do that: `trigram` finds nothing for words of one or two syllables
(컵, 도마), and half of all Korean nouns are such; `unicode61` finds compounds by their beginning only. So every word is
indexed as its overlapping pairs of characters, and a keyword is looked up as a phrase of such pairs.
"""

import argparse
import csv
import hashlib
import itertools
import os
import re
import sqlite3
import sys
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import NamedTuple, NoReturn

from batchctl import step
from batchctl.jobs.common import moment
from batchctl.jobs.daily_batch import market_day

_HERE = os.path.dirname(os.path.abspath(__file__))
_BUNDLED = os.path.join(_HERE, "products.csv")
_COLUMNS = ("id", "name", "price", "stock", "supplier", "category")
_ORDERS = {"match": "best match", "price": "lowest price", "stock": "highest stock"}
_INDEX_FORM = 2  # to be raised when what _build writes changes, so that existing copies are made anew
_TOO_MUCH = 10**12  # no price (won) and no stock is as large; a slipped column is
_BUSY_S = 30.0  # steps that run side by side wait this long for each other's short transactions
_WORD = re.compile(r"[^\W_]+")

_MATCHES = """
    SELECT product.id, product.name, product.price FROM names JOIN product ON product.rowid = names.rowid
    WHERE names MATCH :query AND product.stock > 0
    ORDER BY CASE :order WHEN 'price' THEN product.price WHEN 'stock' THEN -product.stock ELSE bm25(names) END,
             product.id
"""
_FOUND_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS searches (
        id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, step TEXT NOT NULL, account TEXT NOT NULL,
        finished_at TEXT NOT NULL, UNIQUE (run, step, account))""",
    """CREATE TABLE IF NOT EXISTS found (
        run INTEGER NOT NULL, step TEXT NOT NULL, account TEXT NOT NULL, product TEXT NOT NULL,
        position INTEGER NOT NULL, keyword TEXT NOT NULL, name TEXT NOT NULL, price INTEGER NOT NULL,
        PRIMARY KEY (run, step, account, product)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS found_before ON found (account, product)",
)


class Found(NamedTuple):
    """A product that a keyword found; the price in won."""

    keyword: str
    product: str
    name: str
    price: int


class Search(NamedTuple):
    """Who searches: the run (0 by hand), the step's id, and the account the products are for."""

    run: int
    step: str
    account: str


def main() -> int:
    """Run the step; 0, or 1 with one line on stderr where the input or the data directory is unusable."""
    os.umask(0o077)
    try:
        _run(_options(step.arguments()))
    except (ValueError, OSError, csv.Error) as error:
        step.complain(f"search: {error}")
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    began = time.monotonic()
    number, parts = options.part
    search = Search(step.run_id() or 0, step.step_id() or f"{number}/{parts}", options.account)
    keywords = _part_of(_read_keywords(options.keywords), number, parts)
    os.makedirs(options.data, exist_ok=True)
    step.log(
        f"{search.account}: keywords {keywords[0]} to {keywords[-1]} ({len(keywords)}, part {number}/{parts}), "
        f"{_ORDERS[options.order]} first, up to {options.limit} products"
    )
    with _database(os.path.join(options.data, "catalogue.db")) as catalogue:
        _bring_up_to_date(catalogue, options.products)
        found = take_turns(_matches(catalogue, keywords, options.order), options.limit)
    with _database(os.path.join(options.data, "found.db")) as database:
        new = _keep(database, search, found)
    if len(found) < options.limit:
        step.log(f"the keywords match only {len(found)} products in stock, fewer than the {options.limit} asked for")
    step.result(keywords=len(keywords), found=len(found), new=new)
    step.log(f"found {len(found)} products, {new} of them new, in {time.monotonic() - began:.1f} s")


# --- keywords


def _read_keywords(path: str) -> list[str]:
    """Return the keywords of a file in its order, each once."""
    keywords: dict[str, None] = {}
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(_decoded(file, path), 1):
            # Typed on a Mac, Hangul may come decomposed into its letters; the catalogue is composed.
            keyword = " ".join(unicodedata.normalize("NFC", line.partition("#")[0]).split())
            if keyword and not _WORD.search(keyword):
                message = f"{path}, line {number}: {keyword!r} holds no letter or digit to search for"
                raise ValueError(message)
            if keyword:
                keywords[keyword] = None
    return list(keywords)


def _part_of(keywords: list[str], number: int, parts: int) -> list[str]:
    """Return one of several consecutive parts of about equal length, counted from 1."""
    part = keywords[(number - 1) * len(keywords) // parts : number * len(keywords) // parts]
    if not part:
        message = f"part {number}/{parts} of {len(keywords)} keywords is empty"
        raise ValueError(message)
    return part


def _matches(catalogue: sqlite3.Connection, keywords: list[str], order: str) -> list[list[Found]]:
    """Return for each keyword all products in stock that match it, in the order asked for."""
    matches = []
    for done, keyword in enumerate(keywords, 1):
        rows = catalogue.execute(_MATCHES, {"query": query(keyword), "order": order})
        matches.append([Found(keyword, *row) for row in rows])
        first = f", first {matches[-1][0].name} ({matches[-1][0].price:,}원)" if matches[-1] else ""
        step.log(f"{keyword}: {len(matches[-1])} matches{first}")
        step.progress(done, len(keywords))
    return matches


def take_turns(matches: Sequence[Sequence[Found]], limit: int) -> list[Found]:
    """Return up to `limit` products, each once: the first match of every keyword, then the second of every one, ….

    Taking all of the first keyword before the second would fill the limit from the top of the keyword file alone.
    """
    chosen: dict[str, Found] = {}
    for turn in itertools.zip_longest(*matches):
        for found in turn:
            if found is not None and len(chosen) < limit:
                chosen.setdefault(found.product, found)
    return list(chosen.values())


# --- the catalogue and its index


def pairs(text: str) -> str:
    """Return a text as the index holds it: for each word its overlapping pairs of characters, then its last one.

    The last character alone closes the word, so that no phrase of pairs can reach from one word into the next.
    """
    return " ".join(word[i : i + 2] for word in _WORD.findall(text) for i in range(len(word)))


def query(keyword: str) -> str:
    """Return the full-text query for names in which every word of the keyword occurs."""
    phrases = []
    for word in _WORD.findall(keyword):
        if len(word) == 1:
            phrases.append(f'"{word}"*')  # whichever pair it begins
        else:
            phrases.append('"' + " ".join(word[i : i + 2] for i in range(len(word) - 1)) + '"')
    return " ".join(phrases)


def _bring_up_to_date(catalogue: sqlite3.Connection, path: str) -> None:
    """Make the working copy of the data file anew where there is none, or it was made of other content."""
    day = moment().date() if path == _BUNDLED else None
    with open(path, "rb") as file:
        mark = f"{_INDEX_FORM} {hashlib.sha256(file.read()).hexdigest()} {day or ''}"
    catalogue.execute("CREATE TABLE IF NOT EXISTS source (mark TEXT NOT NULL)")
    wanted = [(mark,)]
    if catalogue.execute("SELECT mark FROM source").fetchall() == wanted:
        return
    with catalogue:
        catalogue.execute("BEGIN IMMEDIATE")
        # Asked again under the lock: of steps that start side by side, one builds and the others wait for it.
        if catalogue.execute("SELECT mark FROM source").fetchall() != wanted:
            _build(catalogue, path, mark, day)


def _build(catalogue: sqlite3.Connection, path: str, mark: str, day: date | None) -> None:
    began = time.monotonic()
    catalogue.execute("DROP TABLE IF EXISTS product")
    catalogue.execute("DROP TABLE IF EXISTS names")
    catalogue.execute(
        "CREATE TABLE product (id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, price INTEGER NOT NULL,"
        " stock INTEGER NOT NULL, supplier TEXT NOT NULL, category TEXT NOT NULL)"
    )
    # content='': the names are in the table beside it. remove_diacritics 0: letters are matched as they are written.
    catalogue.execute(
        "CREATE VIRTUAL TABLE names USING fts5(pairs, content='', tokenize='unicode61 remove_diacritics 0')"
    )
    count = 0
    rows = _read_products(path)
    for count, row in enumerate(rows if day is None else market_day.on(day, rows), 1):
        catalogue.execute("INSERT INTO product (rowid, id, name, price, stock, supplier, category)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?)", (count, *row))  # fmt: skip
        catalogue.execute("INSERT INTO names (rowid, pairs) VALUES (?, ?)", (count, pairs(row[1])))
    catalogue.execute("DELETE FROM source")
    catalogue.execute("INSERT INTO source VALUES (?)", (mark,))
    source = os.path.basename(path) + (f" on {day}" if day else "")
    step.log(f"catalogue: indexed {count} products of {source} in {time.monotonic() - began:.1f} s")


def _read_products(path: str) -> Iterator[tuple[str, str, int, int, str, str]]:
    seen: set[str] = set()
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(_decoded(file, path))
        missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            message = f"{path}: the first line names no column {', '.join(missing)}"
            raise ValueError(message)
        for row in reader:
            try:
                price, stock = int(row["price"]), int(row["stock"])
            except (TypeError, ValueError):
                price = stock = -1
            name = " ".join(unicodedata.normalize("NFC", row["name"] or "").split())
            possible = 0 <= price < _TOO_MUCH and 0 <= stock < _TOO_MUCH
            if not (possible and name and row["id"]) or row["id"] in seen:
                message = f"{path}, line {reader.line_num}: needs an id of its own, a name, price and stock"
                raise ValueError(message)
            seen.add(row["id"])
            yield row["id"], name, price, stock, row["supplier"] or "", row["category"] or ""


def _decoded(lines: Iterator[str], path: str) -> Iterator[str]:
    try:
        yield from lines
    except UnicodeDecodeError:
        message = f"{path}: is not UTF-8 text"
        raise ValueError(message) from None


# --- what was found


def _keep(database: sqlite3.Connection, search: Search, found: Sequence[Found]) -> int:
    """Replace what this step found in this run; return how many products no other search of the account had found."""
    for statement in _FOUND_SCHEMA:
        database.execute(statement)
    with database:
        database.execute("BEGIN IMMEDIATE")
        for table in ("found", "searches"):
            database.execute(f"DELETE FROM {table} WHERE (run, step, account) = (?, ?, ?)", search)  # noqa: S608
        known = "SELECT 1 FROM found WHERE account = ? AND product = ? LIMIT 1"
        new = sum(not database.execute(known, (search.account, item.product)).fetchone() for item in found)
        database.executemany(
            "INSERT INTO found (run, step, account, position, keyword, product, name, price)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((*search, position, *item) for position, item in enumerate(found, 1)),
        )
        # A row of its own: a search that found nothing has been made all the same.
        database.execute(
            "INSERT INTO searches (run, step, account, finished_at) VALUES (?, ?, ?, ?)",
            (*search, datetime.now(UTC).isoformat(timespec="seconds")),
        )
    return new


@contextmanager
def _database(path: str) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as database:
            yield database
    except sqlite3.Error as error:
        message = f"{path}: {error}"
        raise ValueError(message) from error


# --- the command line


class _Arguments(argparse.ArgumentParser):
    """A parser whose errors are one line, as a log wants them."""

    def error(self, message: str) -> NoReturn:
        step.complain(f"search: {message}")
        sys.exit(2)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = _Arguments(prog="search", description="Search the catalogue by keyword.", allow_abbrev=False)
    parser.add_argument("--account", type=_name, required=True, help="the account the products are found for")
    parser.add_argument("--limit", type=_positive, required=True, help="how many products to find")
    parser.add_argument("--data", type=_name, required=True, help="the directory of the working databases")
    parser.add_argument("--part", type=_part, default=(1, 1), help="which part of the keywords, for example 2/3")
    parser.add_argument("--order", choices=sorted(_ORDERS), default="match", help="which matches come first")
    parser.add_argument("--keywords", type=_name, default=os.path.join(_HERE, "keywords.txt"), help="one on each line")
    parser.add_argument("--products", type=_name, default=_BUNDLED, help="the catalogue")
    return parser.parse_args(arguments)


def _name(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if not name or not name.isprintable():
        message = f"{text!r} is empty or holds control characters"
        raise argparse.ArgumentTypeError(message)
    return name


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is not a whole number from 1 up"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _part(text: str) -> tuple[int, int]:
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        message = f"{text!r} is no part such as 1/3"
        raise argparse.ArgumentTypeError(message)
    return int(number), int(parts)


if __name__ == "__main__":
    sys.exit(main())
