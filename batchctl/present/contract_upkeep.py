"""The JSON of health, alerts, retention and advice; see `present.contract`."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from batchctl.present.contract import Cron, SkipShare, State


class EndedRun(TypedDict):
    id: int
    status: str
    started_at: str
    ended_at: str
    duration_s: float | None
    why: str | None


class Success(EndedRun):
    """The last success, with the results of its steps."""

    results: dict[str, dict[str, Any] | None]


class Missed(TypedDict):
    """Fires in a row that should have started the job and left no trace."""

    first: str
    last: str
    count: int


class JobHealth(TypedDict):
    job: str
    state: State
    last_run: EndedRun | None
    last_success: Success | None
    last_success_at: str | None
    recent_failures: list[EndedRun]
    consecutive_failures: int
    running_since: str | None
    run_id: int | None
    expected_end_at: str | None
    next_fire: str | None
    skips_since_last_start: int
    missed: list[Missed]
    schedule: str
    watched_since: str
    first_watch: bool
    in_crontab: bool | None


class Remark(TypedDict):
    """One thing that `doctor` looked at; `job` is null where it is about the machine."""

    level: Literal["ok", "warning", "error"]
    job: str | None
    subject: str
    text: str
    remedy: str | None


class Doctor(TypedDict):
    """`doctor --json`."""

    findings: list[Remark]


class Finding(TypedDict):
    """One thing that is wrong, or worth knowing; `job` is null where it is about no single one."""

    kind: str
    severity: Literal["info", "warning", "critical"]
    job: str | None
    text: str
    since: str | None
    event_id: str
    run_id: int | None


class Disk(TypedDict):
    total_bytes: int
    free_bytes: int
    inodes_free: int | None


Load = TypedDict("Load", {"1m": float, "5m": float, "15m": float, "cores": int})
"""The load of the machine."""


class Memory(TypedDict):
    total_bytes: int | None
    available_bytes: int | None


class Machine(TypedDict):
    disk: Disk
    load: Load
    memory: Memory


class Health(Machine):
    """`check --format json`; health.json holds the same."""

    timestamp: str
    system_status: Literal["healthy", "degraded", "unhealthy"]
    scheduler: Cron
    scheduler_running: bool | None
    """Whether cron runs; null where that cannot be known."""
    pending_jobs: int
    """Jobs that have a next fire."""
    jobs: list[JobHealth]
    findings: list[Finding]


class Untrusted(TypedDict):
    """health.json while the state cannot be trusted."""

    timestamp: str
    system_status: Literal["unhealthy"]
    jobs: list[JobHealth]
    findings: list[Finding]
    error: str


class Alert(TypedDict):
    """An alert in `alerts list`; `open` while what it tells of lasts."""

    id: int
    event_id: str
    job: str | None
    run_id: int | None
    kind: str
    severity: str
    title: str
    body: str
    state: str
    open: bool
    created_at: str
    sent_at: str | None
    next_try_at: str | None
    tries: int
    last_error: str | None
    acked_at: str | None
    over_at: str | None
    for_event: str | None


class Alerts(TypedDict):
    """`alerts list --json`."""

    alerts: list[Alert]


class Channel(TypedDict):
    channel: str
    ok: bool
    detail: str | None


class AlertTest(TypedDict):
    """`alerts test JOB --json`."""

    job: str
    ok: bool
    channels: list[Channel]


class Acked(TypedDict):
    """`alerts ack --json`: the ids of those that were not acknowledged before."""

    acked: list[int]


class PrunedJob(TypedDict):
    job: str
    runs: int
    skips: int
    bytes: int


class Orphans(TypedDict):
    """Directories of runs that the history does not know."""

    runs: int
    bytes: int


class Database(TypedDict):
    bytes_before: int
    bytes_after: int
    bytes_free: int


class Pruned(TypedDict):
    """`prune --json`: what went, or with `--dry-run` would go; `alerts` is null then."""

    dry_run: bool
    jobs: list[PrunedJob]
    orphans: Orphans
    alerts: int | None
    database: Database
    not_removed: list[str]


class Numbers(TypedDict):
    n: int
    p50_s: float
    p95_s: float
    max_s: float


class StepNumbers(Numbers):
    id: str


class Paste(TypedDict):
    """Lines for the configuration: below which header (null: they bring their own), instead of which keys."""

    table: str | None
    replaces: list[str]
    toml: str
    numbers: Numbers | None


class Advised(TypedDict):
    """A piece of advice with the share of skipped fires without and with it."""

    code: str
    text: str
    numbers: Numbers | None
    skip_share_before: SkipShare | None
    skip_share_after: SkipShare | None
    paste: list[Paste]


class JobAdvice(TypedDict):
    job: str
    enough_history: bool
    runs: Numbers | None
    timed_out: int
    steps: list[StepNumbers]
    skip_share: SkipShare | None
    advice: list[Advised]


class Advise(TypedDict):
    """`advise [JOB] --json`: what the last so many days advise."""

    days: float
    jobs: list[JobAdvice]


class Backup(TypedDict):
    """`backup FILE|DIR [--verify] --json`; `removed` are the older backups that `--keep` let go."""

    path: str
    at: str
    host: str
    version: str
    runs: int
    newest_run: int | None
    bytes: int
    files: list[str]
    removed: list[str]
