"""The words of the contract as frozen values: jobs, steps, schedules and rules.

Instants are seconds since the epoch (UTC), durations seconds. None means "not set".
"""

from __future__ import annotations

from batchctl.base.errors import EXIT_SKIPPED, ConfigError
from batchctl.base.record import Record
from batchctl.core.limits import NONE, Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from batchctl.core.time.cron import Schedule
    from batchctl.core.time.zones import Zone

    Params = Mapping[str, Any]
    GapAfter = Literal["any", "success"]
    OnStale = Literal["takeover", "alert"]
    When = Literal["on_success", "on_failure", "always"]

RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
TIMED_OUT = "timed_out"
CANCELLED = "cancelled"
LOST = "lost"
STALE = "stale"
PENDING = "pending"
SKIPPED = "skipped"
BLOCKED = "blocked"

RUN_STATUSES = (RUNNING, SUCCEEDED, FAILED, TIMED_OUT, CANCELLED, LOST, STALE)
UNFINISHED = (FAILED, TIMED_OUT, CANCELLED, LOST, STALE)
"""Terminal statuses that `--resume` continues."""
FAILURES = (FAILED, TIMED_OUT, LOST, STALE)
"""Terminal statuses that are somebody's trouble; what was cancelled is over as an operator wanted it."""

ON_SUCCESS = "on_success"
ON_FAILURE = "on_failure"
ALWAYS = "always"

IDLE = "no step before it failed"
"""Why a step was skipped that only a failure would have started: its run did the whole job all the same."""

DEFAULT_GRACE = 10.0
"""Seconds between TERM and KILL where neither step nor job says."""


class Step(Record):
    """One subprocess of a run; exactly one of `run`, `argv` and `function` is set."""

    id: str
    group: str | None = None
    run: str | None = None
    argv: tuple[str, ...] | None = None
    function: str | None = None
    python: str | None = None
    params: Params = {}  # noqa: RUF012 - records are frozen; the shared empty mapping is never written
    env: Mapping[str, str] = {}
    env_file: str | None = None
    cwd: str | None = None
    path: tuple[str, ...] = ()
    timeout: float | None = None
    grace: float | None = None
    retries: int = 0
    retry_delay: float = 0.0
    retry_backoff: float = 1.0
    retry_max_delay: float | None = None
    continue_on_failure: bool = False
    when: When = "on_success"
    """`always` and `on_failure`: also, or only, where a step before it did not succeed or the run was stopped."""
    log_max: int | None = None
    limits: Limits = NONE
    executor: str | None = None
    """What carries it out, as `module:attribute`; None is this host."""


class Group(Record):
    """How the steps of one group run."""

    name: str
    parallel: bool = False
    max_parallel: int | None = None


