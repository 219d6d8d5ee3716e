"""What happens, as it happens, or what has happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from starlette.responses import Response

from batchctl.answers.events import Events
from batchctl.present.contract import Event
from batchctl.present.events import as_object
from batchctl.web.ask import ask
from batchctl.web.events import event_stream, wants_events
from batchctl.web.problems import encode
from batchctl.web.security import who_asks

if TYPE_CHECKING:
    from batchctl.web.route import Call


class EventList(TypedDict):
    """Events, the newest last."""

    events: list[Event]


async def events(call: Call) -> Response:
    """Follow what happens; for a client that takes no stream what has happened."""
    if wants_events(call.request):
        last, settings = call.request.headers.get("last-event-id", ""), call.settings
        allowed = lambda: who_asks(call.request, settings) is not None  # noqa: E731
        call.hub.check()
        return event_stream(call.hub.stream(last, allowed))
    found = await ask(Events, call.site, call.query.job, call.query.since)
    listed = await ask(found.new)
    content: EventList = {"events": [as_object(event, found.zone) for event in listed]}
    return Response(await ask(encode, content), media_type="application/json")
