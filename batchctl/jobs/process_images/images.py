"""Processes product images not yet done: `python -m batchctl.jobs.process_images.images --data DIR --limit 100`."""

import argparse
import hashlib
import io
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

from batchctl import step
from batchctl.jobs.common import need, private

_SCHEMA = """
create table if not exists images (
    source text not null,
    code text not null,
    url text not null,
    file text,               -- below the data directory
    width integer,
    height integer,
    error text,              -- why it could not be done
    address text,            -- where it is published
    primary key (source, code)
) without rowid
"""
_TODO = """
select items.source, items.code, items.image from items
left join images on images.source = items.source and images.code = items.code and images.url = items.image
where items.image is not null and images.url is null and (? is null or items.source in (select value from json_each(?)))
order by items.source, items.code limit ?
"""
SIDE = 400
"""Pixels of the longer side of what is kept."""
_MOST_BYTES = 20 * 1024 * 1024
_MOST_PIXELS = 50_000_000


def main(arguments: list[str]) -> int:
    """Process up to `limit` images; 1 where there was work and all of it failed."""
    options = _options(arguments)
    need("httpx", "stamina", "PIL")
    path = os.path.join(options.data, "catalogue.db")
    if not os.path.exists(path):
        step.log("images: nothing was collected yet, so there is nothing to do")
        step.result(processed=0, failed_items=0)
        return 0
    connection = sqlite3.connect(private(path), timeout=30)
    connection.execute(_SCHEMA)
    if "address" not in {row[1] for row in connection.execute("pragma table_info(images)")}:
        connection.execute("alter table images add column address text")  # made by an earlier version
    wanted = None if options.suppliers in {"", "null"} else options.suppliers
    todo = connection.execute(_TODO, (wanted, wanted, options.limit)).fetchall()
    failed = 0
    with _fetcher() as fetch:
        for done, (source, code, url) in enumerate(todo, 1):
            row = _process(fetch, options.data, source, code, url)
            failed += row["error"] is not None
            with connection:
                connection.execute(
                    "insert or replace into images (source, code, url, file, width, height, error)"
                    " values (:source, :code, :url, :file, :width, :height, :error)",
                    row,
                )
            step.progress(done, len(todo))
    result = {"processed": len(todo) - failed, "failed_items": failed, **_publish(connection, options.data)}
    connection.close()
    step.log("images: " + ", ".join(f"{count} {what}" for what, count in result.items()))
    step.result(**result)
    return 1 if todo and failed == len(todo) else 0


def _publish(connection: sqlite3.Connection, data: str) -> dict[str, int]:
    """Copy what is not published yet to where a web server has it, readable for it, and record the address.

    Raises:
        OSError: if the directory cannot be written.
    """
    from batchctl.jobs.collecting.settings import source

    images = source("images")
    if images.publish_dir is None:
        return {}
    os.makedirs(images.publish_dir, mode=0o755, exist_ok=True)
    rows = connection.execute("select source, code, file, address from images where file is not null").fetchall()
    published = 0
    for name, code, file, address in rows:
        wanted = f"{images.base_url}/{os.path.basename(file)}"
        if address == wanted:
            continue
        target = os.path.join(images.publish_dir, os.path.basename(file))
        with open(os.path.join(data, file), "rb") as picture:
            step.save(target, picture.read())
        os.chmod(target, 0o644)  # for the web server, which is somebody else
        with connection:
            connection.execute("update images set address = ? where (source, code) = (?, ?)", (wanted, name, code))
        published += 1
    return {"published": published}


@contextmanager
def _fetcher() -> Iterator[Any]:
    """Yield a function that fetches an address of a supplier; one without a host is on the supplier's own.

    Where none is configured that is the `base_url` of the images, unless they are published there, else the sample's.
    """
    from batchctl.jobs.collecting.client import Client
    from batchctl.jobs.collecting.settings import source
    from batchctl.jobs.sample.server import running

    settings = source("images")
    with ExitStack() as stack:
        opened: dict[str, Client] = {}

        def client(base_url: str) -> Client:
            if base_url not in opened:
                opened[base_url] = stack.enter_context(Client(settings, base_url))
            return opened[base_url]

        @cache
        def sample() -> str:
            return stack.enter_context(running()).base_url

        def fetch(supplier: str, url: str) -> bytes:
            if url.startswith("/"):
                shared = None if settings.publish_dir else settings.base_url
                return client(source(supplier).base_url or shared or sample()).content("GET", url)
            host = "/".join(url.split("/", 3)[:3])
            return client(host).content("GET", url)

        yield fetch


def _process(fetch: Any, data: str, source: str, code: str, url: str) -> dict[str, Any]:
    from batchctl.jobs.collecting.client import SourceError

    row: dict[str, Any] = {"source": source, "code": code, "url": url, "file": None, "width": None, "height": None}
    try:
        content = fetch(source, url)
        name = f"images/{hashlib.sha256(f'{source}/{code}'.encode()).hexdigest()[:24]}.jpg"
        width, height = _reencode(content, os.path.join(data, name))
    except (SourceError, OSError, ValueError, SyntaxError) as error:
        step.log(f"images: {source} {code}: {error}")
        return row | {"error": str(error)[:300]}
    return row | {"file": name, "width": width, "height": height, "error": None}


def _reencode(content: bytes, path: str) -> tuple[int, int]:
    """Check a picture, make it small enough, write it as JPEG without what else it carried; return its size.

    Raises:
        ValueError: if it is too large to be opened safely.
        OSError: if it is no picture, or cannot be written.
    """
    from PIL import Image, ImageOps

    if len(content) > _MOST_BYTES:
        message = f"larger than {_MOST_BYTES} bytes"
        raise ValueError(message)
    with Image.open(io.BytesIO(content)) as opened:
        if opened.width * opened.height > _MOST_PIXELS:
            message = f"{opened.width} x {opened.height} pixels are too many"
            raise ValueError(message)
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=85, optimize=True)
    step.save(path, encoded.getvalue())
    return picture.width, picture.height


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="images", description="Fetch, check, resize and re-encode product images.")
    parser.add_argument("--data", required=True, help="directory of catalogue.db")
    parser.add_argument("--limit", type=int, default=100, help="images at most")
    parser.add_argument("--suppliers", default="", help="a JSON list of sources; empty for all")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(step.arguments()))
