"""The JSON that scripts read, key by key: renderers return these types, and a test holds what is printed against them.

Instants (`at`, `from`, `to`, `since`, `until`, `..._at`) are ISO 8601 with offset, `..._s` seconds, `..._bytes` bytes,
shares 0 to 1; null where there is nothing to tell. Keys may be added, and are never renamed or removed.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Verdict = Literal["start", "skip"]
State = Literal["idle", "running", "paused", "disabled"]


class RunStep(TypedDict):
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
    result: dict[str, Any] | None


class Run(TypedDict):
    """`run JOB --json`; for a skip the keys after `until` are null, and there are no steps."""

    job: str
    verdict: Literal["started", "skipped"]
    reason: str | None
    detail: str | None
    until: str | None
    run_id: int | None
    status: str | None
    exit_code: int | None
    started_at: str | None
    ended_at: str | None
    duration_s: float | None
    steps: list[RunStep]


class PlannedStep(TypedDict):
    """A step as `run --dry-run` plans it; `attempts` are those of the run that it continues."""

    id: str
    group: str | None
    status: str
    why: str | None
    attempts: int
    when: Literal["on_success", "on_failure", "always"]
    command: str


class DryRun(TypedDict):
    """`run JOB --dry-run --json`."""

    job: str
    verdict: Verdict
    reason: str | None
    detail: str | None
    until: str | None
    resumes: int | None
    steps: list[PlannedStep]


class Progress(TypedDict):
    done: float
    total: float


class CurrentRun(TypedDict):
    """The run that is running; four of five like it end within `expected_end_between`."""

    id: int
    step: str | None
    steps_done: int
    steps_total: int
    started_at: str
    elapsed_s: float
    expected_end_at: str | None
    expected_end_between: list[str] | None
    progress: Progress | None
    note: str | None


class LastRun(TypedDict):
    id: int
    status: str
    started_at: str
    ended_at: str | None
    duration_s: float | None


class NextFire(TypedDict):
    at: str
    verdict: Verdict
    reason: str | None


class Cron(TypedDict):
    """What cron does: whether it runs, and how the block of this configuration stands in the crontab."""

    cron: Literal["running", "stopped", "unknown"]
    block: Literal["installed", "absent", "outdated", "unknown"]


class Scheduler(Cron):
    """The same, and whether everything is paused; `paused_until` is null also where somebody has to end that."""

    paused: bool
    paused_until: str | None


class JobStatus(TypedDict):
    """A job in `status`; `success_rate` is that of the last 30 days, counts are of all that the history has.

    `in_crontab` is null where it cannot be known; `next_fires` is what would be decided if it were fired.
    """

    job: str
    title: str | None
    """What people read beside the name."""
    state: State
    run: CurrentRun | None
    last_run: LastRun | None
    next_fires: list[NextFire]
    skips_since_last_start: int
    success_rate: float | None
    consecutive_failures: int
    in_crontab: bool | None
    run_count: int
    error_count: int
    last_run_at: str | None
    next_run_at: str | None


class Status(TypedDict):
    """`status [JOB] --json`."""

    scheduler: Scheduler
    jobs: list[JobStatus]


class Check(TypedDict):
    name: str
    passed: bool
    detail: str
    until: str | None


class Explain(TypedDict):
    """`explain JOB --json`; `assumption` is what had to be assumed of another instant than now."""

    job: str
    at: str
    verdict: Verdict
    reason: str | None
    checks: list[Check]
    next_start_at: str | None
    assumption: str | None


class UpcomingFire(TypedDict):
    """A coming fire; `overlaps` are the other jobs whose runs run at the same time."""

    at: str
    job: str
    verdict: Verdict
    reason: str | None
    ends_at: str | None
    overlaps: list[str]


Upcoming = TypedDict("Upcoming", {"from": str, "to": str, "fires": list[UpcomingFire]})
"""`upcoming --json`."""


class Event(TypedDict):
    """`events --json`, an object a line; `status` is how a step or run ended, `reason` why a fire was skipped.

    The same event has the same `id` whenever it is asked for, and ids sort by time; `level` is info, warning or error.
    """

    id: str
    at: str
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


class SkipShare(TypedDict):
    """The share of fires that are skipped, over many rounds of durations drawn from the history."""

    mean: float
    p5: float
    p95: float
    rounds: int


class GroupSummary(TypedDict):
    fires: int
    starts: int
    skips: int
    skips_by_reason: dict[str, int]
    effective_interval_s: float | None
    busy_ratio: float


class Summary(GroupSummary):
    """The same of all groups together; `skip_share` with `--from-history`, `groups` with `--split`."""

    skip_share: NotRequired[SkipShare]
    groups: NotRequired[dict[str, GroupSummary]]


class SimulatedFire(TypedDict):
    """A fire of a preview; `group` with `--split`."""

    at: str
    verdict: Verdict
    reason: str | None
    ends_at: str | None
    status: str | None
    group: NotRequired[str]


class Advice(TypedDict):
    code: str
    text: str


# With a keyword for a key, a TypedDict can only be written so.
Simulate = TypedDict(
    "Simulate",
    {
        "job": str | None,
        "from": str,
        "to": str,
        "fires": list[SimulatedFire],
        "summary": Summary,
        "advice": list[Advice],
    },
)
"""`simulate --json`."""


class Warned(TypedDict):
    """Something that was noticed in a run and did not end it; `step` is null for the run as a whole."""

    step: str | None
    kind: str
    text: str


class ReportRun(TypedDict):
    """A run in `report`, the newest first."""

    id: int
    job: str
    status: str
    started_at: str
    ended_at: str | None
    duration_s: float | None
    exit_code: int | None
    why: str | None
    resumed_from: int | None
    steps: list[RunStep]
    warnings: list[Warned]


class Skip(TypedDict):
    job: str
    reason: str
    count: int
    first_at: str
    last_at: str
    run_id: int | None


class Stats(TypedDict):
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


class StepStats(TypedDict):
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


class Trend(TypedDict):
    """How the newest durations differ from those before; 0.12 is 12 % longer."""

    direction: str
    change: float
    text: str


class Detail(TypedDict):
    """What else there is to know of a job."""

    skips_by_reason: dict[str, int]
    scheduled_interval_s: float | None
    longest_success_streak: int
    longest_failure_streak: int
    resumed: int
    trend: Trend | None
    steps: list[StepStats]


class JobStats(Stats, Detail):
    pass


Period = TypedDict("Period", {"period": str, "from": str, "to": str, "stats": dict[str, Stats]})
"""A week or month of a report."""


Report = TypedDict(
    "Report",
    {
        "from": str,
        "to": str,
        "runs": list[ReportRun],
        "skips": list[Skip],
        "stats": dict[str, JobStats],
        "periods": NotRequired[list[Period]],
    },
)
"""`report --json`; `periods` with `--weekly` or `--monthly`."""
