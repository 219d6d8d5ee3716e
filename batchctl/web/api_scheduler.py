"""The scheduler as a whole: where it stands, starting and stopping it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.answers import check as health
from batchctl.answers import status as standing
from batchctl.present import health as health_form
from batchctl.present import status as form

if TYPE_CHECKING:
    from batchctl.web.route import Call


def status(call: Call) -> dict[str, Any]:
    """Return `status --json` and the health."""
    found, seen = standing.status(call.site), health.look(call.site)
    return {**form.as_json(found), "health": health_form.as_json(seen.health, seen.shown, seen.zone)}
