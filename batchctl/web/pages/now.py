"""The page Now: what runs, is it fine, when will it end, and what the next fires will do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.answers.overview import overview
from batchctl.present import cards
from batchctl.web.pages import frame
from batchctl.web.route import Route

if TYPE_CHECKING:
    from starlette.responses import Response

    from batchctl.web.route import Call

PAUSES = ("", "1h", "2h", "8h", "24h")
"""For how long everything can be paused; "" is until somebody resumes it."""


@frame.page
def now(call: Call) -> Response:
    """Show all jobs: what runs first, then what needs a hand."""
    found = overview(call.site)
    standings = found.standings
    return frame.show(
        call.request,
        "now.html.j2",
        t=frame.clock_of(call, standings.at, standings.zone),
        scheduler=cards.scheduler(found),
        jobs=cards.cards(found),
        is_empty=not standings.jobs,
        pauses=PAUSES,
    )


ROUTES = (Route(method="GET", path="/scheduler", handler=now, does="The page Now.", scope="read", page=True),)
