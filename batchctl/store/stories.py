"""The history as stories: each run together with the runs that it resumed, and what they and their steps amount to.

Runs that resume another are few, and an index holds nothing but them. A job that has none is counted without looking at
its runs one by one; that, and covering indexes, is how a million runs stay affordable.
"""

# ruff: noqa: S608 - queries are put together from this page's own words only; every value is bound
from __future__ import annotations

import json
from bisect import bisect_right
from heapq import merge
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from batchctl.core import statistics
from batchctl.core.model import CANCELLED, FAILURES, RUNNING, SUCCEEDED, UNFINISHED
from batchctl.core.stories import StepFact, Story
from batchctl.core.stories import stats as stats_of
from batchctl.store.reader import Reader, marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batchctl.core.statistics import Stats

# Named, because without statistics of its own SQLite would rather walk all runs than this index of a few.
ALL_RUNNING = "from runs indexed by one_running_row_per_job where status = 'running'"
_ENDED = "from runs where job = ? and status = ? and ended_at >= ? and started_at < ?"


_DAY = 86400
_NEVER = 1e12
_OUTCOMES = ", ".join(f"'{status}'" for status in (SUCCEEDED, *UNFINISHED))
_FEW = 1000
"""Durations up to this number are fetched and sorted."""


class Failure(NamedTuple):
    """A run that ended badly, and the step that made it so; None where no step did."""

    run_id: int
    status: str
    started_at: float
    duration_s: float | None
    why: str | None
    resumed_by: int | None
    step: str | None
    seq: int | None
    exit_code: int | None
    signal: int | None


