"""What a step's environment is, and which of its values are secrets."""

from __future__ import annotations

import os

from batchctl.base.errors import ConfigError
from batchctl.base.said import said
from batchctl.core.limits import effective
from batchctl.core.text.masking import parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.core.model import Job, Step


def read_env_files(job: Job) -> dict[str, dict[str, str]]:
    """Read every env_file of a job and its steps, before anything is started.

    Raises:
        ConfigError: if one is missing, unreadable, or has a line that is not NAME=VALUE.
    """
    paths = dict.fromkeys(path for path in (job.env_file, *(step.env_file for step in job.steps)) if path)
    return {path: _parse_env_file(path) for path in paths}


def _parse_env_file(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        message = f"env_file {path}: {reason}"
        remedy = said("correct env_file, or make the file readable for the user cron runs as")
        raise ConfigError(message, remedy=remedy) from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ").lstrip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.isidentifier():
            message = f"env_file {path}, line {number}: not NAME=VALUE"
            raise ConfigError(message, remedy=said("write NAME=VALUE, one a line; # begins a comment line"))
        if "\0" in value:
            message = f"env_file {path}, line {number}: {name} holds a NUL character, which no program can be given"
            raise ConfigError(message, remedy=said("remove it; `tr -d '\\0'` makes a copy without"))
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name] = value
    return found


def environment(job: Job, step: Step, files_env: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return what a step's environment is without batchctl's own variables: later sources win."""
    # A program whose output is a file buffers it; without this a Python step would show nothing for hours.
    env = {"PYTHONUNBUFFERED": "1", **os.environ}
    limits = effective(job.limits, step.limits)
    if limits is not None and limits.user is not None:
        from batchctl.process.confined import of_user

        of_user(env, limits.user)
    for file, values in ((job.env_file, job.env), (step.env_file, step.env)):
        env.update(files_env.get(file or "", {}))
        env.update(values)
    first = [*step.path, *job.path]
    if first:
        env["PATH"] = ":".join([*first, env.get("PATH", os.defpath)])
    return env


def secret_values(job: Job, files_env: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Return the values that the job's `secrets` have in any of its steps, and the lines of those with several."""
    if not job.secrets:
        return ()
    environments = [environment(job, step, files_env) for step in job.steps]
    values = {env[name] for env in environments for name in job.secrets if env.get(name)}
    return tuple({part for value in values for part in parts(value)})
