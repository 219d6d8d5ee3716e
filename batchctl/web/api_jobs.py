"""Jobs: listed, added, changed, taken out."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from batchctl.answers import jobs as answer
from batchctl.answers import jobs_edit as edit
from batchctl.answers import numbers
from batchctl.answers.executions import executions
from batchctl.answers.report import report
from batchctl.answers.site import unknown_job
from batchctl.answers.status import status
from batchctl.base.errors import ConfigError, StateError, UsageError
from batchctl.present import jobs as form
from batchctl.present.config import job_as_json
from batchctl.present.report import run_json, stats_json
from batchctl.present.status import as_json
from batchctl.web.job_keys import misconfigured, table_of
from batchctl.web.problems import Problem

if TYPE_CHECKING:
    from batchctl.answers.site import Site
    from batchctl.present.contract import JobStats
    from batchctl.web.bodies import JobKeys
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
    """Add a job as a file of its own."""
    return created(call.site, call.body.name, call.body)


def created(site: Site, name: str, body: JobKeys) -> ServedJob:
    """Add a job and return it as listed.

    Raises:
        Problem: 403 for what the web may not set, 422 with every fault at once.
        BatchctlError: if the name is taken, or the file cannot be written.
    """
    table = {key: value for key, value in table_of(site, body).items() if value is not None}
    _ = site.config  # what is wrong with it already is no fault of the body
    try:
        done = edit.add(site, name, table)
    except ConfigError as error:
        raise misconfigured(error, body) from error
    return listed(again(site), done.jobs[0])[0]


def update(call: Call) -> ServedJob:
    """Change a job that has a file of its own."""
    return updated(call.site, job_of(call), call.body)


def updated(site: Site, name: str, body: JobKeys) -> ServedJob:
    """Change keys of a job and return it as listed.

    Raises:
        Problem: 403, 409 or 422, see `created`.
        BatchctlError: if it has no file of its own, or that cannot be written.
    """
    table = table_of(site, body)
    _refuse_main_file(site, name)
    params = table.pop("params", None) or {}
    values = {**table, **{f"params.{key}": value for key, value in params.items()}}
    try:
        edit.set_keys(site, name, values)
    except ConfigError as error:
        raise misconfigured(error, body) from error
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
