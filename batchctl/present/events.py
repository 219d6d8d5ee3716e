"""`batchctl events`: a line an event, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.core import events
from batchctl.core.time.zones import iso
from batchctl.present.text import harmless, json_text, write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchctl.core.events import Event
    from batchctl.core.time.zones import Zone
    from batchctl.present import contract


def show(found: Iterable[Event], zone: Zone, *, as_json: bool) -> None:
    """Print events, a line each."""
    write(
        f"{json_text(as_object(event, zone)) if as_json else harmless(events.line(event, zone))}\n" for event in found
    )


def as_object(event: Event, zone: Zone) -> contract.Event:
    """Return the contract's object."""
    return {
        "id": event.id,
        "at": iso(event.at, zone),
        "level": event.level,
        "event": event.event,
        "job": event.job or None,
        "run_id": event.run_id,
        "step": event.step,
        "attempt": event.attempt,
        "host": event.host,
        "text": event.text,
        "status": event.status,
        "reason": event.reason,
        "detail": event.detail or None,
    }
