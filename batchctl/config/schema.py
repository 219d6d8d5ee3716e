"""The tables of the configuration as msgspec checks them: keys, types, ranges. What they mean is for build.py."""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from batchctl.config import keys
from batchctl.core.text.types_in_words import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchctl.config.key_path import KeyPath

Duration = str | int | float
Size = str | int
Table = dict[str, Any]
Kind = Literal["collection", "processing", "maintenance", "report", "analysis"]
"""What a job is for; a word to sort by, without effect on what it does."""
Retries = Annotated[int, Meta(ge=0, le=100)]
Backoff = Annotated[float, Meta(ge=1, le=100)]
Positive = Annotated[int, Meta(ge=1, le=100_000)]


class CommandKeys(Struct, forbid_unknown_fields=True):
    """What a step, and a job that is one step, says of its command."""

    run: str | None = None
    argv: list[str] | None = None
    argv_bytes: bool = False
    function: str | None = None
    python: str | None = None
    retries: Retries = 0
    retry_delay: Duration | None = None
    retry_backoff: Backoff = 1.0
    retry_max_delay: Duration | None = None


class SharedKeys(CommandKeys, forbid_unknown_fields=True):
    """What steps and jobs have in common."""

    params: Table = {}
    env: Table = {}
    env_file: str | None = None
    cwd: str | None = None
    path: str | list[str] | None = None
    timeout: Duration | None = None
    grace: Duration | None = None
    log_max: Size | None = None
    memory_max: Size | None = None
    cpu_max: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    tasks_max: Positive | None = None
    nice: Annotated[int, Meta(ge=-20, le=19)] | None = None
    io_class: Literal["idle", "best-effort", "realtime"] | None = None
    user: str | None = None


class StepTable(SharedKeys, forbid_unknown_fields=True, kw_only=True):
    """`[[jobs.X.steps]]`."""

    id: str
    group: str | None = None
    continue_on_failure: bool = False
    when: Literal["on_success", "on_failure", "always"] = "on_success"


class GroupTable(Struct, forbid_unknown_fields=True):
    """`[jobs.X.groups.NAME]`."""

    parallel: bool = False
    max_parallel: Positive | None = None


class AlertKeys(Struct, forbid_unknown_fields=True):
    """What jobs say of alerts and retention, and the top level says for those that do not."""

    notify: list[str] | dict[str, list[str]] | None = None
    on_alert: list[str] | None = None
    alert_after: Positive | None = None
    flap_window: Duration | None = None
    alert_after_skips: Positive | None = None
    long_after: Duration | None = None
    long_factor: Annotated[float, Meta(ge=1, le=1000)] | None = None
    min_duration: Duration | None = None
    alert_on_output: list[str] | None = None
    quiet_hours: str | None = None
    remind_every: Duration | None = None
    max_alerts_per_day: Positive | None = None
    ping_url: str | None = None
    ping_on_skip: bool | None = None
    keep_runs: Positive | None = None
    keep_days: Annotated[float, Meta(ge=0, le=36500)] | None = None
    keep_bytes: Size | None = None


if TYPE_CHECKING:
    _JobKeys = SharedKeys
else:
    # A struct has one base: a job knows the names of AlertKeys, and `inherited` checks their values as AlertKeys.
    _JobKeys = msgspec.defstruct(
        "_JobKeys",
        [(field.name, Any, None) for field in msgspec.structs.fields(AlertKeys)],
        bases=(SharedKeys,),
        forbid_unknown_fields=True,
    )


class StartIfTable(Struct, forbid_unknown_fields=True):
    """`start_if` of a job."""

    load_below: Annotated[float, Meta(gt=0, le=100_000)] | None = None
    memory_above: Size | None = None
    disk_above: Size | None = None


class JobTable(_JobKeys, forbid_unknown_fields=True):
    """`[jobs.X]`, or a file in jobs.d; `preset` names the definition that the other keys override."""

    preset: str | None = None
    title: str = ""
    description: str = ""
    kind: Kind | None = None
    schedule: str | None = None
    every: Duration | None = None
    daily: str | None = None
    at: datetime | None = None
    after: str | list[str] | None = None
    after_any: bool = False
    jitter: Duration | None = None
    enabled: bool = True
    active_hours: str | None = None
    stale_after: Duration | None = None
    on_stale: Literal["takeover", "alert"] | None = None
    min_gap: Duration | None = None
    gap_factor: Annotated[float, Meta(ge=0, le=1000)] | None = None
    gap_after: Literal["any", "success"] = "any"
    pool: str | None = None
    start_if: Table = {}  # noqa: RUF012 - msgspec copies defaults
    secrets: list[str] = []  # noqa: RUF012 - msgspec copies defaults
    steps: list[Any] | None = None
    groups: Table = {}  # noqa: RUF012 - msgspec copies defaults
    expect: Table = {}  # noqa: RUF012 - msgspec copies defaults
    catch_up: bool = False
    catch_up_window: Duration | None = None


