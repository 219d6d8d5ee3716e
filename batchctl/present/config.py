"""The effective configuration: as TOML with the origin of each value behind it, and as JSON; secrets masked."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from batchctl.core.model import StartIf, Step
from batchctl.core.text.masking import MASK, mask
from batchctl.core.text.words import escaped, is_text
from batchctl.present.text import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from batchctl.answers.config import Effective
    from batchctl.core.model import Job, Window
    from batchctl.core.time.cron import Schedule
    from batchctl.present import contract_jobs as contract

_SHORTEST_MASKED = 4
"""A shorter secret is masked in `env` alone: in other text, `1` or `no` would be masked wherever it stands."""

_BARE_KEY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_DURATIONS = frozenset(
    {"timeout", "stale_after", "min_gap", "every", "jitter", "grace", "retry_delay", "retry_max_delay"}
)
_STEP_DEFAULTS = {
    "retries": 0,
    "retry_delay": 0.0,
    "retry_backoff": 1.0,
    "continue_on_failure": False,
    "when": "on_success",
}


def as_json(found: Effective) -> contract.Config:
    """Return the effective configuration, or what of it concerns one job; durations are seconds."""
    config, only = found.config, found.only
    prefix = None if only is None else f"jobs.{only}."
    return {
        "path": config.path,
        "files": list(config.files),
        "timezone": config.timezone,
        "state_dir": found.state_dir,
        "pools": dict(config.pools),
        "functions": dict(config.functions),
        "broken": [{"text": text, "remedy": remedy} for text, remedy in config.broken],
        "jobs": {name: job_as_json(job) for name, job in config.jobs.items() if only in {None, name}},
        "origins": {
            key: origin
            for key, origin in config.origins.items()
            if prefix is None or key.startswith(prefix) or not key.startswith("jobs.")
        },
    }


def job_as_json(job: Job) -> contract.JobKeys:
    """Return one job as the configuration would write it, keys without a value left out; durations are seconds."""
    rules = job.rules
    document = {
        "title": job.title or None,
        "description": job.description or None,
        "kind": job.kind,
        **_schedule(job.schedule),
        "jitter": job.schedule.jitter,
        "enabled": rules.enabled,
        "active_hours": None if rules.active_hours is None else _window(rules.active_hours),
        "timeout": job.timeout,
        "stale_after": rules.stale_after,
        "on_stale": None if rules.stale_after is None else rules.on_stale,
        "min_gap": rules.min_gap,
        "gap_factor": rules.gap_factor,
        "gap_after": rules.gap_after,
        "pool": rules.pool,
        "start_if": None
        if rules.start_if is None
        else {name: rules.start_if.__dict__[name] for name in StartIf._fields},
        "grace": job.grace,
        "log_max": job.log_max,
        **vars(job.limits),
        "env_file": job.env_file,
        "cwd": job.cwd,
        "path": list(job.path) or None,
        "secrets": list(job.secrets) or None,
        "params": dict(job.params) or None,
        "env": _masked_env(job.env, job) or None,
        "groups": {group.name: {"parallel": group.parallel, "max_parallel": group.max_parallel} for group in job.groups}
        or None,
        "steps": [_step(step, job) for step in job.steps],
    }
    masked: contract.JobKeys = _mask(_without_none(document), _secret_values(job))
    return masked


def as_toml(found: Effective) -> Iterator[str]:
    """Yield the effective configuration line by line, each value with its origin."""
    config = found.config
    yield f"# configuration: {harmless(config.path or 'none')}"
    for file in config.files[1:] if config.path else ():
        yield f"# and: {harmless(file)}"
    top = {"timezone": config.timezone or f"{config.zone.name}", "state_dir": found.state_dir}
    origins = {**config.origins, "state_dir": found.state_origin}
    directory = os.path.dirname(config.path or "")
    yield from _lines(top, "", origins, directory)
    if config.pools:
        yield from ("", "[pools]")
        yield from _lines(config.pools, "pools.", origins, directory)
    if config.functions:
        yield from ("", "[functions]")
        yield from _lines(config.functions, "functions.", origins, directory)
    for name, job in config.jobs.items():
        if found.only in {None, name}:
            yield ""
            yield from job_as_toml(job, origins, config.path)


def job_as_toml(job: Job, origins: Mapping[str, str], config_path: str | None) -> Iterator[str]:
    """Yield one effective job line by line, each value with its origin; files beside the main one by a short name."""
    directory = os.path.dirname(config_path or "")
    document = job_as_json(job)
    steps, groups = document.pop("steps"), document.pop("groups", {})
    path, prefix = f"jobs.{_key(job.name)}", f"jobs.{job.name}."
    tables = {key: document.pop(key) for key in ("params", "env") if key in document}
    yield f"[{path}]"
    yield from _lines(_with_durations(document), prefix, origins, directory)
    for key, table in tables.items():
        yield from ("", f"[{path}.{key}]")
        yield from _lines(table, f"{prefix}{key}.", origins, directory)
    for name, group in groups.items():
        yield from ("", f"[{path}.groups.{_key(name)}]")
        yield from _lines(group, f"{prefix}groups.{name}.", origins, directory)
    chain = next((key for key in ("steps", "run", "argv", "function") if f"{prefix}{key}" in origins), "steps")
    origin = _origin(f"{prefix}{chain}", origins, directory)
    for step in steps:
        yield from ("", f"[[{path}.steps]]{origin}")
        yield from _lines(_with_durations(step), "", {}, directory)


def _lines(table: Mapping[str, Any], prefix: str, origins: Mapping[str, str], directory: str) -> Iterator[str]:
    for key, value in table.items():
        yield harmless(f"{_key(key)} = {_toml(value)}{_origin(prefix + key, origins, directory)}")


def _with_durations(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _exact(value) if key in _DURATIONS else value for key, value in document.items()}


def _origin(key: str, origins: Mapping[str, str], directory: str) -> str:
    # What is effective without having been written (`on_stale` beside a stale_after) is a default like the others.
    origin = origins.get(key) or ("default" if origins else "")
    if directory and origin.startswith(directory + "/"):
        origin = origin[len(directory) + 1 :]
    return f"  # {harmless(origin)}" if origin else ""


def _schedule(schedule: Schedule) -> dict[str, Any]:
    if schedule.every is not None:
        return {"every": schedule.every}
    key, _, rest = schedule.text.partition(" ")
    if key in {"daily", "at"}:
        return {key: rest}
    if schedule.after:
        return {"after": list(schedule.after), "after_any": schedule.after_any}
    return {"schedule": schedule.text or None}


def _window(window: Window) -> str:
    start, end = divmod(window.start, 60), divmod(window.end, 60)
    return f"{start[0]:02d}:{start[1]:02d}-{end[0]:02d}:{end[1]:02d}"


def _step(step: Step, job: Job) -> dict[str, Any]:
    document = {field: step.__dict__[field] for field in Step._fields}
    document |= {
        **_argv(step.argv),
        "params": dict(step.params) or None,
        "env": _masked_env(step.env, job) or None,
        "path": list(step.path) or None,
        **vars(document.pop("limits")),
    }
    return {key: value for key, value in document.items() if value is not None and value != _STEP_DEFAULTS.get(key)}


def _argv(words: Sequence[str] | None) -> dict[str, Any]:
    """Return the words as the configuration has them: not all bytes are text."""
    if words is None or is_text(words):
        return {"argv": None if words is None else list(words)}
    return {"argv": [escaped(word) for word in words], "argv_bytes": True}


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def _masked_env(env: Mapping[str, str], job: Job) -> dict[str, str]:
    return {name: MASK if name in job.secrets else value for name, value in env.items()}


def _secret_values(job: Job) -> list[str]:
    tables = (job.env, *(step.env for step in job.steps))
    found = {table[name] for table in tables for name in job.secrets if name in table}
    return [value for value in found if len(value) >= _SHORTEST_MASKED]


def _mask(value: Any, secrets: list[str]) -> Any:
    """Return a document with its values masked; its keys are the contract's and stay."""
    if isinstance(value, dict):
        return {key: _mask(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_mask(item, secrets) for item in value]
    if isinstance(value, str):
        return mask(value, secrets)
    return MASK if str(value) in secrets else value


def _exact(seconds: float) -> str:
    """Return a duration as it can be written in the configuration, without rounding."""
    if seconds != int(seconds):
        return f"{seconds!r}s"
    parts = []
    rest = int(seconds)
    for unit, length in (("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _key(name: str) -> str:
    return name if name and set(name) <= _BARE_KEY else json.dumps(name, ensure_ascii=False)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {_toml(item)}' for key, item in value.items())} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)
