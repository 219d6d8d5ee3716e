"""`batchctl backup` as JSON and as a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.size import format_size
from batchctl.core.time.zones import iso
from batchctl.present.text import counted, human, say

if TYPE_CHECKING:
    from batchctl.core.time.zones import Zone
    from batchctl.present import contract_upkeep as contract
    from batchctl.store.backup import Copied


def as_json(done: Copied, zone: Zone) -> contract.Backup:
    """Return what is in a backup."""
    return {
        "path": done.path,
        "at": iso(done.at, zone) or "",
        "host": done.host,
        "version": done.version,
        "runs": done.runs,
        "newest_run": done.newest_run,
        "bytes": done.size,
        "files": list(done.files),
        "removed": list(done.removed),
    }


def line(done: Copied, zone: Zone, *, verified: bool) -> str:
    """Say what was written, or that what was read back is whole."""
    runs, files = counted(done.runs, "run", "runs"), counted(len(done.files), "file", "files")
    text = say("%s: %s and %s, %s", done.path, runs, files, format_size(done.size))
    if verified:
        text = say("%s, made %s on %s: whole", text, human(done.at, zone), done.host)
    if done.removed:
        text += say("; %d older removed", len(done.removed))
    return text
