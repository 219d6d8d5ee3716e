"""From a step of the configuration to the command that is started: parameters, environment, files."""

from __future__ import annotations

import os
import sys

from batchctl.base.errors import ConfigError, UsageError, is_passing
from batchctl.base.record import Record
from batchctl.base.said import said
from batchctl.base.state_dir import StateDir
from batchctl.core.attempt import Command
from batchctl.core.limits import effective
from batchctl.core.parameters import LONGEST_WORD
from batchctl.core.text.masking import mask, masked
from batchctl.core.text.placeholders import fill_shell, fill_word
from batchctl.process.environment import environment, secret_values
from batchctl.process.tree import MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from batchctl.core.model import Job, Step
    from batchctl.core.run import Attempt, Run, StepRun
    from batchctl.engine.ports import Hold


class Surroundings(Record):
    """What all steps of one run share."""

    state_dir: str
    job: Job
    overrides: Mapping[str, Any]
    """Parameters of the command line; they win over those of step and job."""
    scheduled_for: str
    """ISO time of the fire that cron meant."""
    files_env: Mapping[str, Mapping[str, str]]
    """What each env_file says, by path."""
    hold: Hold
    """What keeps other fires of the job away; every step inherits it."""
    began: float
    """When the run started, on the monotonic clock."""
    secrets: tuple[str, ...] = ()
    """Values that batchctl writes nowhere."""


def parameters(around: Surroundings, step: Step) -> dict[str, Any]:
    """Return a step's parameters: the job's, overridden by the step's, overridden by the command line's."""
    return {**around.job.params, **step.params, **around.overrides}


def check_functions(job: Job, overrides: Mapping[str, Any], files_env: Mapping[str, Mapping[str, str]]) -> None:
    """Hold the parameters of every function step against the function's signature, in the step's own interpreter.

    Raises:
        ConfigError: if a function cannot be imported or called so.
        UsageError: if it is the parameters of the command line that it does not take.
    """
    for step in job.steps:
        if step.function is None:
            continue
        params = {**job.params, **step.params, **overrides}
        code, heard = _asked(job, step, params, files_env)
        if code:
            by_hand = overrides and (
                "missing a required" in heard or not _asked(job, step, {**job.params, **step.params}, files_env)[0]
            )
            heard = mask(heard, secret_values(job, files_env)) or f"its check ended with exit code {code}"
            message = f"job {job.name}, step {step.id}: function {step.function} cannot be called: {heard}"
            if by_hand:
                raise UsageError(message, remedy="give --param what the function takes")
            remedy = said("correct function, params, cwd, python or python_path")
            raise ConfigError(message, remedy=remedy)


def _asked(
    job: Job, step: Step, params: Mapping[str, Any], files_env: Mapping[str, Mapping[str, str]]
) -> tuple[int, str]:
    """Return what the check of a function's parameters exits with, and what it says."""
    from batchctl.process.ask import ask

    env = environment(job, step, files_env) | {"BATCHCTL_PARAMS": _json(params)}
    limits = effective(job.limits, step.limits)
    user = None if limits is None else limits.user
    cwd = step.cwd or job.cwd or (env["HOME"] if user else None)
    return ask((*_caller(step), "--check", step.function or "", *job.python_path), env, cwd, user)


def check_sizes(job: Job, overrides: Mapping[str, Any]) -> None:
    """See whether a step's parameters fit into its environment.

    Raises:
        ConfigError: if those of the configuration are too long.
        UsageError: if those of the command line are.
    """
    most = LONGEST_WORD - len("BATCHCTL_PARAMS=")
    for step in job.steps:
        size = len(_json({**job.params, **step.params, **overrides}).encode(errors="surrogatepass"))
        if size > most:
            message = (
                f"job {job.name}, step {step.id}: its parameters are {size:,} bytes as JSON, and {most:,} is the most"
            )
            message += " that a program can be given"
            remedy = said("write the long one to a file, and give the file's path")
            if len(_json({**job.params, **step.params}).encode(errors="surrogatepass")) > most:
                raise ConfigError(message, remedy=remedy)
            raise UsageError(message, remedy=remedy)


