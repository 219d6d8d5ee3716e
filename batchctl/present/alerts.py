"""`batchctl alerts`: what people were told, and how a job's channels took a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.core.time import zones
from batchctl.present.tables import table
from batchctl.present.text import cell, console, human, in_words, one_line, say, symbols, write

if TYPE_CHECKING:
    from batchctl.answers.alerts import Alerts, Tried
    from batchctl.core.time.zones import Zone
    from batchctl.present import contract_upkeep as contract
    from batchctl.store.outbox import Row

_STYLES = {"sent": "green", "failed": "red", "waiting": "yellow", "suppressed": "dim"}


def alerts_as_json(found: Alerts) -> contract.Alerts:
    """Return the alerts as one object; times are ISO 8601."""
    return {"alerts": [_as_json(row, found.at, found.zone) for row in found.rows]}


def _as_json(row: Row, now: float, zone: Zone) -> contract.Alert:
    alert = row.alert
    return {
        "id": row.id,
        "event_id": alert.event_id,
        "job": alert.job or None,
        "run_id": alert.run_id,
        "kind": alert.kind,
        "severity": alert.severity,
        "title": alert.title,
        "body": alert.body,
        "state": row.state(now),
        "open": _is_open(row),
        "created_at": zones.iso(alert.created_at, zone),
        "sent_at": zones.iso(row.sent_at, zone),
        "next_try_at": zones.iso(alert.next_try_at, zone),
        "tries": row.tries,
        "last_error": row.last_error,
        "acked_at": zones.iso(row.acked_at, zone),
        "over_at": zones.iso(row.over_at, zone),
        "for_event": alert.for_event,
    }


def _is_open(row: Row) -> bool:
    return row.alert.lasting and row.over_at is None


def show_alerts(found: Alerts) -> None:
    """Print the alerts as a table, each with the error of its last try where it has not arrived."""
    if not found.rows:
        console().print(say("There are no alerts."))
        return
    made = table([">ID", "AT", "KIND", "STATE", "ABOUT"])
    for row in found.rows:
        state = row.state(found.at)
        shown = say(state)
        if _is_open(row):
            shown = say("%s, open, acknowledged" if row.acked_at is not None else "%s, open", shown)
        error = f" ({row.last_error})" if row.last_error and state in {"waiting", "failed"} else ""
        made.add_row(
            str(row.id),
            human(row.alert.created_at, found.zone),
            cell(in_words(row.alert.kind)),
            cell(shown, _STYLES[state]),
            cell(f"{row.alert.title}{error}"),
        )
    console().print(made)


def trial_as_json(tried: Tried) -> contract.AlertTest:
    """Return how each channel took the test; the ping of `ping_url` is one of them."""
    channels: list[contract.Channel] = [
        {"channel": each.channel.label, "ok": each.ok, "detail": each.detail or None} for each in tried.reports
    ]
    if tried.ping is not None:
        detail = None if tried.ping else "the monitor did not take the ping"
        channels.append({"channel": "ping_url", "ok": tried.ping, "detail": detail})
    return {"job": tried.job, "ok": tried.ok, "channels": channels}


def show_trial(tried: Tried) -> None:
    """Print how each channel took the test, one a line."""
    signs = symbols()
    write(
        f"{signs.passed if each['ok'] else signs.failed} {each['channel']}"
        f"{': ' + one_line(each['detail']) if each['detail'] else ''}\n"
        for each in trial_as_json(tried)["channels"]
    )
