"""What follows an end: judged, told in the transaction of its last row, sent once the lock is free, tidied up.

Only `fire` calls this room. A job that wants none of it imports none of it.
"""

from __future__ import annotations

from batchctl.base import clock
from batchctl.base.errors import EXIT_FAILED
from batchctl.core import model

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from batchctl.core.model import Job, Selection
    from batchctl.core.run import Ended, Run
    from batchctl.engine.command import Surroundings
    from batchctl.engine.eventlog import EventLog
    from batchctl.engine.following import Following
    from batchctl.engine.journal import Journal, Tell
    from batchctl.engine.supervise import Observer
    from batchctl.notify.heartbeat import Beat
    from batchctl.store.guard import Skip

_JUST_READ = 1.0
"""Seconds within which the configuration that a run began with is taken for the one of now."""


def teller(job: Job, state_dir: str, secrets: tuple[str, ...] | None = None) -> Tell | None:
    """Return what writes the alerts of an end; None where nobody wants to be told of the job.

    `secrets` are the values that must not be told; None has them looked up when there is something to tell.
    """
    if not job.alerting.is_told:
        return None

    def tell(connection: sqlite3.Connection, run_id: int) -> None:
        from batchctl.notify import ends

        ends.record(connection, job, run_id, state_dir, secrets)

    return tell


def watching(around: Surroundings, journal: Journal, observer: Observer | None) -> Observer | None:
    """Return what looks at the run while it goes on: the one given, and where the job wants that, one at its output."""
    if not around.job.alerting.alert_on_output:
        return observer
    from batchctl.engine.noticing import Noticing

    return Noticing(around, journal, observer)


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


def heart_of(job: Job, run: Run) -> Beat | None:
    """Tell the job's monitor, where it has one, that the run starts; return what is to tell of its end."""
    if job.alerting.ping_url is None:
        return None
    from batchctl.notify import heartbeat

    beat = heartbeat.beat_of(job, run.token)
    if beat is not None:
        beat.start()
    return beat


def beat_end(beat: Beat | None, run: Run, around: Surroundings) -> None:
    """Tell the job's monitor how the run ended."""
    if beat is not None:
        from batchctl.notify import heartbeat

        beat.end(run.exit_code, heartbeat.body_of(run, around.state_dir, around.secrets))


def without_batchctl(job: Job, ended: Ended) -> None:
    """Tell the job's monitor of a run whose own batchctl cannot, because it vanished or hung."""
    if job.alerting.ping_url is not None:
        from batchctl.notify import heartbeat

        heartbeat.ping(job, heartbeat.FAIL, ended.why, ended.token)


def following(run: Run, around: Surroundings, selection: Selection) -> Following | None:
    """Return what comes after the job, by the configuration as it is now; None where nothing does."""
    job = around.job
    if job.config_path is not None and clock.monotonic() - around.began > _JUST_READ:
        from batchctl.base.errors import BatchctlError
        from batchctl.config import load_job

        try:
            job = load_job(job.config_path, job.name, around.state_dir)[0] or job
        except BatchctlError:
            job = around.job  # a fire of what follows will say what is wrong
    if not job.followers:
        return None
    from batchctl.engine.following import Following

    return Following(job, around.state_dir, run.id, selection)


def event_log(job: Job) -> EventLog | None:
    """Return what writes the events of a run as they happen; None where nobody wants them written."""
    if job.events_file is None and not job.events_syslog:
        return None
    from batchctl.engine.eventlog import EventLog

    return EventLog(job)


def write_skip(job: Job, skip: Skip) -> None:
    """Write the event of a skip."""
    from batchctl.core import events
    from batchctl.engine import eventlog

    eventlog.emit(job, [events.skipped(job.name, skip.reason, skip.now, skip.run_id)])


def write_other_end(job: Job, ended: Ended) -> None:
    """Write the events of an end that the run's own batchctl cannot."""
    if job.events_file is not None or job.events_syslog:
        from batchctl.core import events
        from batchctl.engine import eventlog

        happened = events.ended(job.name, ended.run_id, ended.status, clock.now(), None, ended.why)
        eventlog.emit(job, happened)


def write_alerts(job: Job, run: Run, state_dir: str) -> None:
    """Write the events of the alerts that the run's end has made."""
    if job.alerting.is_told and (job.events_file is not None or job.events_syslog):
        from batchctl.engine import eventlog
        from batchctl.store import database

        with database.Opened(state_dir, create=False) as connection:
            eventlog.emit_alerts(job, connection, run.started_at, run.id)


def follow_other_end(job: Job, state_dir: str, run_id: int) -> None:
    """Fire what comes after any end of the job, where somebody else than the run's own batchctl ended it."""
    if job.followers:
        from batchctl.engine.following import Following

        Following(job, state_dir, run_id).fire()


def send(job: Job, state_dir: str) -> None:
    """Send what is due of the job's alerts; a fire that skips retries by this what could not be sent before."""
    if job.alerting.is_told:
        from batchctl.notify.send import send_due

        send_due(state_dir, {job.name: job})


def tidy(job: Job, state_dir: str) -> None:
    """Remove what retention lets go of the job."""
    from batchctl.engine import prune

    prune.after_run(state_dir, job)
