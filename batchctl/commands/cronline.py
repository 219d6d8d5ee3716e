"""What the cron line does: fire the job, say nothing unless it failed."""

from __future__ import annotations

from batchctl.base import paths
from batchctl.base.errors import BatchctlError
from batchctl.commands import boundary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.model import Job
    from batchctl.engine.fire import Outcome


def fire_quietly(job_name: str, config_option: str | None, state_option: str | None) -> int:
    """Fire one job away from a terminal and return the exit code: silent on success and on skip."""
    from batchctl.engine import fire

    try:
        job, state_dir = _find(job_name, config_option, state_option)
        outcome = fire.fire(job, fire.Request(state_dir=state_dir))
        report_failure(outcome)
    except BatchctlError as error:
        return boundary.report_error(error)
    except Exception as error:  # noqa: BLE001 - cron's mail must say what to do, whatever it was
        return boundary.report_bug(error)
    return outcome.exit_code


def _find(name: str, config_option: str | None, state_option: str | None) -> tuple[Job, str]:
    from batchctl.config import load, load_job

    path = paths.config_file(config_option)
    job, state_dir = load_job(path, name, state_option)
    if job is None:
        from batchctl.commands.site import unknown_job

        raise unknown_job(name, list(load(path).jobs))
    return job, state_dir


def report_failure(outcome: Outcome) -> None:
    """Where the run failed, say on stderr what cron's mail should say."""
    if outcome.run is not None and outcome.exit_code:
        from batchctl.present.failure import failure_report

        boundary.say(failure_report(outcome.run, outcome.job, outcome.state_dir, outcome.secrets))
