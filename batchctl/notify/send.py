"""Sending what is due: after the lock is free, within a time, and without ever hurting whoever asks for it.

An alert is sent at least once: should the history become unwritable between the sending and the note of it, it is sent
again; no alert is ever lost that way. What a channel has taken it does not get again because another one refused.
"""

from __future__ import annotations

from batchctl.base import clock
from batchctl.core.judge import alerts
from batchctl.core.time import zones
from batchctl.store import database, outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from batchctl.core.model import Job
    from batchctl.notify.channels import Channel
    from batchctl.store.outbox import Row

BUDGET = 10.0
"""Seconds that the sending may take in all: what is left is for the next fire, or for `check`."""
_ONE = 8.0
"""Seconds for one alert at most, so that one dead address does not silence the others."""
_MANY = 200
_TOO_LATE = 0.2


def send_due(state_dir: str, jobs: Mapping[str, Job], budget: float = BUDGET, *, site_wide: bool = False) -> int:
    """Send what is due of these jobs and return how many alerts every channel has taken.

    With `site_wide` also those about batchctl itself, to every channel that any of the jobs has for them. It takes
    `budget` seconds at most and never raises: what could not be sent is tried again by the next call that comes after
    its delay (a minute, then twice as long each time, an hour at most), for three days.
    """
    work = _Pass(state_dir, jobs, clock.monotonic() + budget, site_wide=site_wide)
    try:
        work.run()
    except Exception:  # noqa: BLE001 - the batch has ended and its result stands, whatever becomes of the alert
        return work.sent
    return work.sent


class _Pass:
    """One pass over the outbox."""

    def __init__(self, state_dir: str, jobs: Mapping[str, Job], end: float, *, site_wide: bool) -> None:
        self._state_dir, self._jobs, self._end, self._site_wide = state_dir, jobs, end, site_wide
        self._silent: set[str] = set()
        """Channels that did not answer in this pass: asking them again would only eat up the others' time."""
        self.sent = 0

    def run(self) -> None:
        names = [*self._jobs, *([""] if self._site_wide else [])]
        connection = database.connect(self._state_dir, create=False, busy_limit=max(0.0, min(2.0, self._left())))
        try:
            for row in outbox.due(connection, clock.now(), _MANY, names):
                if self._left() < _TOO_LATE:
                    return
                self._one(connection, row)
        finally:
            connection.close()

    def _left(self) -> float:
        return self._end - clock.monotonic()

    def _one(self, connection: sqlite3.Connection, row: Row) -> None:
        channels = {channel.key: channel for channel in self._channels(row)}
        missing = {key: channel for key, channel in channels.items() if key not in row.delivered}
        with database.Immediate(connection):
            mine = self._take(connection, row, missing)
        if mine:
            self._deliver(connection, row, missing)

    def _take(self, connection: sqlite3.Connection, row: Row, missing: Mapping[str, Channel]) -> bool:
        """Say whether the alert is to be sent now and by this process; where it is not, settle what becomes of it."""
        now = clock.now()
        job = self._jobs.get(row.alert.job)
        quiet = now if job is None else alerts.quiet_until(now, job.alerting.quiet_hours, job.rules.zone)
        if row.expired(now):
            outbox.give_up(connection, row, None)
        elif not missing:
            outbox.give_up(connection, row, "no channel is configured for it any more")
        elif quiet > now:
            outbox.put_off(connection, row, quiet)
        else:
            return not self._silent.issuperset(missing) and outbox.claim(connection, row, now)
        return False

    def _channels(self, row: Row) -> list[Channel]:
        from batchctl.notify.channels import channels_of

        if row.alert.job:
            return channels_of(self._jobs[row.alert.job].alerting, row.alert.kind)
        return [channel for job in self._jobs.values() for channel in channels_of(job.alerting, row.alert.kind)]

    def _deliver(self, connection: sqlite3.Connection, row: Row, missing: Mapping[str, Channel]) -> None:
        from batchctl.notify.channels import NO_ANSWER, deliver

        asked = [channel for key, channel in missing.items() if key not in self._silent]
        reports = deliver(row.alert, asked, min(_ONE, self._left()), self._zone(row), self._secrets(row))
        self._silent |= {each.channel.key for each in reports if each.silent}
        delivered = [*row.delivered, *(each.channel.key for each in reports if each.ok)]
        failed = [f"{each.channel.label}: {each.detail}" for each in reports if not each.ok]
        failed += [f"{channel.label}: {NO_ANSWER} just before" for channel in missing.values() if channel not in asked]
        with database.Immediate(connection):
            if failed:
                outbox.mark_failed(connection, row, "; ".join(failed), delivered)
            else:
                outbox.mark_sent(connection, row, clock.now(), delivered)
        self.sent += not failed

    def _zone(self, row: Row) -> zones.Zone:
        job = self._jobs.get(row.alert.job)
        return clock.SystemZone() if job is None else job.rules.zone

    def _secrets(self, row: Row) -> tuple[str, ...]:
        job = self._jobs.get(row.alert.job)
        if job is None or not job.secrets:
            return ()
        from batchctl.notify.ends import secrets_of

        return secrets_of(job) or ()
