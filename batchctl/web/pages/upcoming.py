"""The page Upcoming: the coming fires of all jobs, what each will do, and beside whose runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.answers.upcoming import upcoming as asked
from batchctl.present.upcoming_page import as_values
from batchctl.web.pages import frame
from batchctl.web.route import Route

if TYPE_CHECKING:
    from starlette.responses import Response

    from batchctl.web.route import Call

_HORIZONS = ("24h", "48h", "7d")


@frame.page
def upcoming(call: Call) -> Response:
    """Show what will be fired within a span of time."""
    horizon = frame.field(call, "for", _HORIZONS[0])
    found = asked(call.site, horizon)
    return frame.show(
        call.request,
        "upcoming.html.j2",
        t=frame.clock_of(call, found.start, found.zone),
        horizon=horizon,
        horizons=_HORIZONS,
        shown=as_values(found),
    )


ROUTES = (
    Route(method="GET", path="/ui/upcoming", handler=upcoming, does="The page Upcoming.", scope="read", page=True),
)
