"""The log of a step: its last 64 KB, what came before page by page, and what comes while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from batchctl.answers.log_window import Window, newest_run, window
from batchctl.base.errors import UsageError
from batchctl.base.size import format_size
from batchctl.core.text.ids import id_of
from batchctl.present.ansi import as_markup
from batchctl.present.text import in_words
from batchctl.web.pages import frame
from batchctl.web.route import Route

if TYPE_CHECKING:
    from batchctl.web.route import Call

_NO_CONTENT = 204
_MOST_AT_ONCE = 256 * 1024
"""Bytes that a page that follows gets at once."""


@frame.page
def log(call: Call) -> Response:
    """Show a stretch of a log: the end, or what lies before or after a byte."""
    since, until = (id_of(frame.field(call, name)) for name in ("after", "before"))
    step = call.path.get("step")
    found = window(
        call.site,
        _id(call.path["run"]),
        step,
        attempt=id_of(frame.field(call, "attempt")),
        since=since,
        until=until,
        **({} if since is None else {"most": _MOST_AT_ONCE}),
    )
    if step is None:
        return RedirectResponse(_address(found), 303)
    if since is not None and found.end == found.start and found.is_live:
        return Response(status_code=_NO_CONTENT)
    return frame.show(
        call.request,
        "log.html.j2",
        t=frame.clock_of(call, found.at, found.zone),
        log=found,
        words=in_words(found.step.status),
        text=as_markup(found.data),
        base=_address(found),
        is_end=until is None and since is None,
        sizes=tuple(map(format_size, (found.start, found.end, found.size))),
    )


def _address(found: Window) -> str:
    return f"/ui/runs/{found.run.id}/steps/{frame.part(found.step.id)}/log"


def _id(text: str) -> int:
    found = id_of(text)
    if found is None:
        message = f"there is no run {text!r}"
        raise UsageError(message, remedy="`batchctl report` lists the runs")
    return found


@frame.page
def newest(call: Call) -> Response:
    """Lead to the log of a job's newest run."""
    return RedirectResponse(f"/ui/runs/{newest_run(call.site, call.path['job'])}/log", 303)


ROUTES = (
    Route(method="GET", path="/ui/runs/{run}/steps/{step}/log", handler=log, does="The log of a step.", scope="read",
          page=True),
    Route(method="GET", path="/ui/runs/{run}/log", handler=log, does="The log of the step that matters most.",
          scope="read", page=True),
    Route(method="GET", path="/ui/jobs/{job}/log", handler=newest, does="The log of the newest run.", scope="read",
          page=True),
)  # fmt: skip
