"""From the body of a new or changed job to the keys of its file, and from what is wrong with those back to the body."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import msgspec

from batchctl.web.bodies import COMMANDS, WORDS
from batchctl.web.parsing import fault
from batchctl.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.answers.site import Site
    from batchctl.base.errors import ConfigError
    from batchctl.web.bodies import JobKeys
    from batchctl.web.problems import Fault

PRESETS = {
    "collect_wholesale_products": "collect-wholesale",
    "collect_bestsellers": "collect-bestsellers",
    "process_images": "process-images",
    "cleanup_old_data": "cleanup-old-data",
    "generate_daily_report": "daily-report",
    "analyze_trends": "analyze-trends",
}
"""Functions of the scheduler that batchctl replaces, and the ready-made jobs that do what they did."""


def table_of(site: Site, body: JobKeys, faults: list[Fault]) -> dict[str, Any]:
    """Return the keys of the configuration that a body means; None where one is to be taken out.

    What contradicts itself, or is no time, is added to the faults.

    Raises:
        Problem: 403 for a command.
    """
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
    given.pop("name", None)
    table: dict[str, Any] = {}
    for name, value in given.items():
        key = WORDS.get(name, name)
        if key in table:
            faults.append(fault(f"/{name}", f"says the same as {key}", "give one of them"))
        table[key] = value
    if table.get("function") in PRESETS:
        table["preset"] = PRESETS[table.pop("function")]
    refuse_commands(site, table)
    if isinstance(table.get("kind"), str):
        table["kind"] = table["kind"].lower()
    if isinstance(at := table.get("at"), str):
        try:
            table["at"] = datetime.fromisoformat(at)
        except ValueError:
            faults.append(fault("/at", f"{at!r} is not a time", "write for example 2026-12-01T12:00"))
    return table


def refuse_commands(site: Site, table: Mapping[str, Any]) -> None:
    """Refuse keys of a job that would run what nobody has allowed to be run from the web.

    Raises:
        Problem: 403.
    """
    web = site.config.web
    if web.allow_commands:
        return
    if wrong := [name for name in COMMANDS if name in table]:
        message = f"{', '.join(wrong)} cannot be set from the web: whoever has a token could run anything"
        raise Problem(403, message, "set it with `batchctl jobs`; or let [web] say allow_commands = true")
    function, known = table.get("function"), _known_functions(site)
    if function is None or function in known or any(fnmatchcase(str(function), each) for each in web.functions):
        return
    message = f"the function {function!r} cannot be run from the web"
    names = ", ".join([*PRESETS, *sorted(known)])
    raise Problem(403, message, f"let [web] say functions = [{function!r}]; or use one of: {names}")


def _known_functions(site: Site) -> set[str]:
    jobs = (*site.config.jobs.values(), *site.ready_made.jobs.values())
    used = {step.function for job in jobs for step in job.steps if step.function}
    return used | {*site.config.functions, *site.config.functions.values()}


def faults_of(error: ConfigError, given: JobKeys) -> list[Fault]:
    """Return what is wrong with the configuration as it would be, in the words of the body."""
    names = [name for name in given.__struct_fields__ if getattr(given, name) is not msgspec.UNSET]
    used = {WORDS.get(name, name): name for name in names} | {"preset": "preset"}
    found = []
    for each in (error, *error.others):
        key = next((str(key) for key in each.keys[2:] if str(key) in used), "")
        found.append(fault(f"/{used.get(key, key)}", str(each), each.remedy))
    return found
