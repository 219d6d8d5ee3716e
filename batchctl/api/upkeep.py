"""The half of `Batchctl` that looks after crontab, configuration, alerts and logs."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial, wraps
from itertools import chain
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from batchctl.api import results, results_jobs, results_upkeep
from batchctl.api.convert import result
from batchctl.api.questions import Questions, moment_text, twin
from batchctl.api.schedules import duration
from batchctl.base.record import Record
from batchctl.core.time.zones import iso

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from batchctl.answers.logs import Piece
    from batchctl.api.questions import Duration, Moment

P = ParamSpec("P")
T = TypeVar("T")


class CrontabWritten(Record):
    """What became of the crontab: whether it was changed, and the file in which that of before is kept."""

    changed: bool
    backup: str | None


class CaughtUp(Record):
    """A fire that was made up for: the last of `missed`; `exit_code` is that of `batchctl run`."""

    job: str
    fire: datetime
    missed: int
    exit_code: int
    skipped: bool


class LogLine(Record):
    """A line of a run's output, its end included."""

    job: str
    run_id: int
    step: str
    attempt: int
    text: str


def flow(looks: Callable[Concatenate[Any, P], Iterator[list[T]]]) -> Callable[Concatenate[Any, P], AsyncIterator[T]]:
    """Return what these looks find, for `async for`: each look is taken in one thread, and none takes long."""

    @wraps(looks)
    async def flowing(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        thread = ThreadPoolExecutor(1)  # a connection of SQLite stays in the thread that made it
        go_on = partial(asyncio.get_running_loop().run_in_executor, thread)
        found = looks(self, *args, **kwargs)
        try:
            while (seen := await go_on(next, found, None)) is not None:
                for each in seen:
                    yield each
        finally:
            thread.shutdown(wait=False)

    return flowing


class Upkeep(Questions):
    """Crontab, configuration, ready-made jobs, alerts, backups, and what goes on while one looks on."""

    def config(self, job: str | None = None) -> results_jobs.Config:
        """Return the configuration in force, or what of it concerns one job, and where each value comes from.

        >>> ctl.config("prices").jobs["prices"].timeout
        7200.0
        """
        from batchctl.answers.config import config
        from batchctl.present.config import as_json

        return result(results_jobs.Config, as_json(config(self._site(), job)))

    def init(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write a commented starter configuration, and return its path; nothing is ever overwritten.

        Raises:
            BatchctlError: if something is there already.

        >>> ctl.init(example.home + "/new.toml") == example.home + "/new.toml"
        True
        """
        from batchctl.answers.init import init

        return init(self._site(), None if path is None else os.fspath(path)).path

    def presets(self, *names: str) -> tuple[results_jobs.Preset, ...]:
        """Return the ready-made jobs, or those of these names.

        >>> [each.schedule for each in ctl.presets("daily-batch")]
        ['0 1 * * *']
        """
        from batchctl.answers.jobs import presets
        from batchctl.present.jobs import presets_as_json

        return result(results_jobs.Presets, presets_as_json(presets(names))).presets

    def install_presets(self, *names: str) -> results_jobs.Changed:
        """Make each ready-made job, or those of these names, a file in `jobs.d`; one that is there stays as it is.

        >>> ctl.install_presets("daily-batch").jobs
        ('daily-batch',)
        """
        from batchctl.answers.jobs import install
        from batchctl.present.jobs import changed_as_json

        return result(results_jobs.Changed, changed_as_json(install(self._site(), names)))

    def import_jobs(
        self, file: str | os.PathLike[str] | None = None, *, write: bool = False, enable: bool = False
    ) -> results_jobs.Imported:
        """Propose a job for each line of a crontab (the user's own without `file`), and with `write` add them.

        What is written is disabled, unless `enable` says otherwise.

        >>> with open(example.home + "/old.txt", "w") as old:
        ...     _ = old.write("0 3 * * * flock -n /tmp/a timeout 6h collect --all" + chr(10))
        >>> [each.job for each in ctl.import_jobs(example.home + "/old.txt").jobs]
        ['collect']
        """
        from batchctl.answers.jobs_import import import_jobs
        from batchctl.present.jobs import proposals_as_json

        found = import_jobs(self._site(), None if file is None else os.fspath(file), write=write, enable=enable)
        return result(results_jobs.Imported, proposals_as_json(found))

    def crontab(self, *, care: bool | None = None) -> results_jobs.Crontab:
        """Return the block that `install_crontab` would write; `care` is for check, prune and catch-up.

        >>> ctl.crontab().jobs[0].job
        'prices'
        """
        from batchctl.answers.crontab import block
        from batchctl.present.crontab import as_json

        return result(results_jobs.Crontab, as_json(block(self._site(), care=care)))

    def diff_crontab(self, *, care: bool | None = None) -> str:
        """Return what `install_crontab` would change, as `diff -u` prints it; "" where nothing.

        >>> "+# >>> batchctl" in ctl.diff_crontab()
        True
        """
        from batchctl.answers.crontab import change, diff

        return diff(change(self._site(), care=care)).decode("utf-8", "replace")

    def install_crontab(self, *, care: bool | None = None) -> CrontabWritten:
        """Write the block into the user's crontab; every other line stays byte for byte.

        Raises:
            ConfigError: if a job cannot be written as crontab lines.
            StateError: if the crontab cannot be read or written; nothing was changed.

        >>> ctl.install_crontab().changed, ctl.install_crontab().changed
        (True, False)
        """
        from batchctl.answers.crontab import change, install

        site = self._site()
        done = install(site, change(site, care=care))
        return CrontabWritten(changed=done.changed, backup=done.backup)

    def remove_crontab(self) -> CrontabWritten:
        """Take the block out of the user's crontab: nothing is fired by cron any more; what runs goes on.

        >>> ctl.remove_crontab().changed
        True
        """
        from batchctl.answers.crontab import remove

        done = remove(self._site())
        return CrontabWritten(changed=done.changed, backup=done.backup)

    def catch_up(self) -> tuple[CaughtUp, ...]:
        """Fire each job with `catch_up = true` once that missed a fire, all at once; return when all have ended.

        What a run that fails has to report goes to the program's stderr.

        >>> ctl.catch_up()
        ()
        """
        from batchctl.answers.catch_up import make_up, missed

        site = self._site()
        return tuple(
            CaughtUp(
                job=made.missed.job.name,
                fire=datetime.fromisoformat(iso(made.missed.fire, made.missed.job.rules.zone) or ""),
                missed=made.missed.count,
                exit_code=made.exit_code,
                skipped=made.skipped,
            )
            for made in make_up(site, missed(site))
        )

    def test_alerts(self, job: str) -> results_upkeep.AlertTest:
        """Send a test alert through every channel of a job and say how each took it; 15 seconds at most.

        Raises:
            UsageError: if there is no such job, or it tells nobody anything.

        >>> ctl.test_alerts("nightly").ok
        True
        """
        from batchctl.answers.alerts import test
        from batchctl.present.alerts import trial_as_json

        return result(results_upkeep.AlertTest, trial_as_json(test(self._site(), job)))

    def ack_alerts(self, job: str | None = None, *, alert: int | None = None) -> tuple[int, ...]:
        """Acknowledge one alert, the open ones of a job, or all open ones; return the ids of those that were not yet.

        >>> ctl.ack_alerts()
        ()
        """
        from batchctl.answers.alerts import ack

        return tuple(ack(self._site(), job, alert))

    def verify_backup(self, target: str | os.PathLike[str]) -> results_upkeep.Backup:
        """Read a backup back, of a directory the newest.

        Raises:
            BatchctlError: if it cannot be relied on.

        >>> ctl.verify_backup(ctl.backup(example.home + "/read.tar.gz").path).newest_run
        1
        """
        from batchctl.answers.backup import verify
        from batchctl.present.backup import as_json

        return result(results_upkeep.Backup, as_json(verify(os.fspath(target)), self._site().config.zone))

    def find_lines(
        self,
        grep: str | None = None,
        *,
        job: str | None = None,
        run: int | None = None,
        step: str | None = None,
        since: Moment | Duration | None = None,
        last: int | None = None,
    ) -> tuple[LogLine, ...]:
        r"""Return the lines of output in which a regular expression is found, oldest first; secrets masked.

        Of one run, a job's last one unless it is named; or with `since`, or without a job, of all runs that were under
        way since then (24 hours). `last` keeps so many lines.

        >>> [(line.step, line.text) for line in ctl.find_lines("^512", job="prices")]
        [('1', '512 prices\n')]
        """
        from batchctl.answers.found_lines import FoundLines

        begun = moment_text(since) if isinstance(since, str | datetime | None) else duration(since)
        found = FoundLines(self._site(), job, run_id=run, step=step, grep=grep, since=begun)
        return tuple(map(_line, found.pieces(last)))

    def follow(self, job: str, *, run: int | None = None, step: str | None = None) -> Iterator[str]:
        r"""Yield what a run has written and goes on to write, piece by piece, until it has ended; secrets masked.

        >>> "".join(ctl.follow("prices"))
        '512 prices\n'
        """
        return chain.from_iterable(self._looks_at_log(job, run=run, step=step))

    def follow_events(self, job: str | None = None, *, since: Moment | Duration = "24h") -> Iterator[results.Event]:
        """Yield what happened since a time, or so long ago, and what happens from then on, without an end.

        >>> next(ctl.follow_events("prices")).event
        'start'
        """
        return chain.from_iterable(self._looks_at_events(job, since=since))

    def _looks_at_log(self, job: str, *, run: int | None = None, step: str | None = None) -> Iterator[list[str]]:
        """`follow`, for `async for`: it blocks no event loop."""
        from batchctl.answers.logs import Logs

        found = Logs(self._site(), job, run, step)
        for pieces in found.looks():
            yield [piece.text for piece in pieces if piece.text]
        yield [piece.text for piece in found.rest()]

    def _looks_at_events(
        self, job: str | None = None, *, since: Moment | Duration = "24h"
    ) -> Iterator[list[results.Event]]:
        """`follow_events`, for `async for`: it blocks no event loop."""
        from batchctl.answers.events import Events
        from batchctl.present.events import as_object

        begun = moment_text(since) if isinstance(since, str | datetime) else duration(since)
        found = Events(self._site(), job, begun or "24h")
        for new in found.looks():
            yield [result(results.Event, as_object(event, found.zone)) for event in new]

    aconfig = twin(config)
    ainit = twin(init)
    apresets = twin(presets)
    ainstall_presets = twin(install_presets)
    aimport_jobs = twin(import_jobs)
    acrontab = twin(crontab)
    adiff_crontab = twin(diff_crontab)
    ainstall_crontab = twin(install_crontab)
    aremove_crontab = twin(remove_crontab)
    acatch_up = twin(catch_up)
    atest_alerts = twin(test_alerts)
    aack_alerts = twin(ack_alerts)
    averify_backup = twin(verify_backup)
    afind_lines = twin(find_lines)
    afollow = flow(_looks_at_log)
    afollow_events = flow(_looks_at_events)


def _line(piece: Piece) -> LogLine:
    attempt = piece.attempt
    return LogLine(job=piece.run.job, run_id=piece.run.id, step=attempt.step, attempt=attempt.attempt, text=piece.text)
