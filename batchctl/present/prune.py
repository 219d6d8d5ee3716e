"""`batchctl prune` as JSON and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.size import format_size
from batchctl.present.tables import table
from batchctl.present.text import cell, console, counted, say

if TYPE_CHECKING:
    from batchctl.engine.prune import Pruned
    from batchctl.present import contract_upkeep as contract

_FREE_WORTH_TELLING = 1024 * 1024


def as_json(done: Pruned) -> contract.Pruned:
    """Return what went, or would go; sizes are bytes on disk."""
    return {
        "dry_run": done.dry_run,
        "jobs": [{"job": each.job, "runs": each.runs, "skips": each.skips, "bytes": each.size} for each in done.jobs],
        "orphans": {"runs": done.orphans, "bytes": done.orphans_size},
        "alerts": None if done.dry_run else done.alerts,
        "database": {
            "bytes_before": done.database_before,
            "bytes_after": done.database_after,
            "bytes_free": done.database_free,
        },
        "not_removed": list(done.not_removed),
    }


def show(done: Pruned) -> None:
    """Print a row for each job of which something goes, and what the disk gains."""
    out = console()
    if done.jobs:
        made = table(("JOB", ">RUNS", ">SKIPS", ">SIZE"))
        for each in done.jobs:
            made.add_row(cell(each.job), f"{each.runs:,}", f"{each.skips:,}", format_size(each.size))
        out.print(made)
    goes = say("would go" if done.dry_run else "gone")
    if done.orphans:
        which = counted(done.orphans, "directory", "directories")
        text = say("%s: %s that no run of the history stands for (%s)", goes, which, format_size(done.orphans_size))
        out.print(cell(text))
    if not done.jobs and not done.orphans:
        out.print(cell(say("Nothing to prune: everything is within what is kept.")))
        return
    total = sum(each.size for each in done.jobs) + done.orphans_size
    runs = sum(each.runs for each in done.jobs)
    out.print(cell(say("%s: %s, %s of files", goes, counted(runs, "run", "runs"), format_size(total))))
    _show_database(done)


def _show_database(done: Pruned) -> None:
    if done.dry_run:
        return
    free = ""
    if done.database_free >= _FREE_WORTH_TELLING:
        free = say(", %s of it free for the next runs", format_size(done.database_free))
    shrank = done.database_after < done.database_before
    before = say(", before %s", format_size(done.database_before)) if shrank else ""
    console().print(cell(say("database: %s", format_size(done.database_after)) + before + free))