class Window(Record):
    """Hours of each day as wall-clock minutes, both inclusive; it crosses midnight where start > end."""

    start: int
    end: int

    def contains(self, instant: float, zone: Zone) -> bool:
        """Say whether the clock is within these hours."""
        return self._has(int((instant + zone.offset(instant)) % 86400) // 60)

    def _has(self, minute: int) -> bool:
        start, end = self.start, self.end
        return start <= minute <= end if start <= end else minute >= start or minute <= end

    def turn(self, now: float, zone: Zone) -> float:
        """Return the first full minute after `now` at which these hours begin, or where now is within them, end."""
        offset, first = zone.offset(now), now - now % 60 + 60
        minute = int((now + offset) % 86400) // 60
        inside = self._has(minute)
        turn = first + ((self.end if inside else self.start - 1) - minute) % 1440 * 60
        if zone.offset(turn) == offset and self.contains(turn, zone) is not inside:
            return turn
        # The clock is changed in between. Minute by minute is exact even where it jumps over the turn: what one day
        # skips the next one has. Hours that are the whole day never turn.
        times = (first + 60 * minute for minute in range(2 * 1440))
        return next((at for at in times if self.contains(at, zone) is not inside), first + 2 * 86400)


class StartIf(Record):
    """What the machine must have at the instant of a start: load average of one minute, bytes of memory and of disk."""

    load_below: float | None = None
    memory_above: int | None = None
    disk_above: int | None = None


class Rules(Record):
    """All that the decision needs to know of a job's configuration."""

    enabled: bool = True
    active_hours: Window | None = None
    every: float | None = None
    at: float | None = None
    min_gap: float = 0.0
    gap_factor: float | None = None
    gap_after: GapAfter = "any"
    stale_after: float | None = None
    on_stale: OnStale = "takeover"
    pool: str | None = None
    pool_limit: int | None = None
    start_if: StartIf | None = None
    zone: Zone


class Condition(Record):
    """A bound on a value that steps report: `collected = ">= 500"`."""

    key: str
    operator: str
    """One of >= <= > < == !=."""
    bound: float

    @property
    def text(self) -> str:
        """The condition as the operator wrote it, in one normal form."""
        return f"{self.key} {self.operator} {self.bound:g}"


class Expect(Record):
    """What the results of a job must be; `fail` makes the run fail where they are not."""

    conditions: tuple[Condition, ...] = ()
    fail: bool = False


class Alerting(Record):
    """Whom to tell what, and how often; durations in seconds."""

    notify: Mapping[str, tuple[str, ...]] = {}
    """Apprise URLs by condition; `default` stands for every condition that has none of its own."""
    on_alert: tuple[str, ...] = ()
    """A program that gets each alert as JSON on its stdin."""
    alert_after: int = 3
    """Consecutive failures after which they are called that."""
    flap_window: float = 3600.0
    """Seconds within which three turns between success and failure are told as one; 0 for never."""
    alert_after_skips: int | None = None
    long_after: float | None = None
    long_factor: float = 1.5
    """A run is long beyond p95 x this factor, where `long_after` does not say."""
    min_duration: float | None = None
    """A success faster than this is suspicious."""
    alert_on_output: tuple[str, ...] = ()
    """Plain texts looked for in each step's output, while it runs and at its end."""
    quiet_hours: Window | None = None
    remind_every: float | None = None
    max_alerts_per_day: int = 20
    ping_url: str | None = None
    ping_on_skip: bool = False

    @property
    def is_told(self) -> bool:
        """Whether anybody wants to be told of anything."""
        return bool(self.notify or self.on_alert)


class Retention(Record):
    """What `prune` keeps of a job."""

    keep_runs: int | None = None
    keep_days: float = 30.0
    keep_bytes: int | None = None

    def oldest_kept(self, now: float) -> float:
        """Return the instant before which a run that ended is too old."""
        return now - self.keep_days * 86400.0


class Follower(Record):
    """A job that is fired by the ends of others."""

    job: str
    after: tuple[str, ...]
    after_any: bool = False


class Job(Record):
    """One job of the effective configuration; everything inherited from its surroundings is already filled in."""

    name: str
    title: str = ""
    """What people read beside the name."""
    description: str = ""
    kind: str | None = None
    schedule: Schedule
    rules: Rules
    steps: tuple[Step, ...]
    groups: tuple[Group, ...] = ()
    params: Params = {}  # noqa: RUF012
    env: Mapping[str, str] = {}
    env_file: str | None = None
    cwd: str | None = None
    python_path: tuple[str, ...] = ()
    """Where functions are looked for besides their working directory."""
    path: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    timeout: float | None = None
    grace: float = DEFAULT_GRACE
    log_max: int | None = None
    limits: Limits = NONE
    """What every step has that does not say otherwise."""
    timezone: str | None = None
    alerting: Alerting = Alerting()
    expect: Expect = Expect()
    retention: Retention = Retention()
    sources: Mapping[str, Mapping[str, Any]] = {}
    """Settings of the catalogue's collectors, by source."""
    lang: str | None = None
    """The language of what people read; None leaves it to the locale."""
    events_file: str | None = None
    """The file that gets a line for each event; absolute."""
    events_syslog: bool = False
    catch_up: bool = False
    catch_up_window: float = 86400.0
    """Seconds after a missed fire within which `catch-up` still makes up for it."""
    followers: tuple[Follower, ...] = ()
    """The jobs that the ends of its runs fire."""
    lease: str | None = None
    """What keeps its fires apart, as `module:attribute`; None is its lock file."""
    config_path: str | None = None
    """The main configuration file, which a `batchctl` that a step calls finds in BATCHCTL_CONFIG."""
    state_home: str | None = None
    """The state directory that this file names."""
    origin: str = ""
    """The file that defines the job, or `preset NAME`, or `module NAME`."""


class Selection(Record):
    """What the command line asks for; the conditions add up."""

    resume: bool = False
    only: tuple[str, ...] = ()
    """Ids of steps or names of groups."""
    start_from: str | None = None
    """Id of a step, or name of a group whose first step is meant."""


class Request(Record):
    """What the command line asks of one fire."""

    state_dir: str
    force: bool = False
    selection: Selection = Selection()
    params: Mapping[str, Any] = {}
    exit_on_skip: int = EXIT_SKIPPED
    scheduled_for: float | None = None
    """The fire that is made up for; None for the one that cron means now."""


class Web(Record):
    """What `batchctl serve` allows."""

    hosts: tuple[str, ...] = ()
    """Further names that the server is called by."""
    proxy_scope: Literal["read", "operate", "admin"] = "read"
    """What whoever a listed proxy vouches for may do."""
    allow_commands: bool = False
    """Whether jobs that run anything at all can be made through it."""
    functions: tuple[str, ...] = ()
    """Patterns of the functions that jobs made through it may run."""


class Config(Record):
    """The effective configuration."""

    path: str | None
    """The main file, absolute; None where there is none."""
    files: tuple[str, ...]
    """Every file that was read (main, jobs.d, presets), absolute."""
    jobs: Mapping[str, Job]
    timezone: str | None
    zone: Zone
    lang: str | None = None
    """The language of what people read, `ko` or `en`; None leaves it to the locale."""
    state_dir: str | None
    pools: Mapping[str, int]
    functions: Mapping[str, str] = {}
    """Names of functions that jobs may call, each with its `package.module:attribute`."""
    broken: tuple[tuple[str, str], ...] = ()
    """What is wrong with modules whose functions are to be jobs, each with its remedy; other jobs go on."""
    disk_free_min: int = 1_000_000_000
    """Bytes below which `check` calls the disk of the state directory low."""
    web: Web = Web()
    origins: Mapping[str, str]
    """Where each effective value comes from: dotted key (`jobs.daily-batch.timeout`) to file, preset or `default`."""

    @property
    def broken_error(self) -> ConfigError:
        """What is broken, as one error with all others beside it."""
        first, *others = (ConfigError(text, remedy=remedy) for text, remedy in self.broken)
        return ConfigError(str(first), remedy=first.remedy, others=tuple(others))

    def chain_begins(self, name: str) -> tuple[str, ...]:
        """Return the jobs that cron has to fire for one to be fired: itself, or the first ones of its chain."""
        firsts: dict[str, None] = {}
        waiting = [name]
        while waiting:
            job = self.jobs.get(waiting.pop(0))
            if job is not None:
                waiting += job.schedule.after
                firsts |= {} if job.schedule.after else {job.name: None}
        return tuple(firsts)
