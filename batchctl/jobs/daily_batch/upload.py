"""Steps 61, 62 and 63: upload to one market what the searches found, each product once for each account.

Candidates are what each search step found last for the account. In a run of the whole chain that is this very run; in
a resumed run it includes what was found before the interruption, and in a run of the uploads alone it is the latest.

Below `--data` it reads `found.db`, which the searches write, and appends to `outbox/SLUG.jsonl` one JSON object a line
for each product; whoever talks to the market reads on from where he last stopped, and never shortens the file.
One request carries `--batch` products, and there are at most `--rate` requests a second. With the defaults 500 products
are 10 requests and take 2 seconds.

The outbox is the only record of what was uploaded: there is no ledger beside it that could disagree. A product counts
as uploaded if its whole line, newline and all, stands in the outbox. A request is one append, forced to the disk before
the next. A death in the middle of an append leaves some whole lines, which count, and at most one torn line at the end,
which does not: the next start cuts it off and uploads that product again. So however often it is killed, a product is
there exactly once. A file lock keeps two uploads to the same market apart; it dies with its holder.
"""

import argparse
import fcntl
import json
import math
import os
import sqlite3
import sys
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

from batchctl import step

# File names are ASCII: they are read by programs and sent to machines that may not agree on anything else.
MARKETS = {"스마트스토어": "smartstore", "쿠팡": "coupang", "11번가": "11st"}

_SLOWEST, _FASTEST = 0.01, 1000.0  # requests a second
_BUSY_S = 30.0
_CANDIDATES = """
    SELECT product, name, price FROM found
    JOIN (SELECT max(id) AS id, step FROM searches WHERE account = :account GROUP BY step) AS last
    JOIN searches ON searches.id = last.id
     AND (found.run, found.step, found.account) = (searches.run, searches.step, searches.account)
    ORDER BY searches.id, position
"""


class Product(NamedTuple):
    """A product to upload; the price in won."""

    id: str
    name: str
    price: int


class Upload(NamedTuple):
    """What is uploaded where: the market's name, the account there, and the run (0 by hand)."""

    market: str
    account: str
    run: int


def main() -> int:
    """Run the step; 0, or 1 with one line on stderr where there is no search to upload, or the outbox is unusable."""
    os.umask(0o077)
    try:
        _run(_options(step.arguments()))
    except (ValueError, OSError) as error:
        step.complain(f"upload: {error}")
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    began = time.monotonic()
    upload = Upload(options.market, options.account, step.run_id() or 0)
    candidates = _candidates(os.path.join(options.data, "found.db"), upload.account)
    path = os.path.join(options.data, "outbox", MARKETS[upload.market] + ".jsonl")
    with _outbox(path) as outbox:
        before = _uploaded_before(outbox, path, upload.account)
        todo = [product for product in candidates if product.id not in before]
        requests = math.ceil(len(todo) / options.batch)
        step.log(
            f"{upload.market}, {upload.account}: {len(candidates)} candidates, {len(candidates) - len(todo)} uploaded "
            f"before, {len(todo)} to upload in {requests} requests, {options.rate:g} a second"
        )
        _send_all(outbox, upload, todo, options)
    step.result(
        market=upload.market, candidates=len(candidates), uploaded=len(todo), skipped=len(candidates) - len(todo)
    )
    step.log(f"{upload.market}: uploaded {len(todo)} products in {time.monotonic() - began:.1f} s")


def _send_all(outbox: int, upload: Upload, todo: Sequence[Product], options: argparse.Namespace) -> None:
    turns = paced(options.rate)
    for start in range(0, len(todo), options.batch):
        next(turns)
        batch = todo[start : start + options.batch]
        _send(outbox, upload, batch)
        done = start + len(batch)
        step.log(f"{upload.market}: {done}/{len(todo)}, last {batch[-1].id} {batch[-1].name}")
        step.progress(done, len(todo))


def paced(rate: float) -> Iterator[None]:
    """Yield at most `rate` times a second, sleeping as needed; time lost in between is not made up for by a burst."""
    while True:
        due = time.monotonic() + 1 / rate
        yield
        time.sleep(max(0.0, due - time.monotonic()))


# --- what there is to upload


