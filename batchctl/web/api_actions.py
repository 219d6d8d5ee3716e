"""What changes where things stand: starting, stopping, pausing; each is noted with who did it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.answers import firing, scheduler
from batchctl.answers import pause as pausing
from batchctl.answers.status import status
from batchctl.answers.stop import stop as end
from batchctl.core.time.zones import iso
from batchctl.present.status import as_json
from batchctl.web.api_jobs import job_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.answers.site import Site
    from batchctl.web.route import Call
    from batchctl.web.shapes import JobPaused, JobResumed, JobStopped, SchedulerStarted, SchedulerStopped


def start_scheduler(call: Call) -> SchedulerStarted:
    """End the pause of everything, and see to cron's lines."""
    made = scheduler.start(call.site)
    renewed = {"absent": "installed", "unknown": "installed"}.get(made.before, "renewed")
    return {
        "was_paused": made.ended.was_paused,
        "crontab": renewed if made.written.changed else "unchanged",  # type: ignore[typeddict-item]
        "backup": made.written.backup,
        "scheduler": as_json(status(call.site))["scheduler"],
    }


def stop_scheduler(call: Call) -> SchedulerStopped:
    """Pause everything; what runs goes on."""
    done = pausing.pause(call.site, None, call.body.for_)
    return {"paused": True, "paused_until": iso(done.until, done.zone)}


def run(call: Call) -> dict[str, Any]:
    """Fire a job in a session of its own."""
    body = call.body
    only = [body.only] if isinstance(body.only, str) else body.only or ()
    return fired(
        call.site, job_of(call), params=body.params, resume=body.resume, force=body.force, only=only, from_=body.from_
    )


def fired(
    site: Site,
    job: str,
    *,
    params: Mapping[str, Any] | None = None,
    resume: bool = False,
    force: bool = False,
    only: Sequence[str] = (),
    from_: str | None = None,
) -> dict[str, Any]:
    """Return the object of `run --json`: the run that is under way now, or the skip with its reason.

    Raises:
        UsageError: if a parameter, step or group is none of the job's.
        ConfigError, StateError: nothing was started.
    """
    return firing.fire(
        site, job, ["--detach"], params=params, resume=resume, force=force, only=only, from_=from_, outlive=True
    )


def stop(call: Call) -> JobStopped:
    """End the running run of a job."""
    name = job_of(call)
    done = end(call.site, name)
    return {"job": name, "run_id": done.run_id, "status": done.status}


def pause(call: Call) -> JobPaused:
    """Let a job not start."""
    name = job_of(call)
    done = pausing.pause(call.site, name, call.body.for_)
    return {"job": name, "paused_until": iso(done.until, done.zone)}


def resume(call: Call) -> JobResumed:
    """End the pause of a job."""
    name = job_of(call)
    return {"job": name, "was_paused": pausing.resume(call.site, name).was_paused}
