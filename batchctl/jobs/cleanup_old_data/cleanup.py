"""Removes old catalogue data: `python -m batchctl.jobs.cleanup_old_data.cleanup --days 30 --data DIR`.

Products that no collection has seen for so many days go, with their images and observations; so do the files of
collections older than that. The newest observation of a product that is still there stays whatever its age.
"""

import argparse
import os
import sqlite3

from batchctl import step
from batchctl.jobs.collecting.settings import SettingsError, source
from batchctl.jobs.common import clock, private

_DAY = 86400.0


def main(arguments: list[str]) -> int:
    """Remove what is older than `days`."""
    options = _options(arguments)
    before = clock() - options.days * _DAY
    counts = {"items": 0, "observations": 0, "collections": 0, "images": 0, "files": 0, "bytes": 0}
    path = os.path.join(options.data, "catalogue", "catalogue.db")
    if os.path.exists(path):
        try:
            _clean_catalogue(path, before, counts)
        except (OSError, SettingsError, sqlite3.Error) as error:
            step.complain(f"cleanup: {path}: {error}")
            return 1
    _clean_files(os.path.join(options.data, "tmdb"), before, counts)
    step.log("cleanup: " + ", ".join(f"{value} {key}" for key, value in counts.items()))
    step.result(**counts)
    return 0


_FILES_GONE = """
select file from images join items using (source, code) where last_seen < ? and file is not null
"""
_IMAGES = """
delete from images where (source, code) in (select source, code from items where last_seen < ?)
"""
_ITEMS = "delete from items where last_seen < ?"
_OBSERVATIONS = """
delete from observations where seen_at < ? and seen_at < (
    select max(seen_at) from observations as newer
    where newer.source = observations.source and newer.code = observations.code
) or not exists (
    select 1 from items where items.source = observations.source and items.code = observations.code
)
"""
_COLLECTIONS = """
delete from collections where ended_at < ? and started_at < (
    select max(started_at) from collections as newer
    where newer.source = collections.source and newer.part = collections.part
)
"""


def _clean_catalogue(path: str, before: float, counts: dict[str, int]) -> None:
    connection = sqlite3.connect(private(path), timeout=30)
    try:
        has_images = connection.execute("select 1 from sqlite_master where name = 'images'").fetchone() is not None
        gone: list[str] = []
        with connection:
            if has_images:
                gone = [row[0] for row in connection.execute(_FILES_GONE, (before,))]
                counts["images"] = connection.execute(_IMAGES, (before,)).rowcount
            counts["items"] = connection.execute(_ITEMS, (before,)).rowcount
            counts["observations"] = connection.execute(_OBSERVATIONS, (before,)).rowcount
            counts["collections"] = connection.execute(_COLLECTIONS, (before,)).rowcount
        published = source("images").publish_dir
        for name in gone:
            _remove(os.path.join(os.path.dirname(path), name), counts)
            if published:
                _remove(os.path.join(published, os.path.basename(name)), counts)
        connection.execute("vacuum")
    finally:
        connection.close()


def _clean_files(directory: str, before: float, counts: dict[str, int]) -> None:
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if os.lstat(path).st_mtime < before:
                _remove(path, counts)


def _remove(path: str, counts: dict[str, int]) -> None:
    try:
        size = os.lstat(path).st_size
        os.unlink(path)
    except OSError as error:
        step.log(f"cleanup: {path}: {error.strerror}")
        return
    counts["files"] += 1
    counts["bytes"] += size


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cleanup", description="Remove old catalogue data.")
    parser.add_argument("--data", required=True, help="the state directory")
    parser.add_argument("--days", type=float, default=30.0, help="age in days from which data goes")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(step.arguments()))
