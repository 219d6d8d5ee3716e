"""`batchctl prune` as JSON and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.size import format_size
from batchctl.present.tables import table
from batchctl.present.text import cell, console

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
    goes = "would go" if done.dry_run else "gone"
    if done.orphans:
        which = "1 directory that no run" if done.orphans == 1 else f"{done.orphans:,} directories that no run"
        out.print(cell(f"{goes}: {which} of the history stands for ({format_size(done.orphans_size)})"))
    if not done.jobs and not done.orphans:
        out.print(cell("Nothing to prune: everything is within what is kept."))
        return
    total = sum(each.size for each in done.jobs) + done.orphans_size
    runs = sum(each.runs for each in done.jobs)
    out.print(cell(f"{goes}: {runs:,} run{'' if runs == 1 else 's'}, {format_size(total)} of files"))
    _show_database(done)


def _show_database(done: Pruned) -> None:
    if done.dry_run:
        return
    free = ""
    if done.database_free >= _FREE_WORTH_TELLING:
        free = f", {format_size(done.database_free)} of it free for the next runs"
    shrank = done.database_after < done.database_before
    before = f", before {format_size(done.database_before)}" if shrank else ""
    console().print(cell(f"database: {format_size(done.database_after)}{before}{free}"))
