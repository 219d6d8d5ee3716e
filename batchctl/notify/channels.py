"""The channels of an alert, and handing one alert to some of them within a time."""

from __future__ import annotations

from batchctl.base.extras import is_installed
from batchctl.base.record import Record, replace
from batchctl.core.judge.alerts import CRITICAL, FAILED, RECOVERED, urls
from batchctl.core.text.harmless import one_line
from batchctl.core.text.masking import mask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from batchctl.core.judge.alerts import Alert
    from batchctl.core.model import Alerting
    from batchctl.core.time.zones import Zone

NO_ANSWER = "no answer"
_SLOW = 3.0
"""Seconds after which what failed has not answered, whatever Apprise calls it; it waits 4 for a connection."""
_OPEN_HOSTS = frozenset({"json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos"})
"""Schemes whose host is a host; elsewhere it may be a token."""
_SHORTEST_SECRET = 5
_LONGEST_DETAIL = 300


class Channel(Record):
    """An address for Apprise, or the program of `on_alert`; exactly one of the two is set."""

    url: str = ""
    argv: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A digest by which the outbox remembers what has been delivered; the address itself may hold a password."""
        from hashlib import sha256

        return sha256("\0".join((self.url, *self.argv)).encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        """The channel as it may be shown to anybody."""
        if self.argv:
            return f"on_alert {one_line(self.argv[0])}"
        scheme, host = self.url.partition("://")[0], self._host()
        return f"{one_line(scheme)}://{host or '…'}"

    def _host(self) -> str:
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(self.url)
            return one_line(parts.hostname or "") if parts.scheme in _OPEN_HOSTS else ""
        except ValueError:
            return ""

    def secrets(self) -> tuple[str, ...]:
        """Return all parts of the address that might be secret: an error message may quote it."""
        import re
        from urllib.parse import unquote

        parts = {part for part in re.split(r"[/@:?&=]+", self.url.partition("://")[2]) if part != self._host()}
        return tuple(part for part in parts | set(map(unquote, parts)) if len(part) >= _SHORTEST_SECRET)


class Report(Record):
    """How one channel took an alert."""

    channel: Channel
    ok: bool
    detail: str = ""
    silent: bool = False
    """It did not answer: asking it once more would only cost time."""


_known: dict[str, bool] = {}
"""Addresses that were looked at: most jobs share theirs, and Apprise takes its time."""


def is_known(url: str) -> bool:
    """Say whether Apprise knows what to do with an address; nothing is sent.

    Where Apprise is not installed, the scheme alone is looked at.
    """
    if url not in _known:
        _known[url] = _apprise_knows(url) if is_installed("apprise") else _has_known_scheme(url)
    return _known[url]


def _apprise_knows(url: str) -> bool:
    import logging
    import warnings

    with warnings.catch_warnings(action="ignore"):  # its own, of libraries to come
        from apprise import Apprise

        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        return Apprise.instantiate(url, suppress_exceptions=True) is not None


def _has_known_scheme(url: str) -> bool:
    from batchctl.notify.schemes import SCHEMES

    scheme, _, rest = url.partition("://")
    return scheme.lower() in SCHEMES and rest.strip("/") != ""


def channels_of(alerting: Alerting, kind: str) -> list[Channel]:
    """Return the channels for a condition."""
    found = [Channel(url=url) for url in dict.fromkeys(urls(alerting, kind))]
    return [*found, Channel(argv=alerting.on_alert)] if alerting.on_alert else found


def every_channel(alerting: Alerting) -> list[Channel]:
    """Return all channels of a job, whatever they are for."""
    found = [Channel(url=url) for url in dict.fromkeys(url for group in alerting.notify.values() for url in group)]
    return [*found, Channel(argv=alerting.on_alert)] if alerting.on_alert else found


def deliver(
    alert: Alert, channels: Sequence[Channel], limit: float, zone: Zone, secrets: Iterable[str] = ()
) -> list[Report]:
    """Hand an alert to these channels, within `limit` seconds whatever they do, and say how each took it."""
    addresses = [channel for channel in channels if channel.url]
    programs = [channel for channel in channels if channel.argv]
    share = limit / (bool(addresses) + len(programs))
    found = _by_apprise(alert, addresses, share) if addresses else []
    found += [_by_program(alert, program, share, zone) for program in programs]
    return [replace(each, detail=_shown(each.detail, (*secrets, *each.channel.secrets()))) for each in found]


def _shown(detail: str, secrets: Iterable[str]) -> str:
    return one_line(mask(detail, secrets))[:_LONGEST_DETAIL]


def _by_apprise(alert: Alert, channels: Sequence[Channel], limit: float) -> list[Report]:
    import json
    import os
    import sys

    from batchctl.process.feed import TIMED_OUT, feed

    bad = alert.kind == FAILED or alert.severity == CRITICAL
    kind = "success" if alert.kind == RECOVERED else "failure" if bad else "warning"
    order = {
        "urls": [channel.url for channel in channels],
        "title": alert.title,
        "body": alert.body,
        "type": kind,
        "limit": limit,
    }
    program = os.path.join(os.path.dirname(__file__), "child.py")
    code, said = feed((sys.executable, "-P", program), json.dumps(order).encode(), limit)
    answers = _answers(said)
    silent = f"{NO_ANSWER} within {limit:.0f} s" if code == TIMED_OUT else _last_line(said) or f"exit code {code}"
    return [
        Report(channel=channel, **answer)
        if (answer := answers.get(number))
        else Report(channel=channel, ok=False, detail=silent, silent=code == TIMED_OUT)
        for number, channel in enumerate(channels)
    ]


def _answers(said: str) -> dict[int, dict[str, Any]]:
    import json

    found = {}
    for line in said.splitlines():
        try:
            answer = json.loads(line)
            ok, slow = answer["ok"] is True, answer["seconds"] > _SLOW
            found[int(answer["number"])] = {"ok": ok, "detail": str(answer["detail"]), "silent": slow and not ok}
        except (ValueError, TypeError, KeyError):
            continue  # a library's word on stderr
    return found


def _by_program(alert: Alert, channel: Channel, limit: float, zone: Zone) -> Report:
    import json

    from batchctl.process.feed import TIMED_OUT, feed

    code, said = feed(channel.argv, json.dumps(as_json(alert, zone), ensure_ascii=False).encode(), limit)
    if code == TIMED_OUT:
        return Report(channel=channel, ok=False, detail=f"{NO_ANSWER} within {limit:.0f} s", silent=True)
    how = f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
    return Report(
        channel=channel, ok=code == 0, detail=": ".join(filter(None, (how, _last_line(said)))) if code else ""
    )


def as_json(alert: Alert, zone: Zone) -> dict[str, object]:
    """Return what a program gets of an alert."""
    from batchctl.core.time.zones import iso

    names = ("event_id", "job", "run_id", "kind", "severity", "title", "body", "for_event")
    return {**{name: getattr(alert, name) for name in names}, "created_at": iso(alert.created_at, zone)}


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else ""
