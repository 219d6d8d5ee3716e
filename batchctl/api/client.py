"""`Batchctl`: every question and action of the commands, for Python programs."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from batchctl.api import results, results_jobs, results_upkeep
from batchctl.api.convert import result
from batchctl.api.questions import seconds_text, twin
from batchctl.api.schedules import Schedule, plain
from batchctl.api.upkeep import Upkeep
from batchctl.base.errors import EXIT_SKIPPED
from batchctl.base.record import Record
from batchctl.core.time.zones import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from batchctl.answers.jobs_edit import Changed
    from batchctl.api.questions import Duration
    from batchctl.core.time.zones import Zone


class Stopped(Record):
    """What `stop` did; `run_id` is None where nothing was running."""

    job: str
    run_id: int | None
    status: str | None


class Paused(Record):
    """A pause, of one job or (None) of everything; `until` is None where only `resume` ends it."""

    job: str | None
    until: datetime | None


class Resumed(Record):
    """A pause that was ended, or that there was none."""

    job: str | None
    was_paused: bool


class Batchctl(Upkeep):
    """One configuration and its state, found as the command finds them unless they are named.

    Every method asks anew, so that an object may be kept. What goes wrong is raised as a `BatchctlError`, whose text
    says what and where, and whose `remedy` says what to do next: `UsageError` for an unknown job or an impossible
    argument, `ConfigError` for a wrong configuration, `StateError` where the history or the lock cannot be trusted and
    therefore nothing was started. Times are aware datetimes, or ISO 8601 text where they are given; durations float
    seconds, and where they are given also text (`26h`) or timedeltas. Each method has a twin for asyncio whose name
    begins with `a`: `await ctl.arun(…)`.

    >>> ctl = Batchctl(config=example.config, state=example.state)
    >>> ctl.explain("prices").verdict
    'start'
    """

    def run(
        self,
        job: str,
        *,
        params: Mapping[str, Any] | None = None,
        force: bool = False,
        resume: bool = False,
        only: Sequence[str] = (),
        from_: str | None = None,
    ) -> results.Run:
        """Fire a job and return once its run has ended, or at once where the fire is a skip.

        The run is supervised by a process of its own: a program that is killed while it waits leaves it running. One
        that is interrupted (Ctrl-C) stops it.

        >>> ctl.run("prices", params={"limit": 10}).status
        'succeeded'
        """
        return self._fire(job, params, force=force, resume=resume, only=only, from_=from_)

    def start(
        self,
        job: str,
        *,
        params: Mapping[str, Any] | None = None,
        force: bool = False,
        resume: bool = False,
        only: Sequence[str] = (),
        from_: str | None = None,
    ) -> int:
        """Fire a job in a session of its own and return the run's id as soon as it is under way.

        Raises:
            Skipped: if the fire is a skip.

        >>> run = ctl.start("prices")
        """
        from batchctl.api.guarded import Skipped

        done = self._fire(job, params, "--detach", force=force, resume=resume, only=only, from_=from_)
        if done.run_id is None:
            raise Skipped(job, done.reason or "", done.detail or "", done.until)
        return done.run_id

    def run_command(
        self,
        name: str,
        argv: Sequence[str],
        *,
        min_gap: Duration | None = None,
        timeout: Duration | None = None,
        stale_after: Duration | None = None,
        retries: int | None = None,
        force: bool = False,
    ) -> results.Run:
        """Guard any command under a name that no configuration knows, and return once its run has ended, or skips.

        `logs`, `explain`, `report` and `stop` know the name from then on.

        >>> ctl.run_command("space", ["df", "-h", "/"], timeout="2h").status
        'succeeded'
        """
        rules = {"min-gap": min_gap, "timeout": timeout, "stale-after": stale_after}
        words = [f"--{rule}={seconds_text(length)}" for rule, length in rules.items() if length is not None]
        words += ([] if retries is None else [f"--retries={retries}"]) + (["--force"] if force else [])
        return self._told(name, [f"--name={name}", *words, "--", *argv])

    def dry_run(
        self,
        job: str,
        *,
        params: Mapping[str, Any] | None = None,
        force: bool = False,
        resume: bool = False,
        only: Sequence[str] = (),
        from_: str | None = None,
    ) -> results.DryRun:
        """Return what `run` would do now, decision and plan; nothing is changed.

        >>> [step.command for step in ctl.dry_run("prices").steps]
        ['echo 512 prices']
        """
        from batchctl.answers import run as answer
        from batchctl.answers.firing import as_json
        from batchctl.present.run import dry_run_json

        site = self._site()
        found = site.job(job)
        asked = answer.request(
            site,
            found,
            force=force,
            selection=answer.selection(resume=resume, only=only, start_from=from_),
            params={key: json.loads(as_json(key, value)) for key, value in (params or {}).items()},
            exit_on_skip=EXIT_SKIPPED,
        )
        return result(results.DryRun, dry_run_json(answer.plan(found, asked)))

    def stop(self, job: str) -> Stopped:
        """End the running run of a job with its whole process tree; not running is no error.

        >>> ctl.stop("nightly").run_id is None
        True
        """
        from batchctl.answers.stop import stop

        done = stop(self._site(), job)
        return Stopped(job=job, run_id=done.run_id, status=done.status)

    def pause(self, job: str | None = None, *, for_: Duration | None = None) -> Paused:
        """Let nothing start, or not this job; what runs goes on.

        >>> ctl.pause("nightly").until is None
        True
        """
        from batchctl.answers.pause import pause

        done = pause(self._site(), job, seconds_text(for_))
        return Paused(job=done.job, until=_instant(done.until, done.zone))

    def resume(self, job: str | None = None) -> Resumed:
        """End the pause of everything, or of one job.

        >>> ctl.resume("nightly").was_paused
        True
        """
        from batchctl.answers.pause import resume

        done = resume(self._site(), job)
        return Resumed(job=done.job, was_paused=done.was_paused)

    def prune(self, job: str | None = None, *, dry_run: bool = False) -> results_upkeep.Pruned:
        """Remove what retention no longer keeps, or only say what would go.

        >>> ctl.prune(dry_run=True).jobs
        ()
        """
        from batchctl.answers.prune import prune
        from batchctl.present.prune import as_json

        return result(results_upkeep.Pruned, as_json(prune(self._site(), job, dry_run=dry_run)))

    def backup(self, target: str | os.PathLike[str], *, keep: int | None = None) -> results_upkeep.Backup:
        """Write history and configuration into an archive, or into a directory of which the newest `keep` stay.

        >>> ctl.backup(example.home + "/kept.tar.gz").runs
        4
        """
        from batchctl.answers.backup import backup
        from batchctl.present.backup import as_json

        site = self._site()
        return result(results_upkeep.Backup, as_json(backup(site, os.fspath(target), keep=keep), site.config.zone))

    # What changes jobs

    def create_job(
        self,
        name: str,
        /,
        *,
        function: str | None = None,
        run: str | None = None,
        argv: Sequence[str] | None = None,
        preset: str | None = None,
        schedule: Schedule | None = None,
        params: Mapping[str, Any] | None = None,
        **keys: Any,
    ) -> results_jobs.Changed:
        """Add a job as a file in `jobs.d`, checked with everything else before it is written.

        A name that is none (`"Collect everything"`) becomes the title, and the name is made of it, blanks to `-`.
        `function` is `package.module:attribute`, or a name that `register_job_function` gave; `keys` are those of the
        configuration (`kind`, `timeout`, `retries`, `min_gap`, …), durations also as seconds or timedeltas.

        >>> ctl.create_job("custom", function="json:dumps", schedule=cron("15 * * * *"), retries=3, timeout="1h").jobs
        ('custom',)
        """
        from batchctl.answers.jobs_edit import add, named

        name, title = named(name)
        commands = {"preset": preset, "function": function, "run": run, "argv": None if argv is None else list(argv)}
        table = {
            **(schedule.keys if schedule else {}),
            "params": dict(params) if params else None,
            **commands,
            "title": title,
            **keys,
        }
        return _changed(add(self._site(), name, _settings(table)))

    def register_job_function(self, name: str, function: Callable[..., Any], /) -> results_jobs.Changed:
        """Name a function of a module for `create_job(function=name)`, in `[functions]` of the configuration.

        Jobs call it in a process of their own, so it must be found there: in the configuration's folder, `python_path`,
        PYTHONPATH, or what is installed.

        Raises:
            UsageError: if it is a lambda, one inside another function, a generator, or of the program itself.
            ConfigError: if it cannot be imported there; nothing is written.

        >>> import json
        >>> ctl.register_job_function("encode", json.dumps).files[0] == example.config
        True
        """
        from batchctl.answers.jobs_edit import register
        from batchctl.api.decorated import reference

        return _changed(register(self._site(), name, reference(function)))

    def update_job(
        self, name: str, /, *, schedule: Schedule | None = None, params: Mapping[str, Any] | None = None, **keys: Any
    ) -> results_jobs.Changed:
        """Set keys of a job in the file that defines it, comments kept; None takes a key out.

        Parameters are set one by one; those that are not named stay.

        >>> ctl.update_job("custom", enabled=False).jobs
        ('custom',)
        """
        from batchctl.answers.jobs_edit import set_keys

        values = {name: plain(value) for name, value in ({**schedule.keys, **keys} if schedule else keys).items()}
        values.update({f"params.{name}": value for name, value in (params or {}).items()})
        return _changed(set_keys(self._site(), name, values))

    def delete_job(self, name: str) -> results_jobs.Changed:
        """Take out a job that is not running; its history stays.

        >>> ctl.delete_job("custom").jobs
        ('custom',)
        """
        from batchctl.answers.jobs_edit import remove

        return _changed(remove(self._site(), name))

    def _fire(
        self,
        job: str,
        params: Mapping[str, Any] | None,
        *more: str,
        force: bool,
        resume: bool,
        only: Sequence[str],
        from_: str | None,
    ) -> results.Run:
        from batchctl.answers.firing import fire

        said = fire(self._site(), job, more, params=params, force=force, resume=resume, only=only, from_=from_)
        return result(results.Run, said)

    def _told(self, job: str, words: Sequence[str]) -> results.Run:
        from batchctl.answers.firing import told

        return result(results.Run, told(self._site(), job, words))

    arun = twin(run)
    astart = twin(start)
    arun_command = twin(run_command)
    adry_run = twin(dry_run)
    astop = twin(stop)
    apause = twin(pause)
    aresume = twin(resume)
    aprune = twin(prune)
    abackup = twin(backup)
    acreate_job = twin(create_job)
    aregister_job_function = twin(register_job_function)
    aupdate_job = twin(update_job)
    adelete_job = twin(delete_job)


def _changed(done: Changed) -> results_jobs.Changed:
    from batchctl.present.jobs import changed_as_json

    return result(results_jobs.Changed, changed_as_json(done))


def _settings(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in table.items() if value is not None}


def _instant(instant: float | None, zone: Zone) -> datetime | None:
    said = iso(instant, zone)
    return None if said is None else datetime.fromisoformat(said)
