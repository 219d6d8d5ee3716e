"""The results of the Python API: what the commands print as JSON, as frozen values.

Attributes are the keys of the JSON, nested alike; instants are aware datetimes, durations float seconds, lists tuples.
Fields may be added, and are never renamed. Made by tools/results.py from the JSON's contract.
"""

# ruff: noqa: D101 - one class for each object of the JSON, described there
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from batchctl.base.record import Record


class Group(Record):
    parallel: bool
    max_parallel: int | None = None


class StepKeys(Record):
    """A step as the configuration would write it; what has no value, or its default, is left out."""

    id: str | None = None
    group: str | None = None
    run: str | None = None
    argv: tuple[str, ...] | None = None
    argv_bytes: bool | None = None
    function: str | None = None
    python: str | None = None
    params: Mapping[str, Any] | None = None
    env: Mapping[str, str] | None = None
    env_file: str | None = None
    cwd: str | None = None
    path: tuple[str, ...] | None = None
    timeout: float | None = None
    grace: float | None = None
    retries: int | None = None
    retry_delay: float | None = None
    retry_backoff: float | None = None
    retry_max_delay: float | None = None
    continue_on_failure: bool | None = None
    when: Literal["on_failure", "always"] | None = None
    log_max: int | None = None
    memory_max: int | None = None
    cpu_max: float | None = None
    tasks_max: int | None = None
    nice: int | None = None
    io_class: Literal["idle", "best-effort", "realtime"] | None = None
    user: str | None = None


class JobKeys(Record):
    """A job as the configuration would write it; what has no value is left out, secrets are masked."""

    title: str | None = None
    description: str | None = None
    kind: str | None = None
    schedule: str | None = None
    every: float | None = None
    daily: str | None = None
    at: str | None = None
    after: tuple[str, ...] | None = None
    after_any: bool | None = None
    jitter: float | None = None
    enabled: bool | None = None
    active_hours: str | None = None
    timeout: float | None = None
    stale_after: float | None = None
    on_stale: Literal["takeover", "alert"] | None = None
    min_gap: float | None = None
    gap_factor: float | None = None
    gap_after: Literal["any", "success"] | None = None
    pool: str | None = None
    start_if: Mapping[str, float] | None = None
    grace: float | None = None
    log_max: int | None = None
    memory_max: int | None = None
    cpu_max: float | None = None
    tasks_max: int | None = None
    nice: int | None = None
    io_class: Literal["idle", "best-effort", "realtime"] | None = None
    user: str | None = None
    env_file: str | None = None
    cwd: str | None = None
    path: tuple[str, ...] | None = None
    secrets: tuple[str, ...] | None = None
    params: Mapping[str, Any] | None = None
    env: Mapping[str, str] | None = None
    groups: Mapping[str, Group] | None = None
    steps: tuple[StepKeys, ...] | None = None


class BrokenModule(Record):
    """What is wrong with a module, or with a function of it, that is to be a job."""

    text: str
    remedy: str


class Config(Record):
    """`config [JOB] --json`; `origins` says of each dotted key where its value comes from."""

    path: str | None
    files: tuple[str, ...]
    timezone: str | None
    state_dir: str
    pools: Mapping[str, int]
    functions: Mapping[str, str]
    broken: tuple[BrokenModule, ...]
    jobs: Mapping[str, JobKeys]
    origins: Mapping[str, str]


class JobSummary(Record):
    """What a list says of a job."""

    title: str | None
    description: str
    schedule: str | None
    steps: tuple[str, ...]


class Preset(Record):
    title: str | None
    description: str
    schedule: str | None
    steps: tuple[str, ...]
    preset: str


class Presets(Record):
    """`jobs presets --json`."""

    presets: tuple[Preset, ...]


class ListedJob(Record):
    """A job in `jobs list`; `done` is null for a job that is not to start once."""

    title: str | None
    description: str
    schedule: str | None
    steps: tuple[str, ...]
    job: str
    kind: str | None
    enabled: bool
    done: bool | None
    origin: str


class JobList(Record):
    """`jobs list --json`."""

    jobs: tuple[ListedJob, ...]


class ShownJob(Record):
    """`jobs show JOB --json`."""

    job: str
    origin: str
    timezone: str | None
    title: str | None = None
    description: str | None = None
    kind: str | None = None
    schedule: str | None = None
    every: float | None = None
    daily: str | None = None
    at: str | None = None
    after: tuple[str, ...] | None = None
    after_any: bool | None = None
    jitter: float | None = None
    enabled: bool | None = None
    active_hours: str | None = None
    timeout: float | None = None
    stale_after: float | None = None
    on_stale: Literal["takeover", "alert"] | None = None
    min_gap: float | None = None
    gap_factor: float | None = None
    gap_after: Literal["any", "success"] | None = None
    pool: str | None = None
    start_if: Mapping[str, float] | None = None
    grace: float | None = None
    log_max: int | None = None
    memory_max: int | None = None
    cpu_max: float | None = None
    tasks_max: int | None = None
    nice: int | None = None
    io_class: Literal["idle", "best-effort", "realtime"] | None = None
    user: str | None = None
    env_file: str | None = None
    cwd: str | None = None
    path: tuple[str, ...] | None = None
    secrets: tuple[str, ...] | None = None
    params: Mapping[str, Any] | None = None
    env: Mapping[str, str] | None = None
    groups: Mapping[str, Group] | None = None
    steps: tuple[StepKeys, ...] | None = None


class Changed(Record):
    """`jobs presets --install --json`: what was written; `skipped` are names that were taken already."""

    jobs: tuple[str, ...]
    files: tuple[str, ...]
    created: str | None
    skipped: tuple[str, ...]


class Proposal(Record):
    """A job for a line of a crontab; not `complete`: it would do less than its line did."""

    line: int
    text: str
    job: str
    schedule: str
    toml: str
    notes: tuple[str, ...]
    complete: bool


class LeftOut(Record):
    line: int
    text: str
    reason: str


class Imported(Record):
    """`jobs import --json`; `pools` is what [pools] of the main file must say for the jobs, and did not say yet."""

    jobs: tuple[Proposal, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    pools: Mapping[str, int]
    written: tuple[str, ...]


class CrontabJob(Record):
    job: str
    lines: tuple[str, ...]
    note: str | None


class Crontab(Record):
    """`crontab show --json`."""

    block: str
    jobs: tuple[CrontabJob, ...]
    care: tuple[str, ...]
