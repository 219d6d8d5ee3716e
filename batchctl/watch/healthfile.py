"""`health.json`: what a check leaves for whoever asks, and for the next check."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.errors import StateError
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir, open_private
from batchctl.core.time import zones

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.core.time.zones import Zone


class Watch(Record):
    """What the checks before this one know of a job's schedule."""

    schedule: str
    """What decides its fires, in words; another one begins the watch anew."""
    since: float
    first: bool = False
    """Whether no earlier schedule was known, so that the history alone says from when on there were fires."""


class Before(Record):
    """What the check before this one has left in its file."""

    watches: Mapping[str, Watch] = {}
    since: Mapping[str, float] = {}
    """When each finding about no single job began, by kind."""


def previous(state_dir: str, zone: Zone) -> Before:
    """Return what `health.json` says of the last check; a file that is missing, damaged or from the future is nothing.

    It only keeps the watch from beginning anew, so nothing it could say is worth an error.
    """
    now = clock.now()

    def instant(text: object) -> float:
        return min(zones.parse_time(str(text), zone), now)

    try:
        with open(StateDir(state_dir).health, encoding="utf-8") as file:
            content = json.load(file)
        watches = {
            str(job["job"]): Watch(
                schedule=str(job["schedule"]), since=instant(job["watched_since"]), first=bool(job["first_watch"])
            )
            for job in content["jobs"]
        }
        since = {
            str(one["kind"]): instant(one["since"])
            for one in content["findings"]
            if one["job"] is None and one["since"] is not None
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Before()
    return Before(watches=watches, since=since)


def write(state_dir: str, text: str) -> None:
    """Replace `health.json`, as a whole or not at all.

    Raises:
        StateError: if it cannot be written; the old one stays.
    """
    path = StateDir(state_dir).health
    draft = f"{path}.{os.getpid()}.part"
    try:
        descriptor = open_private(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise StateError(message, remedy="free disk space (`df -h`), or check mode and owner of that place") from error
