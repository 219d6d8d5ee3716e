"""What people see: HTML that works without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.web.pages import acts, files, job, log, now

if TYPE_CHECKING:
    from batchctl.web.route import Route


def routes() -> tuple[Route, ...]:
    """Return the lines that the pages add to the route table."""
    return (*files.ROUTES, *now.ROUTES, *acts.ROUTES, *job.ROUTES, *log.ROUTES)
