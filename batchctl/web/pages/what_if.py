"""The page What if: other durations, gaps, budgets and schedules, and what the fires would then do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from batchctl.answers.advise import advise
from batchctl.answers.simulate import simulate
from batchctl.answers.usual import usual
from batchctl.base.duration import plain_duration
from batchctl.base.errors import BatchctlError
from batchctl.present.preview import as_values
from batchctl.present.text import say, told
from batchctl.web.pages import frame
from batchctl.web.route import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from batchctl.answers.site import Site
    from batchctl.core.model import Job
    from batchctl.web.route import Call

FIELDS = ("duration", "cron", "min_gap", "timeout", "stale_after", "horizon")
_SLIDERS = {"duration": 72, "min_gap": 24, "timeout": 72, "stale_after": 96}
"""Hours that each slider reaches to."""
_TEXTS = {
    "duration": "How long a run takes",
    "min_gap": "Gap after a run (min_gap)",
    "timeout": "Budget (timeout)",
    "stale_after": "Hung after (stale_after)",
    "cron": "Schedule, as in a crontab",
    "horizon": "How far to look",
}
_HORIZONS = ("3d", "7d", "14d", "28d")


@frame.page
def what_if(call: Call) -> Response:
    """Show what the fires would do with what the form says; a field left empty is as the job has it."""
    site = call.site
    names = list(site.listed.jobs)
    name = call.path.get("job") or frame.field(call, "job") or (names[0] if names else "")
    job = site.job(name) if name else None
    given = {field: frame.field(call, field).strip() for field in FIELDS}
    values = given if any(given.values()) else {**given, **_of(site, job)}
    shown, fault = _shown(site, job, values)
    return frame.show(
        call.request,
        "what_if.html.j2",
        status=200 if not fault else 422,
        names=names,
        name="" if job is None else job.name,
        zone_name=site.config.zone.name,
        values=values,
        sliders=_SLIDERS,
        labels={field: say(text) for field, text in _TEXTS.items()},
        horizons=_HORIZONS,
        fault=fault,
        fill=_advised(site, job, values),
        shown=shown,
    )


def _of(site: Site, job: Job | None) -> dict[str, str]:
    """Return what a job has, as the fields show it."""
    if job is None:
        return {"duration": "26h", "cron": "0 1 * * *", "min_gap": "6h", "timeout": "30h", "horizon": "7d"}
    rules = job.rules
    return {
        "duration": plain_duration(usual(site, job) or job.timeout or 3600.0),
        "cron": job.schedule.text if job.schedule.cron is not None else "",
        "min_gap": plain_duration(rules.min_gap) if rules.min_gap else "",
        "timeout": plain_duration(job.timeout) if job.timeout else "",
        "stale_after": plain_duration(rules.stale_after) if rules.stale_after else "",
        "horizon": "7d",
    }


def _shown(site: Site, job: Job | None, values: Mapping[str, str]) -> tuple[dict[str, Any] | None, str]:
    """Return what the preview shows, or what is wrong with the fields."""
    asked = {field: text or None for field, text in values.items()}
    horizon = asked.pop("horizon") or "7d"
    if job is not None and asked["cron"] == job.schedule.text:
        asked["cron"] = None  # with its jitter, and its own zone's way with the clock
    rest: dict[str, Any] = dict.fromkeys(("every", "start", "gap_factor", "fail_at", "from_history", "split"))
    try:
        found = simulate(site, None if job is None else job.name, horizon=horizon, groups=(), parallel=(), seed=0,
                         **rest, **asked)  # fmt: skip
    except BatchctlError as error:
        return None, ". ".join(filter(None, (told(str(error)), told(error.remedy))))
    return as_values(found), ""


def _advised(site: Site, job: Job | None, values: Mapping[str, str]) -> str:
    """Return where the page stands with what the history advises filled in; "" where it advises nothing of this."""
    if job is None:
        return ""
    names = {
        "min_gap": "min_gap",
        "timeout": "timeout",
        "stale_after": "stale_after",
        "schedule": "cron",
        "cron": "cron",
    }
    pastes = [paste for each in advise(site, job.name)[0].advice for paste in each.paste if paste.table == (job.name,)]
    found = {names[key]: str(value) for paste in pastes for key, value in paste.values.items() if key in names}
    return "?" + urlencode({"job": job.name, **values, **found}) if found else ""


ROUTES = (
    Route(method="GET", path="/ui/what-if", handler=what_if, does="The page What if.", scope="read", page=True),
    Route(method="GET", path="/ui/jobs/{job}/what-if", handler=what_if, does="The same, of one job.", scope="read",
          page=True),
)  # fmt: skip
