"""`batchctl backup` as JSON and as a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.size import format_size
from batchctl.core.time.zones import iso
from batchctl.present.text import human

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
    runs = "1 run" if done.runs == 1 else f"{done.runs:,} runs"
    files = "1 file" if len(done.files) == 1 else f"{len(done.files)} files"
    text = f"{done.path}: {runs} and {files}, {format_size(done.size)}"
    if verified:
        text = f"{text}, made {human(done.at, zone)} on {done.host}: whole"
    if done.removed:
        text += f"; {len(done.removed)} older removed"
    return text