class Stories(Reader):
    """What the history says of a job as a whole."""

    def stats(self, since: float, until: float, jobs: Iterable[str]) -> dict[str, Stats]:
        """Return the statistics of these jobs over the window."""
        # The plus keeps SQLite from walking all skips in the order of jobs for the sake of the grouping.
        query = "select job, sum(count) from skips where last_at >= ? and first_at < ? group by +job"
        skips = dict(self._rows(query, since, until))
        query = f"select job, started_at {ALL_RUNNING} and started_at < ?"
        running = dict(self._rows(query, until))
        resuming = {row[0] for row in self._rows("select job from runs where resumed_from is not null")}
        return {
            job: stats_of(self.stories(job, since, until), skips.get(job, 0))
            if job in resuming
            else self._counted(since, until, job, running.get(job), skips.get(job, 0))
            for job in jobs
        }

    def _counted(self, since: float, until: float, job: str, running: float | None, skips: int) -> Stats:
        """Return the statistics of a job that never resumed a run."""
        ended = self._ended(job, since, until)
        number, seconds = ended.pop(SUCCEEDED, (0, 0.0))
        cancelled, _ = ended.get(CANCELLED, (0, 0.0))
        failed = sum(count for count, _ in ended.values()) - cancelled
        # Runs of a job never overlap, so the first to end was the first to start: seeks instead of a walk.
        starts = [] if running is None else [running]
        for status in (*ended, SUCCEEDED):
            for way in ("asc", "desc"):
                query = f"select started_at {_ENDED} order by ended_at {way} limit 1"
                starts += [row[0] for row in self._rows(query, job, status, since, until)]
        began = statistics.Starts(
            count=number + failed + cancelled + (running is not None),
            first=min(starts, default=None),
            last=max(starts, default=None),
        )
        return statistics.stats_of(self._spread(job, since, until, number, seconds), number, failed, began, skips)

    def _ended(self, job: str, since: float, until: float) -> dict[str, tuple[int, float]]:
        """Return by outcome how many runs of the job ended in the window, and the sum of their seconds.

        Whole days are counted already; only what lies at the window's edges is looked at run by run.
        """
        first, last = -int(-since // _DAY), int(until // _DAY)
        if first >= last:
            first = last = int(since // _DAY) + 1
        query = (
            "select status, sum(runs), sum(seconds) from ("
            "select status, runs, micros / 1e6 as seconds from days where job = ? and day >= ? and day < ?"
            " union all select status, count(*), total(duration_s) from runs where job = ?"
            f" and status in ({_OUTCOMES}) and ended_at >= ? and ended_at < ? and started_at < ? group by status"
            " union all select status, count(*), total(duration_s) from runs where job = ?"
            f" and status in ({_OUTCOMES}) and ended_at >= ? and started_at < ? group by status)"
            " group by status having sum(runs) > 0"
        )
        edges = (job, since, first * _DAY, until, job, last * _DAY, until)
        return {row[0]: (row[1], row[2]) for row in self._rows(query, job, first, last, *edges)}

    def _spread(self, job: str, since: float, until: float, number: int, seconds: float) -> statistics.Spread:
        """Return how long the successes of the window took: `number` of them, `seconds` together.

        A few durations are fetched and sorted here. Of many only the percentiles' neighbours are, found by walking an
        index that has them in order from the nearest place that is known, and without a look at each where the window
        holds all that the job has.
        """
        window: tuple[object, ...] = (job, SUCCEEDED, since, until)
        if number <= _FEW:
            return statistics.spread(self._column(f"select duration_s {_ENDED}", *window))
        ordered = _ENDED.replace("from runs", "from runs indexed by runs_by_duration")
        counted = list(self._rows("select at_most, runs from successes where job = ? order by at_most", job))
        known, outside = [(-1.0, 0), (inf, number)], sum(runs for _, runs in counted) - number
        if not outside:
            window, ordered = window[:2], ordered.partition(" and ended_at")[0]
        if outside <= _FEW:
            known = _known(counted, self._outside(job, since, until) if outside else [])
        p50, p95 = (self._percentile(ordered, window, known, share * (number - 1)) for share in (0.5, 0.95))
        longest = self._column(f"select duration_s {ordered} order by duration_s desc limit 1", *window)[0]
        return statistics.Spread(average=seconds / number, p50=p50, p95=p95, longest=longest)

    def _outside(self, job: str, since: float, until: float) -> list[float]:
        """Return how long the successes outside the window took."""
        query = "select duration_s from runs where job = ? and status = ? and"
        return [
            *self._column(f"{query} ended_at < ?", job, SUCCEEDED, since),
            *self._column(f"{query} ended_at >= ? and started_at >= ?", job, SUCCEEDED, max(since, until), until),
        ]

    def _percentile(
        self, ordered: str, window: tuple[object, ...], known: Sequence[tuple[float, int]], place: float
    ) -> float | None:
        """Return what lies at this place, from 0, among the durations; `known` says how many are at most so long."""
        at = int(place)
        after = next((number for number, (_, runs) in enumerate(known) if runs > at), len(known) - 1)
        (low, below), (high, upto) = known[after - 1], known[after]
        if at - below < upto - 1 - at:
            query = f"select duration_s {ordered} and duration_s > ? order by duration_s limit 2 offset ?"
            return statistics.percentile(self._column(query, *window, low, at - below), place % 1)
        query = f"select duration_s {ordered} and duration_s <= ? order by duration_s desc limit 2 offset ?"
        return statistics.percentile(self._column(query, *window, high, upto - 2 - at)[::-1], place % 1)

    def stories(self, job: str, since: float, until: float) -> Iterator[Story]:
        """Yield the stories whose last run was under way in the window, in the order of those runs."""
        columns = "select id, status, started_at, ended_at, duration_s"
        ended = [
            self._rows(f"{columns} {_ENDED} order by id", job, status, since, until)
            for status in (SUCCEEDED, *UNFINISHED)
        ]
        running = self._rows(f"{columns} {ALL_RUNNING} and job = ? and started_at < ?", job, until)
        parents = self._resumed(job)
        superseded = set(parents.values())
        told: dict[int, tuple[float, float | None]] = {}
        for row in merge(*ended, running):
            story = Story._make((*row, 1))
            if story.id in superseded:
                continue
            yield self._whole(story, parents, told) if story.id in parents else story

    def _whole(self, story: Story, parents: dict[int, int], told: dict[int, tuple[float, float | None]]) -> Story:
        """Return the story with everything that it resumed."""
        chain: list[int] = []
        run = story.id
        while run in parents and len(chain) <= len(parents):
            run = parents[run]
            chain.append(run)
        missing = [each for each in chain if each not in told]
        query = f"select id, started_at, duration_s from runs where id in ({marks(missing)})"
        if missing:
            told.update((row[0], (row[1], row[2])) for row in self._rows(query, *missing))
        # What was pruned meanwhile cannot be added.
        earlier = [told[each] for each in chain if each in told]
        spent = None if story.duration_s is None else story.duration_s + sum(took or 0.0 for _, took in earlier)
        started = min([story.started_at, *(began for began, _ in earlier)])
        return story._replace(started_at=started, duration_s=spent, runs=1 + len(earlier))

    def resumed(self, since: float, until: float, job: str | None = None) -> int:
        """Return how many runs of the window were continued by a later one, and are no story of their own."""
        which, values = ("", ()) if job is None else (" and later.job = ?", (job,))
        query = (
            "select count(distinct earlier.id) from runs later join runs earlier on earlier.id = later.resumed_from"
            f" where later.resumed_from is not null{which} and earlier.started_at < ? and earlier.ended_at >= ?"
        )
        return self._number(query, *values, until, since)

    def success_rate(self, job: str, since: float) -> float | None:
        """Return the share of the job's stories ended since then that succeeded, None without any."""
        ended = self._ended(job, since, _NEVER)
        succeeded, _ = ended.pop(SUCCEEDED, (0, 0.0))
        failed = sum(count for status, (count, _) in ended.items() if status != CANCELLED)
        continued = set(self._resumed(job).values())
        if continued:
            query = f"select count(*) from runs where id in ({marks([*continued])}) and ended_at >= ? and status <> ?"
            failed -= self._number(query, *continued, since, CANCELLED)
        return statistics.success_rate(succeeded, failed)

    def recent_durations(self, job: str, since: float, until: float, limit: int) -> list[float]:
        """Return the seconds of the newest successful stories of the window, newest first."""
        query = (
            "select id, status, started_at, ended_at, duration_s from runs where job = ? and status = 'succeeded'"
            " order by id desc limit ?"
        )
        parents = self._resumed(job)
        told: dict[int, tuple[float, float | None]] = {}
        found = [Story._make((*row, 1)) for row in self._rows(query, job, limit)]
        whole = [self._whole(story, parents, told) if story.id in parents else story for story in found]
        return [
            story.duration_s
            for story in whole
            if story.duration_s is not None and (story.ended_at or 0.0) >= since and story.started_at < until
        ]

    def skips_by_reason(self, job: str, since: float, until: float) -> dict[str, int]:
        """Return how often the job was skipped in the window, by reason, the most frequent first."""
        query = (
            "select reason, sum(count) from skips where last_at >= ? and first_at < ? and +job = ?"
            " group by reason order by sum(count) desc, reason"
        )
        return dict(self._rows(query, since, until, job))

    def step_rows(self, job: str, since: float, until: float) -> Iterator[StepFact]:
        """Yield (step, group, status, seconds, processor seconds, bytes) of every step that the window's runs executed.

        What still runs is left out.
        """
        query = (
            "select s.step, s.step_group, s.status, s.duration_s, s.cpu_s, s.max_rss_bytes from runs"
            " join steps s on s.run_id = runs.id"
            " where runs.job = ? and runs.status = ? and runs.ended_at >= ? and runs.started_at < ?"
            f" and s.status in ({marks(_EXECUTED)})"
        )
        for status in (SUCCEEDED, *UNFINISHED):
            yield from map(StepFact._make, self._rows(query, job, status, since, until, *_EXECUTED))

    def results(self, job: str, since: float, until: float, limit: int) -> list[tuple[float, str, dict[str, Any]]]:
        """Return (start of the run, step, result) of the newest runs of the window, oldest first."""
        query = (
            "select r.started_at, s.step, s.result from (select id, started_at from runs where job = ? and"
            " started_at < ? and (ended_at >= ? or ended_at is null) order by id desc limit ?) r"
            " cross join steps s on s.run_id = r.id where s.result is not null order by r.id, s.seq"
        )
        return [(at, step, json.loads(text)) for at, step, text in self._rows(query, job, until, since, limit)]

    def failures(self, job: str, since: float, until: float, limit: int) -> list[Failure]:
        """Return the newest runs of the window that ended badly, with the first step that did, newest first."""
        columns = "select id, status, started_at, duration_s, why from runs where id in"
        newest = sorted(
            (
                row[0]
                for status in FAILURES
                for row in self._rows(f"select id {_ENDED} order by id desc limit ?", job, status, since, until, limit)
            ),
            reverse=True,
        )[:limit]
        if not newest:
            return []
        rows = {row[0]: row for row in self._rows(f"{columns} ({marks(newest)})", *newest)}
        continued = {parent: run for run, parent in self._resumed(job).items()}
        return [Failure._make((*rows[run], continued.get(run), *self._culprit(run))) for run in newest if run in rows]

    def _culprit(self, run: int) -> tuple[Any, ...]:
        query = (
            "select step, seq, exit_code, signal from steps where run_id = ?"
            f" and status in ({marks(UNFINISHED)}) order by seq limit 1"
        )
        return next(self._rows(query, run, *UNFINISHED), (None, None, None, None))

    def last_log(self, run: int, seq: int) -> str | None:
        """Return the log of a step's last attempt, relative to the state directory."""
        query = (
            "select log from attempts where run_id = ? and seq = ? and log is not null order by attempt desc limit 1"
        )
        log: str | None = next(self._rows(query, run, seq), (None,))[0]
        return log

    def warnings(self, since: float, until: float) -> dict[int, list[tuple[int, str, str]]]:
        """Return (step's seq or 0, kind, text) of what was noticed about the runs of the window, by run."""
        query = (
            "select w.run_id, w.seq, w.kind, w.text from warnings w cross join runs r on r.id = w.run_id"
            " where r.started_at < ? and (r.ended_at >= ? or r.ended_at is null) order by w.run_id, w.seq, w.at, w.text"
        )
        found: dict[int, list[tuple[int, str, str]]] = {}
        for run, *warning in self._rows(query, until, since):
            found.setdefault(run, []).append((warning[0], warning[1], warning[2]))
        return found

    def _resumed(self, job: str) -> dict[int, int]:
        """Return each run of the job that continued another, and which."""
        query = "select id, resumed_from from runs where job = ? and resumed_from is not null"
        return dict(self._rows(query, job))


def _known(counted: Iterable[tuple[float, int]], outside: Iterable[float]) -> list[tuple[float, int]]:
    """Return (seconds, successes of the window that took at most so long), from what is counted of all and the rest."""
    others, found, reached = sorted(outside), [(-1.0, 0)], 0
    for at_most, runs in counted:
        reached += runs
        found.append((at_most, reached - bisect_right(others, at_most)))
    return found


_EXECUTED = (RUNNING, SUCCEEDED, *UNFINISHED)
