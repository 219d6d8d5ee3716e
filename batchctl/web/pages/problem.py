"""What a page shows that cannot be shown: what is wrong, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import language
from batchctl.present.text import told
from batchctl.web.pages import frame

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from batchctl.web.problems import Problem


def show(problem: Problem, request: Request) -> Response:
    """Return the page of a problem, never an empty success."""
    language.speak(frame.language_of(request))
    answer = frame.show(
        request,
        "problem.html.j2",
        status=problem.status,
        title=told(problem.title),
        detail=told(problem.detail),
        remedy=told(problem.remedy),
        code=problem.status,
    )
    answer.headers.update(problem.headers)
    return answer
