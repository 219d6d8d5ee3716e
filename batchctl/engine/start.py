"""Starting a run under the job's lock: decide again on what is read there, write the row, make its files."""

from __future__ import annotations

import os

from batchctl.base import clock
from batchctl.base.errors import StateError, UsageError
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.core import model
from batchctl.core.guard import decide
from batchctl.core.guard.selection import chosen, inherited
from batchctl.core.run import Ended, Run
from batchctl.core.text.masking import masked
from batchctl.core.time import zones
from batchctl.core.time.schedule import previous_fire
from batchctl.engine import adapters, command
from batchctl.engine.state import read, spoke_last
from batchctl.process import environment
from batchctl.process.identity import myself
from batchctl.store import database, guard, runs, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any

    from batchctl.core.guard.decide import Decision, Running, State
    from batchctl.core.guard.selection import Earlier
    from batchctl.core.model import Job, Request
    from batchctl.core.run import Identity
    from batchctl.engine.journal import Tell
    from batchctl.engine.ports import Hold
    from batchctl.engine.state import Settled

_CRON_IS_ON_TIME = 90.0
"""Seconds after a scheduled minute within which a fire counts as cron's own."""


class Prepared(Record):
    """What is known of a run before it is decided for good: all that may take time or fail."""

    job: Job
    request: Request
    owner: Identity
    now: float
    began: float
    """The same instant on the monotonic clock."""
    scheduled: float
    scheduled_for: str
    """The same for steps, as ISO text: after the row is written nothing may fail any more."""
    files_env: Mapping[str, Mapping[str, str]]
    secrets: tuple[str, ...]


class Started(Record):
    """A run that is written down and whose steps are to be started now."""

    around: command.Surroundings
    run: Run
    owner: Identity
    decision: Decision
    lost: Ended | None
    """The run of a vanished batchctl that was declared lost to make room."""


class Refused(Record):
    """What was read under the lock says skip."""

    state: State
    decision: Decision


def prepare(connection: sqlite3.Connection, job: Job, request: Request) -> Prepared:
    """Read the env_files, look for the executors, and ask the functions whether they can be called as the run would.

    Raises:
        ConfigError: if an env_file, an executor, a user or a function is unusable.
        UsageError: if a run that is continued had secrets in its parameters that are not given again.
    """
    now = clock.now()
    files_env = environment.read_env_files(job)
    earlier = guard.earlier_run(connection, job.name) if request.selection.resume else None
    adapters.check(job)
    command.check_users(job)
    overrides = inherited(earlier, request.params)
    command.check_sizes(job, overrides)
    command.check_functions(job, overrides, files_env)
    scheduled = _scheduled_for(job, now) if request.scheduled_for is None else request.scheduled_for
    return Prepared(
        job=job,
        request=request,
        owner=myself(),
        now=now,
        began=clock.monotonic(),
        scheduled=scheduled,
        scheduled_for=zones.iso(scheduled, job.rules.zone) or "",
        files_env=files_env,
        secrets=environment.secret_values(job, files_env),
    )


def start(
    connection: sqlite3.Connection, prepared: Prepared, hold: Hold, settled: Settled, tell: Tell | None
) -> Started | Refused | None:
    """Decide and write in one transaction; None where something has to be settled, without the lock, before.

    Raises:
        StateError: if the disk does not take the run.
        UsageError: if there is nothing to resume.
        sqlite3.Error: if the history does not take it.
    """
    job, request = prepared.job, prepared.request
    run = None
    try:
        with database.Immediate(connection):
            state = read(connection, job, request.state_dir, settled, hold)
            decision = decide.decide(
                prepared.now, state, job.rules, force=request.force, resume=request.selection.resume
            )
            if not decision.start:
                return Refused(state=state, decision=decision)
            if decision.take_over is not None or spoke_last(request.state_dir, decision.reclaim, settled):
                return None
            lost = _reclaim(connection, job, request.state_dir, decision.reclaim, tell)
            _tidy_reservations(connection, request.state_dir)
            run, params = _insert(connection, prepared, decision)
    except BaseException:
        if run is not None:
            spool.release(request.state_dir, run.id)  # the commit failed: there is no such run
        raise
    around = command.Surroundings(
        state_dir=request.state_dir,
        job=job,
        overrides=params,
        files_env=prepared.files_env,
        hold=hold,
        began=prepared.began,
        secrets=prepared.secrets,
        scheduled_for=prepared.scheduled_for,
    )
    return Started(around=around, run=run, owner=prepared.owner, decision=decision, lost=lost)


