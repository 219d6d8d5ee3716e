"""Questions about all jobs, and about one that is not its list entry: each is what its command prints as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from batchctl.answers import check
from batchctl.answers.advise import advise as advised
from batchctl.answers.explain import explain as explained
from batchctl.answers.report import Span
from batchctl.answers.report import report as reported
from batchctl.answers.simulate import simulate as simulated
from batchctl.answers.status import status as standing
from batchctl.answers.upcoming import upcoming as foreseen
from batchctl.present import advise as advise_form
from batchctl.present import explain as explain_form
from batchctl.present import health as health_form
from batchctl.present import report as report_form
from batchctl.present import simulation as simulate_form
from batchctl.present import status as status_form
from batchctl.present import upcoming as upcoming_form
from batchctl.present.prometheus import as_prometheus
from batchctl.web.api_jobs import job_of

if TYPE_CHECKING:
    from batchctl.present import contract, contract_upkeep
    from batchctl.web.route import Call
    from batchctl.web.shapes import ServedStatus


def status(call: Call) -> ServedStatus:
    """Return `status --json` and the health."""
    return {**status_form.as_json(standing(call.site)), "health": health(call)}


def health(call: Call) -> contract_upkeep.Health:
    """Return what `check --format json` would print; no health.json is written, and no alert sent."""
    seen = check.look(call.site)
    return health_form.as_json(seen.health, seen.shown, seen.zone)


def metrics(call: Call) -> Response:
    """Return what `check --format prometheus` would print."""
    seen = check.look(call.site, counted=True)
    assert seen.counted is not None  # noqa: S101 - asked for
    return Response(as_prometheus(seen.health, seen.shown, seen.counted), media_type="text/plain; version=0.0.4")


def upcoming(call: Call) -> contract.Upcoming:
    """Return `upcoming --json`."""
    return upcoming_form.as_json(foreseen(call.site, call.query.for_))


def report(call: Call) -> Response:
    """Return `report --json`."""
    asked = call.query
    span = Span(days=asked.days, since=asked.since, until=asked.until)
    found = reported(call.site, asked.job, span=span, limit=asked.limit)
    return Response("".join(report_form.as_json(found)), media_type="application/json")


def explain(call: Call) -> contract.Explain:
    """Return `explain JOB --json`."""
    found = explained(call.site, job_of(call), call.query.at)
    return explain_form.as_json(found, found.zone)


def advise(call: Call) -> contract_upkeep.Advise:
    """Return `advise JOB --json`."""
    days = call.query.days
    return advise_form.as_json(advised(call.site, job_of(call), days=days), days)


def simulate(call: Call) -> contract.Simulate:
    """Return `simulate JOB --json`."""
    asked: dict[str, Any] = msgspec.structs.asdict(call.body if call.request.method == "POST" else call.query)
    asked["horizon"] = asked.pop("for_")
    groups, parallel = (_texts(asked.pop(name)) for name in ("group", "parallel"))
    preview = simulated(call.site, job_of(call), groups=groups, parallel=parallel, **asked)
    return simulate_form.as_json(preview)


def _texts(given: str | list[str] | None) -> tuple[str, ...]:
    return () if given is None else (given,) if isinstance(given, str) else tuple(given)
