"""What a health check reads of the history: for each job a handful of index seeks, whatever the history holds."""

from __future__ import annotations

import sqlite3

from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.core.judge.findings import Ended
from batchctl.core.judge.missed import Start
from batchctl.core.model import SKIPPED, UNFINISHED
from batchctl.store.database import untrusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_DURATIONS = 100
"""Newest successes that say what is usual."""
_RECENT = 5
_SKIP_ROWS = 2000
_ENDED = "id, status, started_at, coalesce(ended_at, started_at), duration_s, why, resumed_from"


class Counts(Record):
    """How often a job did not succeed, and since when."""

    failures: int = 0
    failures_before: int = 0
    last_success: int = 0


class Skipping(Record):
    """The skips of a job: since its last start, and all that lasted into the window."""

    count: int = 0
    since: float | None = None
    reason: str = ""
    spans: Sequence[tuple[float, float]] = ()


class Checked:
    """The view of the history that a check has; it reads through a connection that others write through too."""

    def __init__(self, connection: sqlite3.Connection, state_dir: str) -> None:
        """Keep both."""
        self._connection, self._path = connection, StateDir(state_dir).history
        query = "select 1 from sqlite_master where type = 'table' and name = 'warnings'"
        self._has_warnings = self._one(query) is not None

    def last_ended(self, job: str) -> Ended | None:
        """Return the job's last run that has ended."""
        return self._ended("job = ? and status <> 'running' order by id desc limit 1", job)

    def last_success(self, job: str) -> Ended | None:
        """Return the job's last run that succeeded."""
        return self._ended("job = ? and status = 'succeeded' order by id desc limit 1", job)

    def recent_failures(self, job: str, since: float) -> list[Ended]:
        """Return the newest runs that ended otherwise than `succeeded` at `since` or later, newest first."""
        found = []
        for status in UNFINISHED:
            query = f"select {_ENDED} from runs where job = ? and status = ? order by id desc limit ?"  # noqa: S608
            found += [_ended(row) for row in self._all(query, job, status, _RECENT)]
        found.sort(key=lambda run: -run.run_id)
        return [run for run in found[:_RECENT] if run.ended_at >= since]

    def counts(self, job: str, last: Ended | None) -> Counts:
        """Return the failures in a row up to the last run, or where that succeeded, those right before it."""
        good = self._number("select max(id) from runs where job = ? and status = 'succeeded'", job)
        if last is None or last.run_id != good:
            return Counts(failures=self._failures(job, good, None), last_success=good)
        query = "select max(id) from runs where job = ? and status = 'succeeded' and id < ?"
        earlier = self._number(query, job, good)
        return Counts(failures_before=self._failures(job, earlier, good), last_success=good)

    def durations(self, job: str) -> list[tuple[int, float]]:
        """Return id and seconds of the newest successes, newest first."""
        query = (
            "select id, duration_s from runs where job = ? and status = 'succeeded' and duration_s is not null"
            " order by id desc limit ?"
        )
        return self._all(query, job, _DURATIONS)

    def starts(self, job: str, since: float | None) -> list[Start]:
        """Return the starts of the window, newest first, and the one before it."""
        query = "select id, started_at, scheduled_for, ended_at, status from runs where job = ? order by id desc"
        found = []
        for row in self._rows(query, job):
            found.append(Start(*row))
            if since is None or row[1] < since:
                break
        return found

    def first_record(self, job: str) -> float | None:
        """Return when the history first heard of the job."""
        queries = (
            "select started_at from runs where job = ? order by id limit 1",
            "select first_at from skips where job = ? order by id limit 1",
        )
        firsts = [row[0] for row in (self._one(query, job) for query in queries) if row is not None]
        return min(firsts, default=None)

    def skipping(self, job: str, since: float | None) -> Skipping:
        """Return the job's skips since its last start, and the spans of those in the window."""
        newest = self._one("select max(id) from runs where job = ?", job)
        query = "select reason, count, first_at, last_at, after_run from skips where job = ? order by id desc limit ?"
        count, first, reason, in_streak = 0, None, "", True
        spans = []
        for row in self._rows(query, job, _SKIP_ROWS):
            in_streak = in_streak and row[4] == (newest or (None,))[0]
            if in_streak:
                count, first, reason = count + row[1], row[2], reason or row[0]
            if since is not None and row[3] >= since:
                spans.append((row[2], row[3]))
            elif not in_streak:
                break
        return Skipping(count=count, since=first, reason=reason, spans=spans)

    def paused_since(self, job: str, now: float) -> float | None:
        """Return since when the job, or everything, is paused; None where it is not."""
        query = "select min(since) from pauses where job in ('', ?) and (until is null or until > ?)"
        row = self._one(query, job, now)
        return None if row is None else row[0]

    def results(self, run_id: int) -> dict[str, Mapping[str, Any] | None]:
        """Return the results of a run's steps, by step."""
        import json

        def read(text: str) -> Mapping[str, Any]:
            # A step may write NaN or Infinity, which is no JSON: whoever reads health.json would stumble over it.
            found: Mapping[str, Any] = json.loads(text, parse_constant=lambda _: None)
            return found

        query = "select step, result from steps where run_id = ? order by seq"
        return {row[0]: None if row[1] is None else read(row[1]) for row in self._all(query, run_id)}

    def warnings(self, run_id: int) -> list[tuple[str, str]]:
        """Return what a run has warned of: kind and sentence."""
        if not self._has_warnings:
            return []
        return [(row[0], row[1]) for row in self._all(_WARNINGS, run_id)]

    def _failures(self, job: str, after: int, before: int | None) -> int:
        end = "" if before is None else f" and id < {before:d}"
        query = f"select count(*) from runs where job = ? and status = ? and id > ?{end}"  # noqa: S608
        return sum(self._number(query, job, status, after) for status in UNFINISHED)

    def _ended(self, which: str, job: str) -> Ended | None:
        row = self._one(f"select {_ENDED} from runs where {which}", job)  # noqa: S608 - this page's own words
        if row is None:
            return None
        left_out = self._one("select 1 from steps where run_id = ? and status = ? limit 1", row[0], SKIPPED)
        return _ended(row, partial=left_out is not None)

    def _number(self, query: str, *values: object) -> int:
        row = self._one(query, *values)
        return int(row[0] or 0) if row else 0

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise untrusted(self._path, error) from error
        return row

    def _all(self, query: str, *values: object) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise untrusted(self._path, error) from error

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Yield rows as they are found, for whoever stops early."""
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise untrusted(self._path, error) from error


_WARNINGS = "select kind, text from warnings where run_id = ? order by seq"


def _ended(row: tuple[Any, ...], *, partial: bool = False) -> Ended:
    return Ended(
        run_id=row[0],
        status=row[1],
        started_at=row[2],
        ended_at=row[3],
        duration=row[4],
        why=row[5],
        partial=partial or row[6] is not None,
    )
