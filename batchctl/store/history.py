"""The reading side of the history, for the commands that show it; it changes nothing and needs no history to exist.

The order of a job's runs is that of their ids. A window holds every run that was under way in it: started before its
end, and not ended before its beginning. Otherwise `--days 1` would hide a 26-hour batch that has just ended.

A million runs must cost a reader no more than its own start, so every query is a seek or walks a covering index: what
is asked of all jobs is asked job by job (200 seeks take 1 ms, a `group by` over all runs 2 s).
"""

# ruff: noqa: S608 - queries are put together from this page's own words only; every value is bound
from __future__ import annotations

from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from batchctl.core.model import CANCELLED, IDLE, RUNNING, SKIPPED, SUCCEEDED, UNFINISHED
from batchctl.store import recovery
from batchctl.store.pauses import ALL
from batchctl.store.reader import marks
from batchctl.store.schema import KNOWN_JOBS
from batchctl.store.stories import ALL_RUNNING, Stories

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UNDER_WAY = "started_at < ? and (ended_at >= ? or ended_at is null)"


class RunRow(NamedTuple):
    """One run; `ended_at` and `duration_s` are None while it runs."""

    id: int
    job: str
    status: str
    started_at: float
    ended_at: float | None
    duration_s: float | None
    exit_code: int | None
    why: str | None
    resumed_from: int | None


class StepRow(NamedTuple):
    """One step of a run, in the order of the chain."""

    run_id: int
    seq: int
    id: str
    group: str | None
    status: str
    exit_code: int | None
    signal: int | None
    attempts: int
    started_at: float | None
    ended_at: float | None
    duration_s: float | None
    cpu_s: float | None
    max_rss_bytes: int | None
    why: str | None
    result: dict[str, Any] | None

    @property
    def left_out(self) -> bool:
        """Whether it was not selected, or done in the run being resumed; not one that nothing had need of."""
        return self.status == SKIPPED and self.why != IDLE


class AttemptRow(NamedTuple):
    """One try of a step; `log` is relative to the state directory."""

    seq: int
    step: str
    attempt: int
    log: str


class Pause(NamedTuple):
    """A pause of everything."""

    since: float
    until: float | None


class SkipRow(NamedTuple):
    """Consecutive skips for the same reason and because of the same run."""

    job: str
    reason: str
    times: int
    first_at: float
    last_at: float
    run_id: int | None


_RUN = ", ".join(RunRow._fields)
_STEP = (
    "run_id, seq, step, step_group, status, exit_code, signal, attempts, started_at, ended_at, duration_s, cpu_s,"
    " max_rss_bytes, why, result"
)
_SKIP = "job, reason, count, first_at, last_at, run_id"


