"""The page New job: its schedule in words and its first fires with their verdicts, before it is saved."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from batchctl.answers.foresee import foresee
from batchctl.answers.jobs import presets
from batchctl.base.errors import BatchctlError, ConfigError
from batchctl.present import done, schedule_words
from batchctl.present.descriptions import described
from batchctl.present.status import fire_text
from batchctl.present.text import format_duration, human, say, told
from batchctl.web.job_keys import refuse_commands
from batchctl.web.pages import frame
from batchctl.web.problems import Problem
from batchctl.web.route import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from batchctl.answers.foresee import Foreseen
    from batchctl.answers.site import Site
    from batchctl.web.route import Call

_WHENS = ("cron", "daily", "every", "at", "after")
_WHEN_TEXTS = {
    "cron": "as in a crontab",
    "daily": "every day at",
    "every": "every, from the last start",
    "at": "once, at",
    "after": "after another job",
}
_EXAMPLES = {"cron": "0 1 * * *", "daily": "01:00", "every": "30h", "at": "2026-12-01T12:00", "after": "daily-batch"}
_FIELDS = (
    "name",
    "does",
    "preset",
    "function",
    "command",
    "when",
    "schedule",
    "params",
    "retries",
    "timeout",
    "min_gap",
)
_FIRST = {"does": "preset", "when": "cron"}
_OF_KEY = {
    "schedule": "schedule",
    "daily": "schedule",
    "every": "schedule",
    "at": "schedule",
    "after": "schedule",
    "params": "params",
    "retries": "retries",
    "timeout": "timeout",
    "min_gap": "min_gap",
    "stale_after": "timeout",
    "preset": "preset",
    "function": "function",
    "run": "command",
}
"""The field of the form that a key of the configuration comes from."""

Faults = dict[str, str]


@frame.page
def form(call: Call) -> Response:
    """Show the form, begun with a preset where one is named."""
    values = {name: frame.field(call, name, _FIRST.get(name, "")) for name in _FIELDS}
    is_begun = any(name in call.request.query_params for name in _FIELDS)
    return _page(call, values, *(_seen(call, values) if is_begun else (None, {})))


@frame.page
def save(call: Call) -> Response:
    """Save the job, or show what it would do; the form stays as it was filled in where something is wrong."""
    values = {name: frame.field(call, name, _FIRST.get(name, "")) for name in _FIELDS}
    found, faults = _seen(call, values)
    if faults or found is None or frame.field(call, "do") != "save":
        return _page(call, values, found, faults)
    try:
        made = _create(call, found.job.name, _table(values)[0])
    except BatchctlError as error:
        return _page(call, values, found, _faults(error))
    to_do = done.crontab_to_do(made)
    name = found.job.name
    return frame.back(f"/ui/jobs/{frame.part(name)}", " ".join(filter(None, (say("%s is saved.", name), to_do))))


def _create(call: Call, name: str, table: Mapping[str, Any]) -> Any:
    from batchctl.answers.jobs_edit import add

    refuse_commands(call.site, table)
    return add(call.site, name, table)


def _seen(call: Call, values: Mapping[str, str]) -> tuple[Foreseen | None, Faults]:
    table, faults = _table(values)
    if not values["name"]:
        faults["name"] = say("a job needs a name")
    faults |= _refused(call.site, table)
    try:
        return foresee(call.site, values["name"] or "new", table), faults
    except BatchctlError as error:
        return None, {**_faults(error), **faults}


def _refused(site: Site, table: Mapping[str, Any]) -> Faults:
    """Return what nobody has allowed to be run from a page: any command, and any function that is not known here."""
    try:
        refuse_commands(site, table)
    except Problem:
        if "run" in table:
            return {"command": say("commands are not written on a page unless [web] says allow_commands = true")}
        return {"function": say("no job here runs this function yet; let [web] functions in the configuration name it")}
    return {}


def _faults(error: BatchctlError) -> Faults:
    """Return what is wrong by field; what is about none is about the name."""
    found: Faults = {}
    for each in (error, *(error.others if isinstance(error, ConfigError) else ())):
        keys = [key for key in each.keys if key in _OF_KEY] if isinstance(each, ConfigError) else []
        message = str(each).rpartition(": ")[2] if isinstance(each, ConfigError) else str(each)
        text = ". ".join(filter(None, (told(message), told(each.remedy))))
        found.setdefault(_OF_KEY[str(keys[-1])] if keys else "name", text)
    return found


def _table(values: Mapping[str, str]) -> tuple[dict[str, Any], Faults]:
    """Return the keys of the job's file, and what cannot be any."""
    table: dict[str, Any] = {}
    faults: Faults = {}
    does, when = values["does"], values["when"]
    what = {"preset": ("preset", values["preset"]), "function": ("function", values["function"])}
    key, text = what.get(does, ("run", values["command"]))
    if text.strip():
        table[key] = text.strip()
    else:
        faults[does if does in what else "command"] = say("a job needs something to do")
    schedule = values["schedule"].strip()
    if schedule:
        table["schedule" if when == "cron" else when] = _schedule(when, schedule, faults)
    if values["params"].strip():
        table["params"] = _params(values["params"], faults)
    if retries := values["retries"].strip():
        table["retries"] = int(retries) if retries.isascii() and retries.isdecimal() and len(retries) < 9 else retries  # noqa: PLR2004 - more digits are no count
    table |= {name: values[name].strip() for name in ("timeout", "min_gap") if values[name].strip()}
    return {key: value for key, value in table.items() if value is not None}, faults