class SourceTable(Struct, forbid_unknown_fields=True):
    """`[sources.NAME]`: where a collector of the catalogue gets its data, and how politely."""

    base_url: str | None = None
    rate_limit: Annotated[float, Meta(gt=0, le=1000)] = 5.0
    batch_size: Positive = 200
    interval_hours: Annotated[float, Meta(ge=0, le=8760)] = 0.0
    timeout: Duration = 30.0
    retries: Retries = 3
    username_env: str | None = None
    password_env: str | None = None
    token_env: str | None = None
    publish_dir: str | None = None
    model: str | None = None


class EventsTable(Struct, forbid_unknown_fields=True):
    """`[events]`: where each event is written as it happens."""

    file: str | None = None
    syslog: bool = False


class WebTable(Struct, forbid_unknown_fields=True):
    """`[web]`: what `batchctl serve` allows."""

    hosts: list[str] = []
    proxy_scope: Literal["read", "operate", "admin"] = "read"
    allow_commands: bool = False
    functions: list[str] = []


class FileTable(AlertKeys, forbid_unknown_fields=True):
    """The top level of the main file."""

    timezone: str | None = None
    lang: Literal["ko", "en"] | None = None
    state_dir: str | None = None
    pools: Table = {}
    jobs: Table = {}
    sources: Table = {}
    events: Table = {}
    modules: list[str] = []
    functions: Table = {}
    python: str | None = None
    python_path: str | list[str] | None = None
    web: Table = {}
    disk_free_min: Size | None = None


_HOMES: dict[type[Struct], str] = {
    FileTable: "the top of the main file",
    JobTable: "a job, below [jobs.NAME]",
    StepTable: "a step, below [[jobs.NAME.steps]]",
    StartIfTable: "what a start asks of the machine, start_if of a job",
    GroupTable: "a group, below [jobs.NAME.groups.GROUP]",
    SourceTable: "a source, below [sources.NAME]",
    EventsTable: "[events]",
    WebTable: "[web]",
}

T = TypeVar("T", bound=Struct)


def convert(table: Any, struct: type[T], where: KeyPath) -> T:
    """Return the table as a checked struct.

    Raises:
        ConfigError: in the operator's words.
    """
    try:
        return msgspec.convert(table, struct)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
            where = where.at(name or int(index))
        field = re.search(r"field `(.*)`$", text, re.DOTALL)
        if text.startswith("Object contains unknown field") and field is not None:
            # Aimed at the key itself, whose line is the one to correct.
            where.at(field[1]).refuse("is not a known key", _key_remedy(field[1], struct))
        if text.startswith("Object missing required field") and field is not None:
            where.refuse(f"has no {field[1]}", example(field[1]))
        if where.key == "steps" and "got `object`" in text:
            header = ".".join(_quoted(str(key)) for key in where.keys[len(where.source.prefix) :])
            where.refuse(
                "is one table, and steps are a list of them",
                f"write [[{header}]], in double brackets, before each step",
            )
        where.refuse(in_words(text), example(where.key, table))


def keys_of(struct: type[Struct]) -> list[str]:
    """Return the keys that a table may have."""
    # Not structs.fields(), which reads all annotations anew: with 200 jobs a quarter of a second.
    return list(struct.__struct_fields__)


def unknown_remedy(name: str, known: Iterable[str], what: str = "known keys") -> str:
    """Return what to do about a name that is not among the known ones."""
    names = sorted(known)
    close = get_close_matches(name.lower(), names, n=1)
    return f"did you mean {close[0]}?" if close else f"{what}: {', '.join(names) or 'none'}"


def _key_remedy(name: str, struct: type[Struct]) -> str:
    for home, header in _HOMES.items():
        if home is not struct and name in keys_of(home):
            return f"it belongs to {header}"
    return unknown_remedy(name, keys_of(struct))


def example(key: str, table: Any = None) -> str:
    """Return a remedy that shows how the key is written; a number where text belongs only lacks its quotes."""
    value = table.get(key) if isinstance(table, dict) else None
    return f'write id = "{value}"' if key == "id" and isinstance(value, int | float) else keys.example(key)


def _quoted(key: str) -> str:
    """Return a key as TOML wants it in a header."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'
