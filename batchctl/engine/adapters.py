"""Which adapters a job's ports have: the local ones, unless the compiled job names others."""

from __future__ import annotations

from batchctl.base.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from batchctl.core.model import Job, Step
    from batchctl.core.run import Run
    from batchctl.engine.ports import Executor, Lease


def lease_of(job: Job, state_dir: str) -> Lease:
    """Return what excludes the fires of a job."""
    if job.lease is not None:
        lease: Lease = _named(job.lease)(job, state_dir)
        return lease
    from batchctl.engine.file_lease import FileLease

    return FileLease(state_dir)


def check(job: Job) -> None:
    """Import the executors that the steps of a job name; ConfigError where one is not there."""
    for step in job.steps:
        if step.executor is not None:
            _named(step.executor)


def is_held(job: Job, state_dir: str) -> bool:
    """Say whether a fire holds the job, without touching it."""
    return lease_of(job, state_dir).is_held(job.name)


def executor_of(step: Step, run: Run, state_dir: str) -> Executor:
    """Return what carries out a step; one for each name in a run."""
    if step.executor is not None:
        executor: Executor = _named(step.executor)(run, state_dir)
        return executor
    from batchctl.engine.local_executor import LocalExecutor

    return LocalExecutor()


def _named(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(__import__(module, fromlist=[attribute]), attribute)
    except (ImportError, AttributeError) as error:
        message = f"there is no {name}: {error}"
        raise ConfigError(message, remedy="install the extra that it belongs to, or correct the job") from error
