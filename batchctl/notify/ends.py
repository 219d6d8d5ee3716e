"""Writing alerts: inside the transaction that records what they tell of, so that neither is there without the other."""

from __future__ import annotations

from batchctl.base import clock, language, paths
from batchctl.base.errors import BatchctlError
from batchctl.base.record import replace
from batchctl.base.state_dir import StateDir
from batchctl.core import model
from batchctl.core.judge import alerts
from batchctl.core.judge.ends import at_end
from batchctl.core.text.masking import mask
from batchctl.core.time.periods import day_of, midnight
from batchctl.process import environment
from batchctl.store import ends, outbox, tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from batchctl.core.judge.alerts import Alert
    from batchctl.core.judge.facts import Ended, Facts
    from batchctl.core.model import Alerting, Job
    from batchctl.core.time.zones import Zone


def record(
    connection: sqlite3.Connection, job: Job, run_id: int, state_dir: str, secrets: tuple[str, ...] | None = None
) -> int:
    """Write the alerts that the recorded end of a run causes, inside the caller's transaction; return how many are new.

    `secrets` are the values that must not be told; None has them looked up. The same end again adds nothing, so it may
    be asked again at any time: by the fire that reclaims a run, by the import of a spooled end, by `check`.

    Raises:
        sqlite3.Error: if the history cannot be read or written; the caller's transaction is then not to be committed.
    """
    end = ends.end_of(connection, job.name, run_id)
    return 0 if end is None else tell_end(connection, ends.facts_of(connection, job, end), state_dir, secrets)


def tell_end(
    connection: sqlite3.Connection, facts: Facts, state_dir: str, secrets: tuple[str, ...] | None = None
) -> int:
    """Write the alerts that the end of a job's last run causes, as `record` does, from what is known of it."""
    job, last, now = facts.job, facts.last, clock.now()
    if last is None:
        return 0
    added = 0
    if any(not outbox.has(connection, alert.event_id) for alert in at_end(facts, now)):
        called = paths.called(job.config_path, state_dir, job.state_home)
        language.prefer(job.lang)
        told = at_end(replace(facts, last=_told(last, job, state_dir, secrets), called=called), now, language.say)
        added = tell(connection, job.name, told, job.alerting, job.rules.zone)
    if last.status == model.SUCCEEDED and facts.standing is None:
        # A run that has started since may have its own trouble already.
        outbox.settle(connection, job.name, now, alerts.RUN_KINDS, before=last.run_id)
    if not facts.turns:
        outbox.settle(connection, job.name, now, (alerts.FLAPPING,), before=last.run_id + 1)
    return added


def tell(connection: sqlite3.Connection, job: str, told: Sequence[Alert], alerting: Alerting, zone: Zone) -> int:
    """Write alerts of a job (or of batchctl itself: "") inside the caller's transaction; return how many are new.

    Quiet hours and the day's number are those of `alerting`. Whether anybody wants them is for the caller to ask
    (`alerts.wanted`).
    """
    new = [alert for alert in told if not outbox.has(connection, alert.event_id)]
    if not new:
        return 0
    now = clock.now()
    today = outbox.told_since(connection, job, midnight(day_of(now, zone), zone))
    ready = alerts.rationed(new, today, alerting, zone, now, language.say)
    return sum(outbox.add(connection, alert) for alert in ready)


def remind(connection: sqlite3.Connection, job: Job) -> int:
    """Write the reminder that is due for a job, inside the caller's transaction; return how many are new (0 or 1)."""
    told = [
        (row.alert, row.acked_at)
        for row in outbox.open_alerts(connection, job.name)
        if not row.alert.suppressed and alerts.wanted(job.alerting, row.alert.kind)
    ]
    last = alerts.to_remind(told)
    if last is None:
        return 0
    again = alerts.reminder(last, job.alerting.remind_every, clock.now(), job.rules.zone, language.say)
    return 0 if again is None else tell(connection, job.name, [again], job.alerting, job.rules.zone)


def secrets_of(job: Job) -> tuple[str, ...] | None:
    """Return the values that must not be told, None where they cannot be known because an env_file is unreadable."""
    if not job.secrets:
        return ()
    try:
        return environment.secret_values(job, environment.read_env_files(job))
    except (BatchctlError, OSError):
        return None


def _told(end: Ended, job: Job, state_dir: str, secrets: tuple[str, ...] | None) -> Ended:
    """Return the end with the last lines of output, and no secret in any of it."""
    values = secrets_of(job) if secrets is None else secrets
    # Output that cannot be masked is not sent; the command that shows it is in the text anyway.
    lines = [] if values is None or end.log is None else tail.last_lines(StateDir(state_dir).at(end.log), values)
    hidden = values or ()
    return replace(
        end,
        why=mask(end.why or "", hidden),
        tail=tuple(lines),
        warnings=tuple((kind, mask(text, hidden)) for kind, text in end.warnings),
    )
