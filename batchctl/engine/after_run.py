"""What follows the end of a run: judged and told in the transaction of its last row, sent once its lock is free.

A job that wants none of it imports none of it.
"""

from __future__ import annotations

import os

from batchctl.base.errors import EXIT_FAILED
from batchctl.core import model

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from batchctl.core.model import Job
    from batchctl.core.run import Run
    from batchctl.engine.command import Surroundings
    from batchctl.notify.heartbeat import Beat


def alerted(job: Job) -> bool:
    """Say whether anybody wants to be told of the job."""
    return bool(job.alerting.notify or job.alerting.on_alert)


def judge(run: Run, around: Surroundings) -> None:
    """Hold a run that has just ended against what is expected of it; with `fail = true` unmet means failed."""
    job = around.job
    if not job.expect.conditions and not job.alerting.alert_on_output:
        return
    from batchctl.engine import outputs

    found = outputs.judge(run, job, around.state_dir, around.secrets)
    run.warnings = [(warning.seq, warning.kind, warning.text) for warning in found]
    unmet = [warning.text for warning in found if warning.kind == "expect"]
    if job.expect.fail and unmet and run.status == model.SUCCEEDED:
        run.status, run.exit_code, run.why = model.FAILED, EXIT_FAILED, "; ".join(unmet)


def write(
    connection: sqlite3.Connection, job: Job, run_id: int, state_dir: str, secrets: tuple[str, ...] | None = None
) -> None:
    """Write the alerts that the recorded end of a run causes, inside the caller's transaction.

    Raises:
        sqlite3.Error: if they cannot be written.
    """
    if alerted(job):
        from batchctl.notify import ends

        ends.record(connection, job, run_id, state_dir, secrets)


def heart_of(job: Job, run: Run) -> Beat | None:
    """Tell the job's monitor, where it has one, that the run starts; return what is to tell of its end."""
    if job.alerting.ping_url is None:
        return None
    from batchctl.notify import heartbeat

    beat = heartbeat.beat_of(job, run.token)
    if beat is not None:
        beat.start()
    return beat


def follow(run: Run, around: Surroundings, beat: Beat | None) -> None:
    """Let the lock go, then tell who is to be told and remove what retention lets go; none of it can fail the run."""
    if around.lock is not None:
        os.close(around.lock)
    job, state_dir = around.job, around.state_dir
    if beat is not None:
        from batchctl.notify import heartbeat

        beat.end(run.exit_code, heartbeat.body_of(run, state_dir, around.secrets))
    send(job, state_dir)
    from batchctl.engine import prune

    prune.after_run(state_dir, job)


def send(job: Job, state_dir: str) -> None:
    """Send what is due of the job's alerts; a fire that skips retries by this what could not be sent before."""
    if alerted(job):
        from batchctl.notify.send import send_due

        send_due(state_dir, {job.name: job})


def lost(job: Job, token: str, why: str) -> None:
    """Tell the job's monitor that a run ended without its batchctl."""
    if job.alerting.ping_url is not None:
        from batchctl.notify import heartbeat

        heartbeat.ping(job, heartbeat.FAIL, why, token)
