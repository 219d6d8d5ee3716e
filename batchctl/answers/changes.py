"""Whether an answer of a moment ago would be another one now, as far as history and configuration make it so."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from batchctl.answers.site import Site
from batchctl.base import clock, paths
from batchctl.base.errors import BatchctlError
from batchctl.store.changes import HistoryChanges

if TYPE_CHECKING:
    from batchctl.base.paths import Identity

_AT_REST, _RUNNING = 10.0, 2.0
"""Seconds after which the clock alone makes another answer: a fire is due, a step says how far it is."""


class Changes:
    """A number that grows with each change that a look finds."""

    def __init__(self, site: Site) -> None:
        """Keep where to look."""
        self._options = site.config_option, site.state_option
        self._history = HistoryChanges(site.state)
        self._kept: tuple[tuple[Identity, ...], Site] | None = None
        self._seen: object = None
        self._begun = f"{int(clock.now() * 1000):x}"
        self.count = 0
        self.is_running = False

    def look(self) -> int:
        """Return the number now; cheap enough for every request."""
        history = self._history.look()
        now = (history, self._files())
        if now != self._seen:
            self._seen = now
            self.note()
            self.is_running = self._history.is_running()
        return self.count

    def note(self) -> None:
        """Count a change that was made here."""
        self.count += 1

    def version(self) -> str:
        """Return what names the answers that can be given now; another one after a change, and after a while."""
        count = self.look()
        return f"{self._begun}-{count}-{int(clock.monotonic() / (_RUNNING if self.is_running else _AT_REST))}"

    def site(self) -> Site:
        """Return where to ask; the configuration is loaded anew once one of its files has changed."""
        files = self._files()
        if self._kept is None or files != self._kept[0]:
            self._kept = files, Site(*self._options)
        fresh, kept = Site(*self._options), self._kept[1]
        fresh.__dict__["config_path"] = kept.config_path
        with suppress(BatchctlError):  # which whoever asks is told by the site itself
            fresh.__dict__["config"] = kept.config
        return fresh

    def close(self) -> None:
        """Let go of the history."""
        self._history.close()

    def _files(self) -> tuple[Identity, ...]:
        main = paths.config_file(self._options[0])
        if main is None:
            return ()
        directory = f"{os.path.dirname(main)}/jobs.d"
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            names = []
        return (paths.identity_of(main), *(paths.identity_of(f"{directory}/{name}") for name in names))