def _candidates(path: str, account: str) -> list[Product]:
    """Return each product once, in the order found."""
    if not os.path.exists(path):
        message = f"{path} is not there: run the search steps first"
        raise ValueError(message)
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as database:
            if not database.execute("SELECT 1 FROM searches WHERE account = ? LIMIT 1", (account,)).fetchone():
                message = f"no search was made for account {account}: run the search steps first"
                raise ValueError(message)
            products: dict[str, Product] = {}
            for row in database.execute(_CANDIDATES, {"account": account}):
                products.setdefault(row[0], Product(*row))
    except sqlite3.Error as error:
        message = f"{path}: {error}"
        raise ValueError(message) from error
    return list(products.values())


# --- the outbox


@contextmanager
def _outbox(path: str) -> Iterator[int]:
    """Open and lock the outbox; the descriptor appends.

    Raises:
        ValueError: if another upload to this market is under way.
    """
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    outbox = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(outbox, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{path} is in use: another upload to this market is under way"
            raise ValueError(message) from None
        _force_names_to_disk(folder)
        yield outbox
    finally:
        os.close(outbox)


def _force_names_to_disk(folder: str) -> None:
    # Forcing a file's content to disk does not force the name by which it will be found again.
    for directory in (folder, os.path.dirname(folder)):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _uploaded_before(outbox: int, path: str, account: str) -> set[str]:
    """Return the ids of the products uploaded for the account, after cutting off a torn last line.

    Raises:
        ValueError: if a whole line is not one that an upload writes; then nothing can be said of the rest either.
    """
    uploaded: set[str] = set()
    whole = 0
    with open(outbox, "rb", closefd=False) as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                os.ftruncate(outbox, whole)
                os.fsync(outbox)
                step.log(f"{path}: cut off line {number}, torn when an earlier upload was interrupted")
                break
            whole += len(line)
            try:
                entry = json.loads(line)
                if entry["account"] == account:
                    uploaded.add(entry["product"])
            except (ValueError, TypeError, KeyError):
                message = f"{path}, line {number}: damaged, so what was uploaded is not known; mend or remove the line"
                raise ValueError(message) from None
    return uploaded


def _send(outbox: int, upload: Upload, batch: Sequence[Product]) -> None:
    """Append one request's lines and force them to the disk."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    data = memoryview(b"".join(_line(upload, product, at) for product in batch))
    while data:
        data = data[os.write(outbox, data) :]
    os.fsync(outbox)


def _line(upload: Upload, product: Product, at: str) -> bytes:
    entry: dict[str, Any] = {
        "product": product.id,
        "account": upload.account,
        "market": upload.market,
        "name": product.name,
        "price": product.price,
        "run": upload.run,
        "at": at,
    }
    return json.dumps(entry, ensure_ascii=False).encode() + b"\n"


# --- the command line


class _Arguments(argparse.ArgumentParser):
    """A parser whose errors are one line, as a log wants them."""

    def error(self, message: str) -> NoReturn:
        step.complain(f"upload: {message}")
        sys.exit(2)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = _Arguments(prog="upload", description="Upload found products to a market.", allow_abbrev=False)
    parser.add_argument("--account", type=_name, required=True, help="the account whose findings are uploaded")
    parser.add_argument("--market", type=_market, required=True, help=" or ".join(MARKETS))
    parser.add_argument("--data", type=_name, required=True, help="the directory where the searches keep found.db")
    parser.add_argument("--rate", type=_rate, default=5.0, help="requests a second (default %(default)g)")
    parser.add_argument("--batch", type=_positive, default=50, help="products in a request (default %(default)s)")
    return parser.parse_args(arguments)


def _name(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if not name or not name.isprintable():
        message = f"{text!r} is empty or holds control characters"
        raise argparse.ArgumentTypeError(message)
    return name


def _market(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if name not in MARKETS:
        message = f"{text!r} is not a known market ({', '.join(MARKETS)})"
        raise argparse.ArgumentTypeError(message)
    return name


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not _SLOWEST <= rate <= _FASTEST:
        message = f"{text!r} is not a number of requests a second from {_SLOWEST:g} to {_FASTEST:g}"
        raise argparse.ArgumentTypeError(message)
    return rate


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        message = f"{text!r} is not a whole number from 1 up"
        raise argparse.ArgumentTypeError(message)
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
