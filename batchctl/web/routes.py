"""The one route table: who may ask what, with which body, and what they get."""

from __future__ import annotations

from functools import cache
from typing import Any

from batchctl.present import contract, contract_jobs, contract_upkeep
from batchctl.web import api_actions, api_jobs, api_logs, api_scheduler, bodies, login, openapi, pages, shapes
from batchctl.web.api_events import EventList, events
from batchctl.web.route import Call, Route

_STREAM = "text/event-stream"


def description(call: Call) -> dict[str, Any]:  # noqa: ARG001 - the same for everybody
    """Return this table as OpenAPI."""
    return _described()


@cache
def _described() -> dict[str, Any]:
    return openapi.document(API)


API: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/scheduler/status",
        handler=api_scheduler.status,
        does="Where all jobs stand, as `status --json`, and their health.",
        scope="read",
        answer=shapes.ServedStatus,
    ),
    Route(
        method="POST",
        path="/scheduler/start",
        handler=api_actions.start_scheduler,
        does="End the pause of everything; install or renew cron's lines where they are absent or outdated.",
        scope="admin",
        answer=shapes.SchedulerStarted,
        act="start",
    ),
    Route(
        method="POST",
        path="/scheduler/stop",
        handler=api_actions.stop_scheduler,
        does="Pause everything; what runs goes on.",
        scope="admin",
        body=bodies.Pause,
        answer=shapes.SchedulerStopped,
        act="stop",
    ),
    Route(
        method="GET",
        path="/scheduler/jobs",
        handler=api_jobs.jobs,
        does="All jobs.",
        scope="read",
        answer=shapes.ServedJobs,
    ),
    Route(
        method="POST",
        path="/scheduler/jobs",
        handler=api_jobs.create,
        does="Add a job, as a file of its own.",
        scope="admin",
        body=bodies.NewJob,
        more_faults=True,
        answer=shapes.ServedJob,
        status=201,
        act="create",
    ),
    Route(
        method="POST",
        path="/scheduler/jobs/presets",
        handler=api_jobs.presets,
        does="Add the ready-made jobs that are missing.",
        scope="admin",
        body=bodies.Presets,
        answer=contract_jobs.Changed,
        act="presets",
    ),
    Route(
        method="GET",
        path="/scheduler/jobs/{id}",
        handler=api_jobs.job,
        does="One job, its newest runs and its statistics.",
        scope="read",
        query=bodies.Limit,
        answer=shapes.JobDetail,
    ),
    Route(
        method="PATCH",
        path="/scheduler/jobs/{id}",
        handler=api_jobs.update,
        does="Change a job that has a file of its own.",
        scope="admin",
        body=bodies.JobChanges,
        more_faults=True,
        answer=shapes.ServedJob,
        act="change",
    ),
    Route(
        method="DELETE",
        path="/scheduler/jobs/{id}",
        handler=api_jobs.delete,
        does="Take out a job; its history stays.",
        scope="admin",
        status=204,
        act="delete",
    ),
    Route(
        method="POST",
        path="/scheduler/jobs/{id}/run",
        handler=api_actions.run,
        does="Fire a job, as `run --detach --json`: a run, or a skip with its reason.",
        scope="operate",
        body=bodies.Run,
        answer=contract.Run,
        status=202,
        act="run",
    ),
    Route(
        method="POST",
        path="/scheduler/jobs/{id}/stop",
        handler=api_actions.stop,
        does="End the running run of a job with all its processes.",
        scope="operate",
        answer=shapes.JobStopped,
        status=202,
        act="stop",
    ),
    Route(
        method="POST",
        path="/scheduler/jobs/{id}/pause",
        handler=api_actions.pause,
        does="Let a job not start.",
        scope="operate",
        body=bodies.Pause,
        answer=shapes.JobPaused,
        status=202,
        act="pause",
    ),
    Route(
        method="POST",
        path="/scheduler/jobs/{id}/resume",
        handler=api_actions.resume,
        does="End the pause of a job.",
        scope="operate",
        answer=shapes.JobResumed,
        status=202,
        act="resume",
    ),
    Route(
        method="GET",
        path="/scheduler/jobs/{id}/explain",
        handler=api_scheduler.explain,
        does="Every check that a fire would have to pass, as `explain --json`.",
        scope="read",
        query=bodies.At,
        answer=contract.Explain,
    ),
    Route(
        method="GET",
        path="/scheduler/jobs/{id}/advise",
        handler=api_scheduler.advise,
        does="What the history advises, as `advise --json`.",
        scope="read",
        query=bodies.Days,
        answer=contract_upkeep.Advise,
    ),
    Route(
        method="GET",
        path="/scheduler/jobs/{id}/simulate",
        handler=api_scheduler.simulate,
        does="Preview fires, as `simulate --json`.",
        scope="read",
        query=bodies.Simulate,
        answer=contract.Simulate,
    ),
    Route(
        method="POST",
        path="/scheduler/jobs/{id}/simulate",
        handler=api_scheduler.simulate,
        does="The same, asked with a body; it changes nothing.",
        scope="read",
        body=bodies.Simulate,
        answer=contract.Simulate,
    ),
    Route(
        method="GET",
        path="/scheduler/upcoming",
        handler=api_scheduler.upcoming,
        does="The coming fires of all jobs, as `upcoming --json`.",
        scope="read",
        query=bodies.Horizon,
        answer=contract.Upcoming,
    ),
    Route(
        method="GET",
        path="/scheduler/report",
        handler=api_scheduler.report,
        does="Runs, skips and statistics, as `report --json`.",
        scope="read",
        query=bodies.Report,
        answer=contract.Report,
    ),
    Route(
        method="GET",
        path="/scheduler/health",
        handler=api_scheduler.health,
        does="What `check --format json` would print; nothing is written or sent.",
        scope="read",
        answer=contract_upkeep.Health,
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=api_scheduler.metrics,
        does="What `check --format prometheus` would print.",
        scope="read",
        media=("text/plain",),
    ),
    Route(
        method="GET",
        path="/scheduler/runs/{run}/steps/{step}/log",
        handler=api_logs.log,
        does="Bytes of what a step wrote, secrets as asterisks; as a stream of events: as it comes.",
        scope="read",
        query=bodies.Log,
        media=("text/plain", _STREAM),
        also=("range",),
        kept=False,
    ),
    Route(
        method="GET",
        path="/scheduler/events",
        handler=events,
        does="What happens, as a stream of server-sent events with ids; as JSON what has happened.",
        scope="read",
        query=bodies.Events,
        answer=EventList,
        media=("application/json", _STREAM),
        kept=False,
    ),
    Route(method="GET", path="/openapi.json", handler=description, does="This table.", scope="read"),
)

ROUTES: tuple[Route, ...] = (
    *API,
    Route(method="GET", path="/login", handler=login.form, does="The login page.", scope=None, page=True, kept=False),
    Route(method="POST", path="/login", handler=login.log_in, does="Log in.", scope=None, page=True),
    Route(method="POST", path="/logout", handler=login.log_out, does="Log out.", scope=None, page=True),
    *pages.routes(),
)
