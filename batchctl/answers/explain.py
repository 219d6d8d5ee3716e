"""Every check that a fire of a job would have to pass, and when the job could start next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.core import statistics
from batchctl.core.foresight.preview import next_start
from batchctl.core.guard import decide
from batchctl.core.time import zones
from batchctl.engine.fire import state_of
from batchctl.watch.standing import state_at, with_expected_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.site import Site
    from batchctl.core.guard.decide import Check
    from batchctl.core.time.zones import Zone


class Explanation(Record):
    """The decision of one job as of one instant (seconds since the epoch)."""

    job: str
    zone: Zone
    at: float
    checks: Sequence[Check]
    reason: str | None
    """The check that fails first; None for a start."""
    next_start_at: float | None
    assumption: str | None = None
    """What had to be assumed, where `at` lies in the future."""


def explain(site: Site, job: str, at: str | None = None) -> Explanation:
    """Return the decision on a job now or, given the state of now, at another time (ISO 8601).

    Raises:
        UsageError: if there is no such job, or `at` is no time.
        StateError: if the history cannot be trusted.
    """
    found, zone, now = site.job(job), site.config.zone, clock.now()
    try:
        instant = now if at is None else zones.parse_time(at, zone, now)
    except ValueError as error:
        raise UsageError(str(error)) from error
    typical = statistics.typical(site.history().durations(job, statistics.TYPICAL_OF))
    state = with_expected_end(state_of(found, site.state), typical)
    state, ended = state_at(found, state, typical, now, instant)
    checks = list(decide.checks(instant, state, found.rules))
    assumption = None
    if ended is not None:
        assumption = f"run {ended.run_id} ends at {zones.human(ended.expected_end, zone)} and succeeds"
    elif instant < now and at is not None:
        assumption = "what holds now held then"
    return Explanation(
        job=job,
        zone=zone,
        at=instant,
        checks=checks,
        reason=next((check.name for check in checks if not check.passed), None),
        next_start_at=next_start(found, state, instant, typical),
        assumption=assumption,
    )
