"""The style sheet, the script and the icon: three fixed names, from memory, for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from batchctl.web.pages import frame
from batchctl.web.problems import Problem
from batchctl.web.route import Route

if TYPE_CHECKING:
    from batchctl.web.route import Call


def static(call: Call) -> Response:
    """Return one of the three files; an address with its tag is good for ever."""
    found = frame.static().get(call.path["name"])
    if found is None:
        raise Problem(404, "there is no such file")
    kind, content, tag = found
    cached = "public, max-age=31536000, immutable" if call.request.url.query == tag else "no-cache"
    content, headers = frame.pack(call.request, content)
    return Response(content, headers={**headers, "Cache-Control": cached, "ETag": f'"{tag}"'}, media_type=kind)


ROUTES = (
    Route(method="GET", path="/static/{name}", handler=static, does="Style, script, icon.", scope=None, page=True),
)
