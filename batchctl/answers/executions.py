"""The newest runs of one job, however long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.answers.site import Site
    from batchctl.core.time.zones import Zone
    from batchctl.store.history import RunRow, StepRow


class Executions(Record):
    """Runs with their steps, newest first."""

    runs: Sequence[tuple[RunRow, list[StepRow]]]
    warnings: Mapping[int, Sequence[tuple[int, str, str]]]
    """(step's seq or 0, kind, text) of what was noticed, by run."""
    zone: Zone


def executions(site: Site, job: str, limit: int) -> Executions:
    """Return the newest runs of a job; StateError where the history cannot be trusted."""
    history, now = site.history(), clock.now()
    runs = list(history.runs_with_steps(0.0, now + 1.0, job, limit))
    warnings = history.warnings(runs[-1][0].started_at, now + 1.0) if runs else {}
    return Executions(runs=runs, warnings=warnings, zone=site.config.zone)
