"""What happened, and what happens while one looks on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from batchctl.answers import given
from batchctl.base import clock
from batchctl.store import spool
from batchctl.store.events import EventHistory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchctl.answers.site import Site
    from batchctl.core.events import Event

_LOOK = 0.5
"""Seconds between two looks."""
_LATE = 60.0
"""Seconds by which an event may be written down after it happened, where the history was busy."""


class Events:
    """The events of a job, or of all."""

    def __init__(self, site: Site, job: str | None = None, since: str = "24h") -> None:
        """Keep whose events, and since when.

        Raises:
            UsageError: if neither the configuration nor the history knows the job, or `since` is no time.
            StateError: if the history cannot be read.
        """
        self._site, self._job = site, job
        self.zone = site.config.zone
        self._since = given.instant("--since", since, self.zone, clock.now())
        if job is not None and job not in site.history().jobs():
            self._job = site.job(job).name
        self._seen: set[Event] = set()

    def new(self) -> list[Event]:
        """Return what has happened, and at a later call what has been written down since, the newest last."""
        spool.settle(self._site.state)
        now = clock.now()
        found = EventHistory(self._site.state).events(self._since, now + 1.0, self._job)
        fresh = [event for event in found if event not in self._seen]
        self._since = max(self._since, now - _LATE)
        self._seen = {event for event in found if event.at >= self._since}
        return fresh

    def looks(self) -> Iterator[list[Event]]:
        """Yield what is new, again and again; StateError where the history can no longer be read."""
        while True:
            yield self.new()
            time.sleep(_LOOK)
