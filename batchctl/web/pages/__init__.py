"""What people see: HTML that works without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.web.pages import acts, files, job, log, new_job, now, upcoming, what_if

if TYPE_CHECKING:
    from batchctl.web.route import Route


def routes() -> tuple[Route, ...]:
    """Return the lines that the pages add to the route table."""
    modules = (files, now, acts, job, log, what_if, new_job, upcoming)
    return tuple(route for module in modules for route in module.ROUTES)
