"""What the cron line does: fire the job, say nothing unless it failed."""

from __future__ import annotations

from batchctl.answers import run as answer
from batchctl.base.errors import BatchctlError
from batchctl.commands import boundary


def fire_quietly(job: str, config_option: str | None, state_option: str | None) -> int:
    """Fire one job away from a terminal and return the exit code: silent on success and on skip."""
    try:
        outcome = answer.fire_by_cron(job, config_option, state_option)
        report_failure(outcome)
    except BatchctlError as error:
        return boundary.report_error(error)
    except Exception as error:  # noqa: BLE001 - cron's mail must say what to do, whatever it was
        return boundary.report_bug(error)
    return outcome.exit_code


def report_failure(outcome: answer.Outcome) -> None:
    """Where the run failed, say on stderr what cron's mail should say."""
    if outcome.run is not None and outcome.exit_code:
        from batchctl.present.failure import failure_report

        boundary.say(failure_report(outcome.run, outcome.job, answer.last_lines(outcome)))