def check_users(job: Job) -> None:
    """See whether the steps may run as the users that they name; ConfigError where not."""
    for limits in filter(None, (effective(job.limits, step.limits) for step in job.steps)):
        if limits.user is not None:
            from batchctl.process.confined import check_user

            check_user(limits.user)


def _caller(step: Step) -> tuple[str, str]:
    return (step.python or sys.executable, os.path.join(os.path.dirname(os.path.dirname(__file__)), "call.py"))


def read_result(path: str, secrets: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the JSON object that a step wrote as its result, with secrets masked; None where there is none.

    A step may put anything there, and whatever it is must not hurt the supervisor: a pipe is not waited for, what is
    too long (1 MiB), too deep or no JSON is no result, and numbers that JSON does not have become null.

    Raises:
        OSError: if it cannot be read at the moment.
    """
    try:
        content = _content_of(path)
    except OSError as error:
        if is_passing(error) and not isinstance(error, BlockingIOError):  # which is a pipe without a writer
            raise
        return None
    if not content or len(content) > _RESULT_LIMIT:
        return None
    import json

    try:
        value = json.loads(content, parse_constant=lambda _: None, parse_float=_finite)
        value = masked(value, secrets) if isinstance(value, dict) else None
        # Half of a surrogate pair is legal in JSON and in nothing else: not in SQLite, not on a terminal.
        text = json.dumps(value, ensure_ascii=False).encode(errors="replace")
        found: dict[str, Any] | None = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


_RESULT_LIMIT = 1024 * 1024


def _content_of(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        content = b""
        while len(content) <= _RESULT_LIMIT and (block := os.read(descriptor, _RESULT_LIMIT + 1 - len(content))):
            content += block
    finally:
        os.close(descriptor)
    return content


def _finite(text: str) -> float | None:
    value = float(text)
    return value if abs(value) != float("inf") else None


def command(around: Surroundings, run: Run, step: StepRun, attempt: Attempt) -> Command:
    """Return the command of one attempt, with every placeholder filled."""
    spec, job = step.step, around.job
    params = parameters(around, spec)
    place = StateDir(around.state_dir)
    env = environment(job, spec, around.files_env)
    env.update(
        {
            "BATCHCTL_JOB": job.name,
            "BATCHCTL_RUN_ID": str(run.id),
            "BATCHCTL_STEP": spec.id,
            "BATCHCTL_ATTEMPT": str(attempt.number),
            "BATCHCTL_PARAMS": _json(params),
            "BATCHCTL_SCHEDULED_FOR": around.scheduled_for,
            "BATCHCTL_RESULT": place.result(run.id, step.seq),
            "BATCHCTL_PROGRESS": place.progress(run.id, step.seq),
            MARK: run.token,
        }
    )
    if around.hold.fence is not None:
        env["BATCHCTL_FENCE"] = str(around.hold.fence)
    if job.config_path is not None:
        env["BATCHCTL_CONFIG"] = job.config_path
    if job.lang is not None:
        env.setdefault("BATCHCTL_LANG", job.lang)
    if job.sources:
        env["BATCHCTL_SOURCES"] = _json(job.sources)
    values = {
        "python": sys.executable,
        "state": around.state_dir,
        "job": job.name,
        "run_id": run.id,
        "step": spec.id,
        "scheduled_for": around.scheduled_for,
        **params,
    }
    return Command(
        argv=_argv(spec, values, job.python_path),
        env=env,
        cwd=spec.cwd or job.cwd,
        log=place.at(attempt.log),
        log_max=spec.log_max or job.log_max,
        inherits=around.hold.descriptors,
        limits=effective(job.limits, spec.limits),
    )


def _argv(step: Step, values: Mapping[str, Any], python_path: tuple[str, ...]) -> tuple[str, ...]:
    if step.run is not None:
        return ("/bin/sh", "-c", fill_shell(step.run, values))
    if step.function is not None:
        return (*_caller(step), step.function, *python_path)
    return tuple(fill_word(word, values) for word in step.argv or ())


def _json(params: Mapping[str, Any]) -> str:
    if not params:
        return "{}"
    import json

    return json.dumps(params, ensure_ascii=False)
