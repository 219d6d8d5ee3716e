"""What a page shows that cannot be shown."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from batchctl.web.problems import Problem


def show(problem: Problem, request: Request) -> Response:  # noqa: ARG001 - its language
    """Return what is wrong, and what to do next."""
    text = (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(problem.title)}</title><h1>{escape(problem.title)}</h1><p>{escape(problem.detail)}</p>"
        f"<p>{escape(problem.remedy)}</p>"
    )
    return HTMLResponse(text, problem.status, problem.headers)
