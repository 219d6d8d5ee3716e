"""Making up for the fires that were missed while the machine or cron was off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.paths import own_words
from batchctl.core.time import zones
from batchctl.watch import catchup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchctl.answers.site import Site
    from batchctl.watch.catchup import Made, Missed


def missed(site: Site) -> list[Missed]:
    """Return what the jobs with `catch_up = true` have missed within their windows.

    Raises:
        StateError: if the history cannot be read.
    """
    return catchup.find(site.config, site.state)


def make_up(site: Site, found: Sequence[Missed]) -> Iterator[Made]:
    """Fire each once, all at once and each in a process of its own, and yield how it went as it ends."""
    return catchup.make_up(found, lambda each: _command(site, each))


def _command(site: Site, found: Missed) -> list[str]:
    instant = zones.iso(found.fire, found.job.rules.zone) or ""
    return [*own_words(site.config_path, site.state), "run", found.job.name, "--scheduled-for", instant]
