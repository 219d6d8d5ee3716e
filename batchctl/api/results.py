"""The results of the Python API: what the commands print as JSON, as frozen values.

Attributes are the keys of the JSON, nested alike; instants are aware datetimes, durations float seconds, lists tuples.
Fields may be added, and are never renamed. Made by tools/results.py from the JSON's contract.
"""

# ruff: noqa: D101, E501 - one class for each object of the JSON, described there
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from batchctl.base.record import Record


class RunStep(Record):
    """A step of a run; `cpu_s` and `max_rss_bytes` are of all its attempts together: the sum, and the most of any."""

    id: str
    group: str | None
    status: str
    exit_code: int | None
    signal: int | None
    attempts: int
    duration_s: float | None
    cpu_s: float | None
    max_rss_bytes: int | None
    why: str | None
    result: Mapping[str, Any] | None


class Run(Record):
    """`run JOB --json`; for a skip the keys after `until` are null, and there are no steps."""

    job: str
    verdict: Literal["started", "skipped"]
    reason: str | None
    detail: str | None
    until: datetime | None
    run_id: int | None
    status: str | None
    exit_code: int | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None
    steps: tuple[RunStep, ...]


class PlannedStep(Record):
    """A step as `run --dry-run` plans it; `attempts` are those of the run that it continues."""

    id: str
    group: str | None
    status: str
    why: str | None
    attempts: int
    when: Literal["on_success", "on_failure", "always"]
    command: str


class DryRun(Record):
    """`run JOB --dry-run --json`."""

    job: str
    verdict: Literal["start", "skip"]
    reason: str | None
    detail: str | None
    until: datetime | None
    resumes: int | None
    steps: tuple[PlannedStep, ...]


class Progress(Record):
    done: float
    total: float


class CurrentRun(Record):
    """The run that is running; four of five like it end within `expected_end_between`."""

    id: int
    step: str | None
    steps_done: int
    steps_total: int
    started_at: datetime
    elapsed_s: float
    expected_end_at: datetime | None
    expected_end_between: tuple[datetime, ...] | None
    progress: Progress | None
    note: str | None


class LastRun(Record):
    id: int
    status: str
    started_at: datetime
    ended_at: datetime | None
    duration_s: float | None


class NextFire(Record):
    at: datetime
    verdict: Literal["start", "skip"]
    reason: str | None


class Cron(Record):
    """What cron does: whether it runs, and how the block of this configuration stands in the crontab."""

    cron: Literal["running", "stopped", "unknown"]
    block: Literal["installed", "absent", "outdated", "unknown"]


class Scheduler(Record):
    """The same, and whether everything is paused; `paused_until` is null also where somebody has to end that."""

    cron: Literal["running", "stopped", "unknown"]
    block: Literal["installed", "absent", "outdated", "unknown"]
    paused: bool
    paused_until: datetime | None


class JobStatus(Record):
    """A job in `status`; `success_rate` is that of the last 30 days, counts are of all that the history has. `in_crontab` is null where it cannot be known; `next_fires` is what would be decided if it were fired."""

    job: str
    title: str | None
    state: Literal["idle", "running", "paused", "disabled"]
    run: CurrentRun | None
    last_run: LastRun | None
    next_fires: tuple[NextFire, ...]
    skips_since_last_start: int
    success_rate: float | None
    consecutive_failures: int
    in_crontab: bool | None
    run_count: int
    error_count: int
    last_run_at: datetime | None
    next_run_at: datetime | None


class Status(Record):
    """`status [JOB] --json`."""

    scheduler: Scheduler
    jobs: tuple[JobStatus, ...]


class Check(Record):
    name: str
    passed: bool
    detail: str
    until: datetime | None


class Explain(Record):
    """`explain JOB --json`; `assumption` is what had to be assumed of another instant than now."""

    job: str
    at: datetime
    verdict: Literal["start", "skip"]
    reason: str | None
    checks: tuple[Check, ...]
    next_start_at: datetime | None
    assumption: str | None


class UpcomingFire(Record):
    """A coming fire; `overlaps` are the other jobs whose runs run at the same time."""

    at: datetime
    job: str
    verdict: Literal["start", "skip"]
    reason: str | None
    ends_at: datetime | None
    overlaps: tuple[str, ...]


