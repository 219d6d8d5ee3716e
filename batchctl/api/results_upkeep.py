"""The results of the Python API: what the commands print as JSON, as frozen values.

Attributes are the keys of the JSON, nested alike; instants are aware datetimes, durations float seconds, lists tuples.
Fields may be added, and are never renamed. Made by tools/results.py from the JSON's contract.
"""

# ruff: noqa: D101 - one class for each object of the JSON, described there
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from batchctl.api.results import Cron, SkipShare
from batchctl.base.record import Record


class EndedRun(Record):
    id: int
    status: str
    started_at: datetime
    ended_at: datetime
    duration_s: float | None
    why: str | None


class Success(Record):
    """The last success, with the results of its steps."""

    id: int
    status: str
    started_at: datetime
    ended_at: datetime
    duration_s: float | None
    why: str | None
    results: Mapping[str, Mapping[str, Any] | None]


class Missed(Record):
    """Fires in a row that should have started the job and left no trace."""

    first: datetime
    last: datetime
    count: int


class JobHealth(Record):
    job: str
    state: Literal["idle", "running", "paused", "disabled"]
    last_run: EndedRun | None
    last_success: Success | None
    last_success_at: datetime | None
    recent_failures: tuple[EndedRun, ...]
    consecutive_failures: int
    running_since: datetime | None
    run_id: int | None
    expected_end_at: datetime | None
    next_fire: datetime | None
    skips_since_last_start: int
    missed: tuple[Missed, ...]
    schedule: str
    watched_since: datetime
    first_watch: bool
    in_crontab: bool | None


class Remark(Record):
    """One thing that `doctor` looked at; `job` is null where it is about the machine."""

    level: Literal["ok", "warning", "error"]
    job: str | None
    subject: str
    text: str
    remedy: str | None


class Doctor(Record):
    """`doctor --json`."""

    findings: tuple[Remark, ...]


class Finding(Record):
    """One thing that is wrong, or worth knowing; `job` is null where it is about no single one."""

    kind: str
    severity: Literal["info", "warning", "critical"]
    job: str | None
    text: str
    since: datetime | None
    event_id: str
    run_id: int | None


class Disk(Record):
    total_bytes: int
    free_bytes: int
    inodes_free: int | None


class Load(Record):
    over_1m: float
    over_5m: float
    over_15m: float
    cores: int


class Memory(Record):
    total_bytes: int | None
    available_bytes: int | None


class Machine(Record):
    disk: Disk
    load: Load
    memory: Memory


class Health(Record):
    """`check --format json`; health.json holds the same."""

    disk: Disk
    load: Load
    memory: Memory
    timestamp: datetime
    system_status: Literal["healthy", "degraded", "unhealthy"]
    scheduler: Cron
    scheduler_running: bool | None
    pending_jobs: int
    jobs: tuple[JobHealth, ...]
    findings: tuple[Finding, ...]


class Untrusted(Record):
    """health.json while the state cannot be trusted."""

    timestamp: datetime
    system_status: Literal["unhealthy"]
    jobs: tuple[JobHealth, ...]
    findings: tuple[Finding, ...]
    error: str


class Alert(Record):
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
    created_at: datetime
    sent_at: datetime | None
    next_try_at: datetime | None
    tries: int
    last_error: str | None
    acked_at: datetime | None
    over_at: datetime | None
    for_event: str | None


class Alerts(Record):
    """`alerts list --json`."""

    alerts: tuple[Alert, ...]


class Channel(Record):
    channel: str
    ok: bool
    detail: str | None


class AlertTest(Record):
    """`alerts test JOB --json`."""

    job: str
    ok: bool
    channels: tuple[Channel, ...]


class Acked(Record):
    """`alerts ack --json`: the ids of those that were not acknowledged before."""

    acked: tuple[int, ...]


class PrunedJob(Record):
    job: str
    runs: int
    skips: int
    bytes: int


class Orphans(Record):
    """Directories of runs that the history does not know."""

    runs: int
    bytes: int


class Database(Record):
    bytes_before: int
    bytes_after: int
    bytes_free: int


class Pruned(Record):
    """`prune --json`: what went, or with `--dry-run` would go; `alerts` is null then."""

    dry_run: bool
    jobs: tuple[PrunedJob, ...]
    orphans: Orphans
    alerts: int | None
    database: Database
    not_removed: tuple[str, ...]


class Numbers(Record):
    n: int
    p50_s: float
    p95_s: float
    max_s: float


class StepNumbers(Record):
    n: int
    p50_s: float
    p95_s: float
    max_s: float
    id: str


class Paste(Record):
    """Lines for the configuration: below which header (null: they bring their own), instead of which keys."""

    table: str | None
    replaces: tuple[str, ...]
    toml: str
    numbers: Numbers | None


class Advised(Record):
    """A piece of advice with the share of skipped fires without and with it."""

    code: str
    text: str
    numbers: Numbers | None
    skip_share_before: SkipShare | None
    skip_share_after: SkipShare | None
    paste: tuple[Paste, ...]


class JobAdvice(Record):
    job: str
    enough_history: bool
    runs: Numbers | None
    timed_out: int
    steps: tuple[StepNumbers, ...]
    skip_share: SkipShare | None
    advice: tuple[Advised, ...]


class Advise(Record):
    """`advise [JOB] --json`: what the last so many days advise."""

    days: float
    jobs: tuple[JobAdvice, ...]


class Backup(Record):
    """`backup FILE|DIR [--verify] --json`; `removed` are the older backups that `--keep` let go."""

    path: str
    at: datetime
    host: str
    version: str
    runs: int
    newest_run: int | None
    bytes: int
    files: tuple[str, ...]
    removed: tuple[str, ...]
