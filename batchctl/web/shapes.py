"""What the API answers beyond what the commands print; `/openapi.json` is made of these and of the contract's types."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from batchctl.present.contract import JobStats, JobStatus, ReportRun, Scheduler, Status
from batchctl.present.contract_upkeep import Health


class ServedStatus(Status):
    """`status --json`, and what `check` would find."""

    health: Health


class ServedJob(JobStatus):
    """A job as `status --json` has it, and what it is; `id` is its number."""

    id: int | None
    schedule: str | None
    kind: str | None
    description: str
    is_active: bool
    parameters: dict[str, Any]


class ServedJobs(TypedDict):
    """All jobs."""

    jobs: list[ServedJob]


class JobDetail(TypedDict):
    """One job, its newest runs as `report --json` has them, and its statistics of 30 days."""

    job: ServedJob
    executions: list[ReportRun]
    stats: JobStats | None


class SchedulerStarted(TypedDict):
    """What starting did."""

    was_paused: bool
    crontab: Literal["installed", "renewed", "unchanged"]
    backup: str | None
    scheduler: Scheduler


class SchedulerStopped(TypedDict):
    """Until when everything is paused; null until somebody resumes."""

    paused: bool
    paused_until: str | None


class JobStopped(TypedDict):
    """The run that was ended; null where none was running."""

    job: str
    run_id: int | None
    status: str | None


class JobPaused(TypedDict):
    """Until when a job is paused; null until somebody resumes it."""

    job: str
    paused_until: str | None


class JobResumed(TypedDict):
    """Whether there was a pause to end."""

    job: str
    was_paused: bool
