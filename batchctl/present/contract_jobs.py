"""The JSON of the configuration, its jobs and the crontab; see `present.contract`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Group(TypedDict):
    parallel: bool
    max_parallel: NotRequired[int]


class StepKeys(TypedDict, total=False):
    """A step as the configuration would write it; what has no value, or its default, is left out."""

    id: str
    group: str
    run: str
    argv: list[str]
    argv_bytes: bool
    function: str
    python: str
    params: dict[str, Any]
    env: dict[str, str]
    env_file: str
    cwd: str
    path: list[str]
    timeout: float
    grace: float
    retries: int
    retry_delay: float
    retry_backoff: float
    retry_max_delay: float
    continue_on_failure: bool
    when: Literal["on_failure", "always"]
    log_max: int
    memory_max: int
    cpu_max: float
    tasks_max: int
    nice: int
    io_class: Literal["idle", "best-effort", "realtime"]
    user: str


class JobKeys(TypedDict, total=False):
    """A job as the configuration would write it; what has no value is left out, secrets are masked."""

    title: str
    description: str
    kind: str
    schedule: str
    every: float
    daily: str
    at: str
    after: list[str]
    after_any: bool
    jitter: float
    enabled: bool
    active_hours: str
    timeout: float
    stale_after: float
    on_stale: Literal["takeover", "alert"]
    min_gap: float
    gap_factor: float
    gap_after: Literal["any", "success"]
    pool: str
    start_if: dict[str, float]
    """Sizes are bytes."""
    grace: float
    log_max: int
    memory_max: int
    cpu_max: float
    tasks_max: int
    nice: int
    io_class: Literal["idle", "best-effort", "realtime"]
    user: str
    env_file: str
    cwd: str
    path: list[str]
    secrets: list[str]
    params: dict[str, Any]
    env: dict[str, str]
    groups: dict[str, Group]
    steps: list[StepKeys]


class BrokenModule(TypedDict):
    """What is wrong with a module, or with a function of it, that is to be a job."""

    text: str
    remedy: str


class Config(TypedDict):
    """`config [JOB] --json`; `origins` says of each dotted key where its value comes from."""

    path: str | None
    files: list[str]
    timezone: str | None
    state_dir: str
    pools: dict[str, int]
    functions: dict[str, str]
    broken: list[BrokenModule]
    """What keeps decorated functions from being jobs."""
    jobs: dict[str, JobKeys]
    origins: dict[str, str]


class JobSummary(TypedDict):
    """What a list says of a job."""

    title: str | None
    description: str
    schedule: str | None
    steps: list[str]


class Preset(JobSummary):
    preset: str


class Presets(TypedDict):
    """`jobs presets --json`."""

    presets: list[Preset]


class ListedJob(JobSummary):
    """A job in `jobs list`; `done` is null for a job that is not to start once."""

    job: str
    kind: str | None
    enabled: bool
    done: bool | None
    origin: str


class JobList(TypedDict):
    """`jobs list --json`."""

    jobs: list[ListedJob]


class _Shown(TypedDict):
    job: str
    origin: str
    timezone: str | None


class ShownJob(JobKeys, _Shown):
    """`jobs show JOB --json`."""


class Changed(TypedDict):
    """`jobs presets --install --json`: what was written; `skipped` are names that were taken already."""

    jobs: list[str]
    files: list[str]
    created: str | None
    skipped: list[str]


class Proposal(TypedDict):
    """A job for a line of a crontab; not `complete`: it would do less than its line did."""

    line: int
    text: str
    job: str
    schedule: str
    toml: str
    notes: list[str]
    complete: bool


class LeftOut(TypedDict):
    line: int
    text: str
    reason: str


class Imported(TypedDict):
    """`jobs import --json`; `pools` is what [pools] of the main file must say for the jobs, and did not say yet."""

    jobs: list[Proposal]
    left_out: list[LeftOut]
    notes: list[str]
    pools: dict[str, int]
    written: list[str]


class CrontabJob(TypedDict):
    job: str
    lines: list[str]
    note: str | None


class Crontab(TypedDict):
    """`crontab show --json`."""

    block: str
    jobs: list[CrontabJob]
    care: list[str]