class Upcoming(Record):
    from_: datetime
    to: datetime
    fires: tuple[UpcomingFire, ...]


class Event(Record):
    """`events --json`, an object a line; `status` is how a step or run ended, `reason` why a fire was skipped. The same event has the same `id` whenever it is asked for, and ids sort by time; `level` is info, warning or error."""

    id: str
    at: datetime
    level: str
    event: str
    job: str | None
    run_id: int | None
    step: str | None
    attempt: int | None
    host: str | None
    text: str
    status: str | None
    reason: str | None
    detail: str | None


class SkipShare(Record):
    """The share of fires that are skipped, over many rounds of durations drawn from the history."""

    mean: float
    p5: float
    p95: float
    rounds: int


class GroupSummary(Record):
    fires: int
    starts: int
    skips: int
    skips_by_reason: Mapping[str, int]
    effective_interval_s: float | None
    busy_ratio: float


class Summary(Record):
    """The same of all groups together; `skip_share` with `--from-history`, `groups` with `--split`."""

    fires: int
    starts: int
    skips: int
    skips_by_reason: Mapping[str, int]
    effective_interval_s: float | None
    busy_ratio: float
    skip_share: SkipShare | None = None
    groups: Mapping[str, GroupSummary] | None = None


class SimulatedFire(Record):
    """A fire of a preview; `group` with `--split`."""

    at: datetime
    verdict: Literal["start", "skip"]
    reason: str | None
    ends_at: datetime | None
    status: str | None
    group: str | None = None


class Advice(Record):
    code: str
    text: str


class Simulate(Record):
    job: str | None
    from_: datetime
    to: datetime
    fires: tuple[SimulatedFire, ...]
    summary: Summary
    advice: tuple[Advice, ...]


class Warned(Record):
    """Something that was noticed in a run and did not end it; `step` is null for the run as a whole."""

    step: str | None
    kind: str
    text: str


class ReportRun(Record):
    """A run in `report`, the newest first."""

    id: int
    job: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    duration_s: float | None
    exit_code: int | None
    why: str | None
    resumed_from: int | None
    steps: tuple[RunStep, ...]
    warnings: tuple[Warned, ...]


class Skip(Record):
    job: str
    reason: str
    count: int
    first_at: datetime
    last_at: datetime
    run_id: int | None


class Stats(Record):
    """What the runs of a job amount to; durations are those of the successful ones."""

    runs: int
    succeeded: int
    failed: int
    success_rate: float | None
    avg_s: float | None
    p50_s: float | None
    p95_s: float | None
    max_s: float | None
    skips: int
    effective_interval_s: float | None


class StepStats(Record):
    """The same of one step, every execution for itself; `cpu_avg_s` of the successful ones, `max_rss_bytes` of all."""

    id: str
    group: str | None
    runs: int
    succeeded: int
    failed: int
    success_rate: float | None
    avg_s: float | None
    p50_s: float | None
    p95_s: float | None
    max_s: float | None
    cpu_avg_s: float | None
    max_rss_bytes: int | None


class Trend(Record):
    """How the newest durations differ from those before; 0.12 is 12 % longer."""

    direction: str
    change: float
    text: str


class Detail(Record):
    """What else there is to know of a job."""

    skips_by_reason: Mapping[str, int]
    scheduled_interval_s: float | None
    longest_success_streak: int
    longest_failure_streak: int
    resumed: int
    trend: Trend | None
    steps: tuple[StepStats, ...]


class JobStats(Record):
    runs: int
    succeeded: int
    failed: int
    success_rate: float | None
    avg_s: float | None
    p50_s: float | None
    p95_s: float | None
    max_s: float | None
    skips: int
    effective_interval_s: float | None
    skips_by_reason: Mapping[str, int]
    scheduled_interval_s: float | None
    longest_success_streak: int
    longest_failure_streak: int
    resumed: int
    trend: Trend | None
    steps: tuple[StepStats, ...]


class Period(Record):
    period: str
    from_: datetime
    to: datetime
    stats: Mapping[str, Stats]


class Report(Record):
    from_: datetime
    to: datetime
    runs: tuple[ReportRun, ...]
    skips: tuple[Skip, ...]
    stats: Mapping[str, JobStats]
    periods: tuple[Period, ...] | None = None
