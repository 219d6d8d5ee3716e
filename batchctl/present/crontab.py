"""`batchctl crontab show` as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchctl.crontab.managed import Change
    from batchctl.present import contract_jobs as contract


def as_json(change: Change) -> contract.Crontab:
    """Return the block, and the lines of each job."""
    return {
        "block": change.block.decode("utf-8", "replace"),
        "care": list(change.care),
        "jobs": [
            {"job": entry.job, "lines": list(entry.lines), "note": entry.note or None} for entry in change.entries
        ],
    }
