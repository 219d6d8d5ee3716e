"""Every check that a fire of a job would have to pass, and when the job could start next."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.base.said import Moment, said
from batchctl.core.guard import decide
from batchctl.core.guard.fitness import asked
from batchctl.core.time import zones
from batchctl.watch.standing import standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.site import Site
    from batchctl.core.foresight.preview import Foreseen
    from batchctl.core.guard.decide import Check
    from batchctl.core.model import Rules
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
    endless: int | None = None
    """The run under way, where neither history nor timeout says when it ends."""


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
    stands = standing(found, site.history(), site.state, now, site.config.jobs)
    then = stands.at(instant)
    current = stands.current
    checks = list(decide.checks(instant, then.state, found.rules))
    return Explanation(
        job=job,
        zone=zone,
        at=instant,
        checks=checks,
        reason=next((check.name for check in checks if not check.passed), None),
        next_start_at=stands.next_start(instant),
        endless=None if current is None or current.expected_end_at is not None else current.run.id,
        assumption=_assumption(then, found.rules, zone, past=instant < now and at is not None),
    )


def _assumption(then: Foreseen, rules: Rules, zone: Zone, *, past: bool) -> str | None:
    if past:
        return said("what holds now held then")
    parts = []
    if then.ended is not None:
        end = Moment(zones.human(then.ended.expected_end, zone))
        parts.append(said("run %d ends at %s and succeeds", then.ended.run_id, end))
    if then.started is not None:
        parts.append(said("the fire of %s starts it", Moment(zones.human(then.started.at, zone))))
    # At the instant of now it is read; when else it holds nobody knows, whatever is said of the next start.
    if rules.start_if is not None:
        parts.append(said("whether start_if holds (%s) cannot be foretold", asked(rules.start_if)))
    return reduce(lambda some, more: said("%s; %s", some, more), parts) if parts else None
