"""The page of one job: where it stands and why, what ran when, its runs with steps and logs, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from batchctl.answers.explain import explain
from batchctl.answers.overview import overview
from batchctl.answers.report import Span, report
from batchctl.core.time.zones import iso
from batchctl.present import cards, job_page
from batchctl.present.picture import job_values
from batchctl.web.pages import frame
from batchctl.web.route import Route

if TYPE_CHECKING:
    from starlette.responses import Response

    from batchctl.answers.site import Site
    from batchctl.web.route import Call

_DAYS = 90.0
_RUNS = 10
_EARLIEST = "1971-01-01T00:00:00+00:00"


@frame.page
def job(call: Call) -> Response:
    """Show one job."""
    site = call.site
    name = site.job(call.path["job"]).name
    found = overview(site, name)
    status, standings = found.standings.jobs[0], found.standings
    told = report(site, name, span=Span(days=_DAYS))
    card = cards.card(status, standings.at, found.usual.get(name), "b")
    return frame.show(
        call.request,
        "job.html.j2",
        t=frame.clock_of(call, standings.at, standings.zone).of(status.job.rules.zone),
        job=card,
        here=f"/ui/jobs/{frame.part(name)}",
        why=job_page.explained(explain(site, name)),
        notes=cards.scheduler(found)["notes"],
        told=job_values(told, told.view(name), "j", status.current),
        **_runs(site, name, frame.field(call, "before")),
    )


def _runs(site: Site, name: str, before: str) -> dict[str, Any]:
    """Return the newest runs, or those that started before an instant, and where older ones are shown."""
    span = Span(since=_EARLIEST, until=before or None)
    found = list(report(site, name, span=span, limit=_RUNS + 1).runs(_RUNS + 1))
    shown = found[:_RUNS]
    older = ""
    if len(found) > _RUNS:
        older = "?" + urlencode({"before": iso(shown[-1][0].started_at, site.config.zone)}) + "#runs"
    return {"runs": job_page.runs(shown), "older": older, "is_older": bool(before)}


ROUTES = (
    Route(method="GET", path="/ui/jobs/{job}", handler=job, does="The page of one job.", scope="read", page=True),
)
