"""Jobs: listed, added, changed, taken out."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from batchctl.answers import jobs as answer
from batchctl.answers import jobs_edit as edit
from batchctl.answers import numbers
from batchctl.answers.executions import executions
from batchctl.answers.foresee import foresee
from batchctl.answers.report import report
from batchctl.answers.site import unknown_job
from batchctl.answers.status import status
from batchctl.base.errors import BatchctlError, ConfigError, StateError, UsageError
from batchctl.present import jobs as form
from batchctl.present.config import job_as_json
from batchctl.present.report import run_json, stats_json
from batchctl.present.status import as_json
from batchctl.web.job_keys import faults_of, table_of
from batchctl.web.parsing import fault, unprocessable
from batchctl.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.answers.site import Site
    from batchctl.present.contract import JobStats
    from batchctl.web.bodies import JobKeys
    from batchctl.web.problems import Fault
    from batchctl.web.route import Call
    from batchctl.web.shapes import JobDetail, ServedJob, ServedJobs


def named(site: Site, text: str) -> str:
    """Return the name of the job that is meant by a name or a number.

    Raises:
        Problem: 404 where there is none.
    """
    name = numbers.name_of(site, text)
    found = site.find(name)
    if found is None:
        error = unknown_job(name, list(site.config.jobs))
        raise Problem(404, str(error), error.remedy)
    return found.name


def job_of(call: Call) -> str:
    """Return the job that the path names; Problem (404) where there is none."""
    return named(call.site, call.path["id"])


def listed(site: Site, job: str | None = None) -> list[ServedJob]:
    """Return all jobs as the API lists them, or one."""
    found, ids = status(site, job), _numbers(site)
    return [
        {
            **said,
            "id": ids.get(each.job.name),
            "schedule": each.job.schedule.text or None,
            "kind": each.job.kind,
            "description": each.job.description,
            "is_active": each.job.rules.enabled,
            "parameters": job_as_json(each.job).get("params", {}),
        }
        for said, each in zip(as_json(found)["jobs"], found.jobs, strict=True)
    ]


def _numbers(site: Site) -> dict[str, int]:
    """Return the jobs' numbers; who has none yet gets one, unless the history can only be read."""
    with suppress(StateError):
        numbers.number(site)
    return numbers.numbers_of(site)


def jobs(call: Call) -> ServedJobs:
    """Return all jobs."""
    return {"jobs": listed(call.site)}


def job(call: Call) -> JobDetail:
    """Return one job with its newest runs and its statistics."""
    name = job_of(call)
    found = executions(call.site, name, call.query.limit)
    return {
        "job": listed(call.site, name)[0],
        "executions": [run_json(run, steps, found.warnings.get(run.id, ()), found.zone) for run, steps in found.runs],
        "stats": _stats(call.site, name),
    }


def _stats(site: Site, name: str) -> JobStats | None:
    try:
        return stats_json(report(site, name, limit=1), name)
    except UsageError:  # a ready-made job that nobody has run or configured
        return None


def create(call: Call) -> ServedJob:
    """Add a job as a file of its own, named or called as the body says."""
    body, faults = call.body
    site, table = call.site, table_of(call.site, body, faults)
    name, title = _named(body.name, faults)
    table = {"title": title, **{key: value for key, value in table.items() if value is not None}}
    if not table.keys() & {"preset", "function", "run", "argv", "steps"}:
        faults.append(fault("/function_name", "is missing, and nothing else says what to do", "give it, or a preset"))
    if title is None:
        del table["title"]
    if faults:
        faults += _misfits(site, name, table, body)
        raise unprocessable(faults)
    _ = site.config  # what is wrong with it already is no fault of the body
    try:
        edit.add(site, name, table)
    except ConfigError as error:
        raise unprocessable(faults_of(error, body)) from error
    return listed(again(site), name)[0]


def _named(text: str, faults: list[Fault]) -> tuple[str, str | None]:
    try:
        return edit.named(text)
    except UsageError as error:
        if not any(each["pointer"] == "/name" for each in faults):
            faults.append(fault("/name", str(error), error.remedy))
        return "new", None


def _misfits(site: Site, name: str, table: Mapping[str, Any], body: JobKeys) -> list[Fault]:
    """Return what else is wrong with a job that is not made."""
    try:
        foresee(site, name, table)
    except ConfigError as error:
        return [each for each in faults_of(error, body) if each["pointer"] != "/"]
    except BatchctlError:
        return []
    return []


def update(call: Call) -> ServedJob:
    """Change keys of a job that has a file of its own."""
    site, name, (body, faults) = call.site, job_of(call), call.body
    table = table_of(site, body, faults)
    _refuse_main_file(site, name)
    if faults:
        raise unprocessable(faults)
    params = table.pop("params", None) or {}
    values = {**table, **{f"params.{key}": value for key, value in params.items()}}
    try:
        edit.set_keys(site, name, values)
    except ConfigError as error:
        raise unprocessable(faults_of(error, body)) from error
    return listed(again(site), name)[0]


def delete(call: Call) -> None:
    """Take a job out; its history stays."""
    deleted(call.site, job_of(call))


def deleted(site: Site, name: str) -> None:
    """Remove the file of a job.

    Raises:
        Problem: 409 where the main file defines it.
        BatchctlError: if it is running, or has no file of its own.
    """
    _refuse_main_file(site, name)
    edit.remove(site, name)


def presets(call: Call) -> dict[str, Any]:
    """Add the ready-made jobs that are missing."""
    done = answer.install(call.site, call.body.names or ())
    return dict(form.changed_as_json(done))


def _refuse_main_file(site: Site, name: str) -> None:
    if site.job(name).origin == site.config_path:
        message = f"{name} stands in {site.config_path}, which is not changed from the web"
        raise Problem(409, message, f"change it there; or move it to a file of its own, jobs.d/{name}.toml")


def again(site: Site) -> Site:
    """Return the same place as it is now."""
    return type(site)(site.config_option, site.state_option)