class History(Stories):
    """A read-only view of the history in a state directory; empty where none was begun."""

    def last_run(self, job: str) -> RunRow | None:
        """Return the job's last run that has ended."""
        query = f"select {_RUN} from runs where job = ? and status <> 'running' order by id desc limit 1"
        return self._run(query, job)

    def running(self, job: str) -> RunRow | None:
        """Return the job's running row, whatever has become of its owner."""
        return self._run(f"select {_RUN} from runs where job = ? and status = 'running'", job)

    def newest_run(self, job: str) -> RunRow | None:
        """Return the job's newest run, ended or not."""
        return self._run(f"select {_RUN} from runs where job = ? order by id desc limit 1", job)

    def run(self, run_id: int) -> RunRow | None:
        """Return one run by its id."""
        return self._run(f"select {_RUN} from runs where id = ?", run_id)

    def runs(self, since: float, until: float, job: str | None = None, limit: int = -1) -> Iterator[RunRow]:
        """Yield the runs of the window, newest first; at most `limit` of them unless it is negative."""
        if job is not None:
            query = f"select {_RUN} from runs where job = ? and {_UNDER_WAY} order by id desc limit ?"
            rows = self._rows(query, job, until, since, limit)
        else:
            earliest = self._earliest_start(since)
            query = (
                f"select {_RUN} from runs"
                f" where {_UNDER_WAY} and started_at >= ? order by started_at desc, id desc limit ?"
            )
            rows = iter(()) if earliest is None else self._rows(query, until, since, earliest, limit)
        return map(RunRow._make, rows)

    def runs_with_steps(
        self, since: float, until: float, job: str | None = None, limit: int = -1
    ) -> Iterator[tuple[RunRow, list[StepRow]]]:
        """Yield the runs of the window with their steps, newest first, without holding them all in memory."""
        batch: list[RunRow] = []
        for run in self.runs(since, until, job, limit):
            batch.append(run)
            if len(batch) == _BATCH:
                yield from self._with_steps(batch)
                batch = []
        yield from self._with_steps(batch)

    def _with_steps(self, runs: list[RunRow]) -> Iterator[tuple[RunRow, list[StepRow]]]:
        steps = self.steps([run.id for run in runs])
        for run in runs:
            yield run, steps.get(run.id, [])

    def steps(self, run_ids: Iterable[int]) -> dict[int, list[StepRow]]:
        """Return the steps of these runs, by run, in the order of the chain."""
        ids = list(run_ids)
        found: list[StepRow] = []
        for at in range(0, len(ids), _BATCH):
            some = ids[at : at + _BATCH]
            query = f"select {_STEP} from steps where run_id in ({marks(some)}) order by run_id, seq"
            found.extend(_step(row) for row in self._rows(query, *some))
        return {run_id: list(group) for run_id, group in groupby(found, key=attrgetter("run_id"))}

    def attempts(self, run_id: int) -> list[AttemptRow]:
        """Return every attempt of a run that has a log, by step and attempt."""
        query = (
            "select a.seq, s.step, a.attempt, a.log from attempts a"
            " join steps s on s.run_id = a.run_id and s.seq = a.seq"
            " where a.run_id = ? and a.log is not null order by a.seq, a.attempt"
        )
        return [AttemptRow._make(row) for row in self._rows(query, run_id)]

    def skips(self, since: float, until: float, job: str | None = None, limit: int = -1) -> Iterator[SkipRow]:
        """Yield the skips that lasted into the window, newest first; at most `limit` unless it is negative."""
        which, values = ("", ()) if job is None else (" and +job = ?", (job,))
        query = (
            f"select {_SKIP} from skips where last_at >= ? and first_at < ?{which}"
            " order by last_at desc, id desc limit ?"
        )
        return map(SkipRow._make, self._rows(query, since, until, *values, limit))

    def durations(self, job: str, limit: int) -> list[float]:
        """Return the seconds that the last successful runs of the job took, newest first."""
        query = "select duration_s from runs where job = ? and status = 'succeeded' order by id desc limit ?"
        return [row[0] for row in self._rows(query, job, limit) if row[0] is not None]

    def step_durations(self, job: str, limit: int) -> list[dict[str, float]]:
        """Return the seconds that each step took, for each of the last successful runs of the job, newest first."""
        query = (
            "select run_id, step, duration_s from steps where status = 'succeeded' and duration_s is not null and"
            " run_id in (select id from runs where job = ? and status = 'succeeded' order by id desc limit ?)"
            " order by run_id desc, seq"
        )
        rows = groupby(self._rows(query, job, limit), key=itemgetter(0))
        return [{step: duration for _, step, duration in steps} for _, steps in rows]

    def attempt_started(self, run_id: int, seq: int) -> float | None:
        """Return when the last attempt of a step began."""
        query = "select started_at from attempts where run_id = ? and seq = ? order by attempt desc limit 1"
        started: float | None = next(self._rows(query, run_id, seq), (None,))[0]
        return started

    def consecutive_failures(self, job: str) -> int:
        """Return how many runs of the job have failed since it was last in order; an operator's own stop is none."""
        return self.ask(lambda connection: recovery.consecutive_failures(connection, job), 0)

    def skips_since_last_start(self, job: str) -> int:
        """Return how many fires of the job were skipped since it last started."""
        start = next(self._rows("select started_at from runs where job = ? order by id desc limit 1", job), (0.0,))[0]
        query = (
            "select coalesce(sum(count), 0) from skips where job = ? and id >"
            " coalesce((select id from skips where job = ? and first_at < ? order by id desc limit 1), 0)"
        )
        return self._number(query, job, job, start)

    def counts(self, job: str) -> dict[str, Any]:
        """Return how many runs of a job there are, how many of them went wrong, and when the newest began."""
        # Those that have ended are counted already, by day; of a million runs nobody walks all.
        found = dict(self._rows("select status, sum(runs) from days where job = ? group by status", job))
        found[RUNNING] = self._number(f"select count(*) {ALL_RUNNING} and job = ?", job)
        newest = next(self._rows("select started_at from runs where job = ? order by id desc limit 1", job), (None,))
        errors = sum(found.get(status, 0) for status in UNFINISHED if status != CANCELLED)
        return {"run_count": sum(found.values()), "error_count": errors, "last_run_at": newest[0]}

    def paused(self) -> Pause | None:
        """Return the pause of everything, be it over or not."""
        row = next(self._rows("select since, until from pauses where job = ?", ALL), None)
        return None if row is None else Pause._make(row)

    def jobs(self) -> list[str]:
        """Return the name of every job that the history knows, sorted."""
        return [row[0] for row in self._rows(KNOWN_JOBS)]

    def _earliest_start(self, since: float) -> float | None:
        """Return the earliest start of any run that was under way at `since` or later."""
        outcomes = (SUCCEEDED, *UNFINISHED)
        # One statement: a seek for each job and outcome costs next to nothing, asking for each a thousand times that.
        query = (
            f"select min(at) from (select started_at as at {ALL_RUNNING} union all"
            " select (select started_at from runs where job = known.job and status = outcome.column1 and ended_at >= ?"
            f" order by ended_at limit 1) from ({KNOWN_JOBS}) known"
            f" cross join (values {', '.join(['(?)'] * len(outcomes))}) outcome)"
        )
        earliest: float | None = next(self._rows(query, since, *outcomes), (None,))[0]
        return earliest

    def _run(self, query: str, *values: object) -> RunRow | None:
        row = next(self._rows(query, *values), None)
        return None if row is None else RunRow._make(row)


_BATCH = 500
"""Runs whose steps are fetched at once: few queries, and far below SQLite's limit of variables."""


def _step(row: tuple[Any, ...]) -> StepRow:
    import json

    return StepRow._make((*row[:-1], None if row[-1] is None else json.loads(row[-1])))
