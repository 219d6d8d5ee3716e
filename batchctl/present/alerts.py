"""`batchctl alerts`: what people were told, and how a job's channels took a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.core.time import zones
from batchctl.present.tables import table
from batchctl.present.text import cell, console, one_line, symbols, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.time.zones import Zone
    from batchctl.notify.channels import Report
    from batchctl.store.outbox import Row

_STYLES = {"sent": "green", "failed": "red", "waiting": "yellow", "suppressed": "dim"}


def alerts_as_json(rows: Sequence[Row], now: float, zone: Zone) -> dict[str, Any]:
    """Return the alerts as one object; times are ISO 8601."""
    return {"alerts": [_as_json(row, now, zone) for row in rows]}


def _as_json(row: Row, now: float, zone: Zone) -> dict[str, Any]:
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


def show_alerts(rows: Sequence[Row], now: float, zone: Zone) -> None:
    """Print the alerts as a table, each with the error of its last try where it has not arrived."""
    if not rows:
        console().print("There are no alerts.")
        return
    made = table([">ID", "AT", "KIND", "STATE", "ABOUT"])
    for row in rows:
        state = row.state(now)
        acked = ", acknowledged" if row.acked_at is not None else ""
        shown = f"{state}, open{acked}" if _is_open(row) else state
        error = f" ({row.last_error})" if row.last_error and state in {"waiting", "failed"} else ""
        made.add_row(
            str(row.id),
            zones.human(row.alert.created_at, zone),
            cell(row.alert.kind),
            cell(shown, _STYLES[state]),
            cell(f"{row.alert.title}{error}"),
        )
    console().print(made)


def trial_as_json(job: str, reports: Sequence[Report], *, ping: bool | None) -> dict[str, Any]:
    """Return how each channel took the test; `ping` is None for a job without ping_url."""
    channels = [{"channel": each.channel.label, "ok": each.ok, "detail": each.detail or None} for each in reports]
    if ping is not None:
        channels.append({"channel": "ping_url", "ok": ping, "detail": None if ping else _NO_PING})
    return {"job": job, "ok": all(each["ok"] for each in channels), "channels": channels}


_NO_PING = "the monitor did not take the ping"


def show_trial(found: dict[str, Any]) -> None:
    """Print how each channel took the test, one a line."""
    signs = symbols()
    lines = [
        f"{signs.passed if each['ok'] else signs.failed} {each['channel']}"
        f"{': ' + one_line(each['detail']) if each['detail'] else ''}\n"
        for each in found["channels"]
    ]
    write(lines)
