"""Removing the runs that retention no longer keeps."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from batchctl.answers.site import unknown_job
from batchctl.engine import prune as engine

if TYPE_CHECKING:
    from batchctl.answers.site import Site
    from batchctl.engine.prune import Pruned


def prune(site: Site, job: str | None = None, *, dry_run: bool = False) -> Pruned:
    """Remove what is no longer kept, of one job or of all; with `dry_run` only say what would go.

    Raises:
        UsageError: if neither the configuration nor the history knows the job.
        StateError: if the history or the state directory cannot be trusted.
    """
    kept = {name: each.retention for name, each in site.listed.jobs.items()}
    only = None if job is None else unicodedata.normalize("NFC", job)
    if only is not None and only not in kept:
        known = sorted({*kept, *site.history().jobs()})
        if only not in known:
            raise unknown_job(only, known)
    return engine.prune(site.state, kept, only, dry_run=dry_run)
