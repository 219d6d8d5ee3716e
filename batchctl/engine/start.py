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
from batchctl.core.run import Run
from batchctl.core.text.masking import masked
from batchctl.core.time import zones
from batchctl.core.time.schedule import previous_fire
from batchctl.engine import after_run, command
from batchctl.engine.journal import Journal
from batchctl.engine.state import read
from batchctl.process import environment
from batchctl.process.identity import myself
from batchctl.process.reaper import Reaper
from batchctl.store import database, guard, spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any

    from batchctl.core.guard.decide import Decision, Running, State
    from batchctl.core.guard.selection import Earlier, Selection
    from batchctl.core.model import Job
    from batchctl.core.run import Identity

_CRON_IS_ON_TIME = 90.0
"""Seconds after a scheduled minute within which a fire counts as cron's own."""


class Started(Record):
    """A run that is written down and whose steps are to be started now."""

    around: command.Surroundings
    run: Run
    journal: Journal
    reaper: Reaper
    decision: Decision


class Refused(Record):
    """What was read under the lock says skip."""

    state: State
    decision: Decision


class _Prepared(Record):
    owner: Identity
    now: float
    began: float
    scheduled: float
    files_env: Mapping[str, Mapping[str, str]]
    secrets: tuple[str, ...]


class Starter:
    """One start of one job, under its lock."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        job: Job,
        state_dir: str,
        selection: Selection,
        params: Mapping[str, Any],
        scheduled_for: float | None = None,
    ) -> None:
        """Keep what the command line asks of the run."""
        self._scheduled_for = scheduled_for
        self._connection, self._job, self._state_dir = connection, job, state_dir
        self._selection, self._params = selection, params

    def start(self, lock: int, *, force: bool, gap_ignores: int | None, heed_spool: bool) -> Started | Refused | None:
        """Decide and write; None where something has to be done without the lock before it can be decided.

        With `heed_spool` that is also to import what a vanished batchctl said last.

        Raises:
            StateError: if the history or the disk do not take the run.
            ConfigError: if an env_file or a function is unusable.
            UsageError: if there is nothing to resume.
        """
        prepared = self._prepare()
        # Before the row is written: a stop signal in between must end the run, and not leave its row behind.
        reaper, started = Reaper(), None
        try:
            started = self._write(prepared, reaper, lock, force=force, gap_ignores=gap_ignores, heed_spool=heed_spool)
        finally:
            if not isinstance(started, Started):
                reaper.close()
        return started

    def _prepare(self) -> _Prepared:
        job, now = self._job, clock.now()
        files_env = environment.read_env_files(job)
        earlier = guard.earlier_run(self._connection, job.name) if self._selection.resume else None
        command.check_functions(job, inherited(earlier, self._params), files_env)
        return _Prepared(
            owner=myself(),
            now=now,
            began=clock.monotonic(),
            scheduled=_scheduled_for(job, now) if self._scheduled_for is None else self._scheduled_for,
            files_env=files_env,
            secrets=environment.secret_values(job, files_env),
        )

    def _write(
        self,
        prepared: _Prepared,
        reaper: Reaper,
        lock: int,
        *,
        force: bool,
        gap_ignores: int | None,
        heed_spool: bool,
    ) -> Started | Refused | None:
        job, state_dir = self._job, self._state_dir
        written = None
        try:
            with database.Immediate(self._connection):
                state = read(self._connection, job, state_dir, lock_is_mine=True, gap_ignores=gap_ignores)
                decision = decide.decide(prepared.now, state, job.rules, force=force)
                if not decision.start:
                    return Refused(state=state, decision=decision)
                if decision.take_over is not None or (heed_spool and _spoke_last(state_dir, decision.reclaim)):
                    return None
                self._reclaim(decision)
                self._tidy_reservations()
                written, params = self._insert(prepared, decision)
        except BaseException:
            if written is not None:
                spool.release(state_dir, written.id)  # the commit failed: there is no such run
            raise
        around = command.Surroundings(
            state_dir=state_dir,
            job=job,
            overrides=params,
            files_env=prepared.files_env,
            lock=lock,
            began=prepared.began,
            secrets=prepared.secrets,
            scheduled_for=zones.iso(prepared.scheduled, job.rules.zone) or "",
        )
        journal = Journal(state_dir, prepared.owner, job, prepared.secrets)
        return Started(around=around, run=written, journal=journal, reaper=reaper, decision=decision)

    def _insert(self, prepared: _Prepared, decision: Decision) -> tuple[Run, dict[str, Any]]:
        """Write the run and make its files, all of it or nothing; return it with the parameters it overrides."""
        job, connection, state_dir = self._job, self._connection, self._state_dir
        earlier = earlier_to_resume(connection, job) if self._selection.resume else None
        params = inherited(earlier, self._params)
        new = guard.NewRun(
            owner=prepared.owner,
            started_at=prepared.now,
            started_mono=prepared.began,
            scheduled_for=prepared.scheduled,
            token=os.urandom(12).hex(),
            forced=decision.forced,
            resumed_from=None if earlier is None else earlier.run_id,
            params=_params_text(params, prepared.secrets),
        )
        run_id = guard.insert_run(connection, job, new)
        run = Run(run_id, job.name, new.started_at, new.token, chosen(job, self._selection, earlier))
        guard.save_steps(connection, run)
        try:
            StateDir(state_dir).make_run(run_id)
            spool.reserve(state_dir, run_id)
        except OSError as error:
            message = f"state directory {state_dir}: {error.strerror}"
            raise StateError(message, remedy="free disk space (`df -h`) or check its mode, then fire again") from error
        return run, params

    def _reclaim(self, decision: Decision) -> None:
        if decision.reclaim is None:
            return
        row = guard.running_row(self._connection, self._job.name)
        if row is not None and row.run_id == decision.reclaim:
            ended = _last_sign_of_life(self._state_dir, row)
            why = "batchctl vanished (crash, kill -9 or reboot)"
            if guard.close_row(self._connection, row, model.LOST, ended, why):
                after_run.write(self._connection, self._job, row.run_id, self._state_dir)

    def _tidy_reservations(self) -> None:
        """Give back what a batchctl that was killed held in reserve for a run that has ended, or never began.

        Inside the transaction: nobody else can be between reserving for a run and committing its row.
        """
        for run_id in spool.reservations(self._state_dir):
            if guard.status_of(self._connection, run_id) != model.RUNNING:
                spool.release(self._state_dir, run_id)


def _spoke_last(state_dir: str, run_id: int | None) -> bool:
    """Say whether a vanished batchctl left the end of this run in the spool: then the run is not lost."""
    return run_id is not None and f"{run_id}.json" in spool.waiting(state_dir)


def earlier_to_resume(connection: sqlite3.Connection, job: Job, *, reclaims: Running | None = None) -> Earlier:
    """Return the run that `--resume` continues: the job's last one, which must have ended unfinished.

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