def _insert(connection: sqlite3.Connection, prepared: Prepared, decision: Decision) -> tuple[Run, dict[str, Any]]:
    """Write the run and make its files, all of it or nothing; return it with the parameters it overrides."""
    job, request = prepared.job, prepared.request
    earlier = earlier_to_resume(connection, job) if request.selection.resume else None
    params = inherited(earlier, request.params)
    new = runs.NewRun(
        owner=prepared.owner,
        started_at=prepared.now,
        started_mono=prepared.began,
        scheduled_for=prepared.scheduled,
        token=os.urandom(12).hex(),
        forced=decision.forced,
        resumed_from=None if earlier is None else earlier.run_id,
        params=_params_text(params, prepared.secrets),
    )
    run_id = runs.insert_run(connection, job, new)
    run = Run(run_id, job.name, new.started_at, new.token, chosen(job, request.selection, earlier))
    runs.save_steps(connection, run_id, run.steps)
    try:
        StateDir(request.state_dir).make_run(run_id)
        spool.reserve(request.state_dir, run_id)
    except OSError as error:
        message = f"state directory {request.state_dir}: {error.strerror}"
        raise StateError(message, remedy="free disk space (`df -h`) or check its mode, then fire again") from error
    return run, params


def _reclaim(
    connection: sqlite3.Connection, job: Job, state_dir: str, run_id: int | None, tell: Tell | None
) -> Ended | None:
    row = None if run_id is None else guard.running_row(connection, job.name)
    if row is None or row.run_id != run_id:
        return None
    from batchctl.process import cgroup

    cgroup.remove_all(row.token)
    why = "batchctl vanished (crash, kill -9 or reboot)"
    if not runs.close_row(connection, row, model.LOST, _last_sign_of_life(state_dir, row), why):
        return None
    if tell is not None:
        tell(connection, row.run_id)
    return Ended(run_id=row.run_id, token=row.token, status=model.LOST, why=why)


def _tidy_reservations(connection: sqlite3.Connection, state_dir: str) -> None:
    """Give back what a batchctl that was killed held in reserve for a run that has ended, or never began.

    Inside the transaction: nobody else can be between reserving for a run and committing its row.
    """
    for run_id in spool.reservations(state_dir):
        if guard.status_of(connection, run_id) != model.RUNNING:
            spool.release(state_dir, run_id)


def earlier_to_resume(connection: sqlite3.Connection, job: Job, *, reclaims: Running | None = None) -> Earlier:
    """Return the run that `--resume` continues: the job's last one that broke off, unless all has succeeded since.

    `reclaims` is a running row that the start would first have to declare lost.

    Raises:
        UsageError: if there is none, or it succeeded.
    """
    earlier = guard.earlier_run(connection, job.name)
    lost = reclaims is not None and decide.is_lost(reclaims)
    if earlier is None or (earlier.status not in model.UNFINISHED and not lost):
        state = "has never run" if earlier is None else f"ended its last run ({earlier.run_id}) as {earlier.status}"
        message = f"there is nothing to resume: {job.name} {state}"
        raise UsageError(message, remedy=f"start it afresh: batchctl run {job.name}")
    return earlier


def _last_sign_of_life(state_dir: str, row: guard.RunningRow) -> float:
    """Return when a lost run was last seen alive: the last write to one of its files, else its start.

    The gap to the next run counts from there; counting from the discovery would add the length of the outage to it.
    """
    latest = row.started_at
    try:
        with os.scandir(StateDir(state_dir).run(row.run_id)) as files:
            for file in files:
                latest = max(latest, file.stat(follow_symlinks=False).st_mtime)
    except OSError:
        pass
    return round(min(latest, max(clock.now(), row.started_at)), 6)


def _scheduled_for(job: Job, now: float) -> float:
    """Return the instant that cron meant: the scheduled minute just passed; a fire by hand means its own instant."""
    planned = previous_fire(job.schedule, job.rules.zone, now)
    return planned if planned is not None and now - planned < _CRON_IS_ON_TIME else now


def _params_text(params: Mapping[str, Any], secrets: tuple[str, ...]) -> str | None:
    if not params:
        return None
    import json

    return json.dumps(masked(dict(params), secrets), ensure_ascii=False)
