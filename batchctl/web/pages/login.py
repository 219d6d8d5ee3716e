"""The login page: a button for a code, else a field for a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import language
from batchctl.present.text import told
from batchctl.web.pages import frame

if TYPE_CHECKING:
    from starlette.responses import Response

    from batchctl.web.problems import Problem
    from batchctl.web.route import Call


def show(call: Call, *, code: str = "", problem: Problem | None = None) -> Response:
    """Return the page, with what was wrong with the last try."""
    language.speak(frame.language_of(call.request))
    return frame.show(
        call.request,
        "login.html.j2",
        status=200 if problem is None else problem.status,
        code=code if problem is None else "",
        fault="" if problem is None else told(problem.detail),
        remedy="" if problem is None else told(problem.remedy),
    )
