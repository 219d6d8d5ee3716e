"""The one route table: who may ask what, with which body, and what they get."""

from __future__ import annotations

from batchctl.web import api_scheduler, login, pages
from batchctl.web.route import Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/scheduler/status",
        handler=api_scheduler.status,
        does="Where all jobs stand, as `status --json`, and their health.",
        scope="read",
    ),
    Route(method="GET", path="/login", handler=login.form, does="The login page.", scope=None, page=True),
    Route(method="POST", path="/login", handler=login.log_in, does="Log in.", scope=None, page=True),
    Route(method="POST", path="/logout", handler=login.log_out, does="Log out.", scope=None, page=True),
    *pages.routes(),
)
