"""Keeping who did what through the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import clock
from batchctl.store import audit

if TYPE_CHECKING:
    from batchctl.answers.site import Site


def note(site: Site, job: str | None, action: str, who: str) -> None:
    """Note an action; `batchctl events` tells it.

    Raises:
        StateError: if the history cannot be written.
    """
    audit.note(site.state, clock.now(), job or "", action, f"by {who}")
