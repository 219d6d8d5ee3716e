"""The scheduler as a whole, which is cron's lines and no pause of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.answers import crontab, pause
from batchctl.answers.status import status
from batchctl.base.record import Record

if TYPE_CHECKING:
    from batchctl.answers.crontab import Written
    from batchctl.answers.pause import Resumed
    from batchctl.answers.site import Site
    from batchctl.crontab.managed import Change


class Started(Record):
    """What a start of the scheduler did; `before` is the state of the crontab's block until then."""

    ended: Resumed
    before: str
    change: Change
    written: Written


def start(site: Site) -> Started:
    """End the pause of everything, and install or renew the crontab's block where it is absent or outdated.

    Raises:
        StateError: if the history cannot be written, or the crontab cannot be read or written.
    """
    ended, before = pause.resume(site), status(site).cron.block
    change = crontab.change(site)
    return Started(ended=ended, before=before, change=change, written=crontab.install(site, change))