def _schedule(when: str, text: str, faults: Faults) -> object:
    """Return a schedule as its key has it."""
    if when == "after":
        names = [name.strip() for name in text.split(",")]
        return names if len(names) > 1 else text
    if when == "at":
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            faults["schedule"] = say("%s is no time; write for example 2026-12-01T12:00", text)
            return None
    return text


def _params(text: str, faults: Faults) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        faults["params"] = say("this is no JSON: %s", str(error))
        return None
    if not isinstance(found, dict):
        faults["params"] = say('this is no JSON object; write for example {"limit": 300}')
        return None
    return found


def _page(call: Call, values: Mapping[str, str], found: Foreseen | None, faults: Faults) -> Response:
    ready, site = presets(), call.site
    return frame.show(
        call.request,
        "new_job.html.j2",
        status=422 if faults and call.request.method == "POST" and frame.field(call, "do") == "save" else 200,
        values=values,
        faults=faults,
        presets=[(job.name, described(job.description)) for job in ready],
        whens=[(name, say(_WHEN_TEXTS[name]), _EXAMPLES[name]) for name in _WHENS],
        example=_EXAMPLES.get(values["when"], ""),
        commands=allows_commands(call),
        zone_name=site.config.zone.name,
        seen=None if found is None else _foreseen(found),
    )


def allows_commands(call: Call) -> bool:
    """Say whether the configuration lets commands be written on a page."""
    return call.site.config.web.allow_commands


def _foreseen(found: Foreseen) -> dict[str, Any]:
    zone = found.job.rules.zone
    takes = say("each run is taken to use its whole timeout of %s", format_duration(found.takes))
    return {
        "words": schedule_words.in_words(found.job.schedule, zone),
        "fires": [(human(fire.at, zone), fire.verdict, fire_text(fire.verdict, fire.reason)) for fire in found.fires],
        "takes": say("without a timeout each run is taken to end at once") if found.takes is None else takes,
        "zone": zone.name,
    }


ROUTES = (
    Route(method="GET", path="/ui/new", handler=form, does="The page New job.", scope="read", page=True),
    Route(method="POST", path="/ui/new", handler=save, does="Save a new job, or show what it would do.", scope="admin",
          page=True, act="create"),
)  # fmt: skip
