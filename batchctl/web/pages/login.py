"""The login page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from starlette.responses import Response

    from batchctl.web.problems import Problem
    from batchctl.web.route import Call


def show(call: Call, *, code: str = "", problem: Problem | None = None) -> Response:  # noqa: ARG001 - its language
    """Return a button for a code, else a field for a token; with what was wrong with the last one."""
    said = "" if problem is None else f"<p role=alert>{escape(problem.detail)}: {escape(problem.remedy)}</p>"
    field = (
        f'<input type=hidden name=code value="{escape(code)}">'
        if code
        else ("<label>Token <input type=password name=token autocomplete=current-password required></label> ")
    )
    text = (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>batchctl</title><h1>batchctl</h1>{said}"
        f"<form method=post action=/login>{field}<button>Log in</button></form>"
    )
    return HTMLResponse(text, 200 if problem is None else problem.status)
