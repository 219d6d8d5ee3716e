"""What is sent to the API, as types: they validate it, and describe it in `/openapi.json`."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

Text = Annotated[str, Meta(max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Names = Annotated[list[Name], Meta(max_length=1000)]
Parameters = dict[str, Any]
Seconds = Annotated[float, Meta(ge=0, le=3_155_760_000)]
Span = Annotated[str, Meta(max_length=64)] | Seconds
"""A duration as the configuration has it: `26h`, or seconds."""
Count = Annotated[int, Meta(ge=0, le=100)]


class Pause(Struct):
    """For how long (`2h`); without it until somebody resumes."""

    for_: Text | None = field(default=None, name="for")


class Presets(Struct):
    """The ready-made jobs to add; without names all that are missing."""

    names: Names | None = None


class Run(Struct):
    """How to fire a job."""

    params: Parameters = {}
    resume: bool = False
    from_: Name | None = field(default=None, name="from")
    only: Name | Names | None = None
    force: bool = False


class JobKeys(Struct):
    """What a job may be given; the keys are those of the configuration, or the longer words for them."""

    preset: Name | UnsetType | None = UNSET
    function_name: Name | UnsetType | None = UNSET
    function: Name | UnsetType | None = UNSET
    job_type: Text | UnsetType | None = UNSET
    kind: Text | UnsetType | None = UNSET
    description: Text | UnsetType | None = UNSET
    cron_expression: Text | UnsetType | None = UNSET
    schedule: Text | UnsetType | None = UNSET
    every: Span | UnsetType | None = UNSET
    daily: Text | UnsetType | None = UNSET
    at: Text | UnsetType | None = UNSET
    after: Name | Names | UnsetType | None = UNSET
    after_any: bool | UnsetType | None = UNSET
    parameters: Parameters | UnsetType | None = UNSET
    params: Parameters | UnsetType | None = UNSET
    max_retries: Count | UnsetType | None = UNSET
    retries: Count | UnsetType | None = UNSET
    retry_delay: Span | UnsetType | None = UNSET
    timeout_seconds: Seconds | UnsetType | None = UNSET
    timeout: Span | UnsetType | None = UNSET
    stale_after: Span | UnsetType | None = UNSET
    min_gap: Span | UnsetType | None = UNSET
    gap_factor: Seconds | UnsetType | None = UNSET
    active_hours: Text | UnsetType | None = UNSET
    pool: Name | UnsetType | None = UNSET
    is_active: bool | UnsetType | None = UNSET
    enabled: bool | UnsetType | None = UNSET
    # What starts programs, or says who is told of what: refused unless the configuration allows it.
    run: Any = UNSET
    argv: Any = UNSET
    steps: Any = UNSET
    groups: Any = UNSET
    env: Any = UNSET
    env_file: Any = UNSET
    path: Any = UNSET
    cwd: Any = UNSET
    user: Any = UNSET
    python: Any = UNSET
    secrets: Any = UNSET
    notify: Any = UNSET
    on_alert: Any = UNSET
    ping_url: Any = UNSET


class NewJob(JobKeys, kw_only=True):
    """A job to add."""

    name: Name


class JobChanges(JobKeys):
    """What to change of a job; null takes a key out, what is not named stays."""


class At(Struct):
    """As of which time (ISO 8601); without it now."""

    at: Text | None = None


class Limit(Struct):
    """How many runs."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 10


class Horizon(Struct):
    """How far to look."""

    for_: Text = field(default="24h", name="for")


class Days(Struct):
    """Of how many days."""

    days: Annotated[float, Meta(gt=0, le=36524)] = 90.0


class Report(Struct):
    """Which part of the history; of the runs and skips at most `limit`, the newest, are listed."""

    job: Name | None = None
    days: Annotated[float, Meta(gt=0, le=36524)] | None = None
    since: Text | None = None
    until: Text | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class Events(Struct):
    """Whose events and since when, where they are not followed but listed."""

    job: Name | None = None
    since: Text = "24h"


class Log(Struct):
    """Which bytes of which attempt; a negative offset counts from the end. Without an attempt it is the last one."""

    offset: Annotated[int, Meta(ge=-(2**53), le=2**53)] = 0
    limit: Annotated[int, Meta(ge=0, le=1 << 20)] = 1 << 16
    attempt: Annotated[int, Meta(ge=1, le=100_000)] | None = None


class Simulate(Struct):
    """What to preview, as the options of `simulate`."""

    duration: Text | None = None
    every: Text | None = None
    cron: Text | None = None
    start: Text | None = None
    for_: Text = field(default="7d", name="for")
    timezone: Text | None = None
    min_gap: Text | None = None
    gap_factor: Annotated[float, Meta(ge=0, le=1000)] | None = None
    timeout: Text | None = None
    stale_after: Text | None = None
    fail_at: Text | None = None
    from_history: Name | None = None
    group: Name | Names | None = None
    parallel: Name | Names | None = None
    split: Text | None = None
    seed: int = 0


COMMANDS = (
    *("run", "argv", "steps", "groups", "env", "env_file", "path", "cwd", "user", "python", "secrets"),
    *("notify", "on_alert", "ping_url"),
)
"""Keys of a job that cannot be set through the API unless `[web] allow_commands` says so."""
WORDS = {
    "function_name": "function",
    "job_type": "kind",
    "cron_expression": "schedule",
    "parameters": "params",
    "max_retries": "retries",
    "timeout_seconds": "timeout",
    "is_active": "enabled",
}
"""Longer words for keys of the configuration."""
