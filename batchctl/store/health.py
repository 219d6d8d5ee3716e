"""What a health check reads of the history: for each job a handful of index seeks, whatever the history holds."""

from __future__ import annotations

from batchctl.base.record import Record
from batchctl.core.judge.facts import Ended
from batchctl.core.judge.missed import Start
from batchctl.core.model import FAILURES, SUCCEEDED
from batchctl.core.statistics import TYPICAL_OF, typical
from batchctl.store import ends, following, recovery

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from typing import Any

    from batchctl.core.judge.facts import Facts
    from batchctl.core.model import Job

_RECENT = 5
_SKIP_ROWS = 2000
_ENDED = "id, status, started_at, coalesce(ended_at, started_at), duration_s, why"
_DAY = 86400.0
_FAILED_SINCE = (
    "select exists (select 1 from days where job = ? and day >= ? and runs > 0"  # noqa: S608 - question marks
    f" and status in ({', '.join('?' * len(FAILURES))}))"
)


class Skipping(Record):
    """The skips of a job: since its last start, and all that lasted into the window."""

    count: int = 0
    since: float | None = None
    reason: str = ""
    spans: Sequence[tuple[float, float]] = ()


class Checked:
    """The view of the history that a check has; it reads through a connection that others write through too.

    What SQLite has against a query, sqlite3.Error, is for whoever opened the connection to tell.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Keep it."""
        self._connection = connection
        self._pauses: list[tuple[str, float, float | None]] | None = None

    def facts(self, job: Job, now: float) -> Facts:
        """Return how the job's last run ended and what went before it."""
        query = "select id from runs where job = ? and status <> 'running' order by id desc limit 1"
        last = self._one(query, job.name)
        end = None if last is None else ends.end_of(self._connection, job.name, last[0])
        return ends.facts_of(self._connection, job, end, now)

    def last_success(self, job: str) -> Ended | None:
        """Return the job's last run that succeeded."""
        query = f"select {_ENDED} from runs where job = ? and status = 'succeeded' order by id desc limit 1"  # noqa: S608
        row = self._one(query, job)
        return None if row is None else _ended(row)

    def recent_failures(self, job: str, since: float) -> list[Ended]:
        """Return the newest runs that failed at `since` or later, newest first."""
        found: list[Ended] = []
        if self._one(_FAILED_SINCE, job, int(since / _DAY), *FAILURES)[0]:
            for status in FAILURES:
                query = f"select {_ENDED} from runs where job = ? and status = ? order by id desc limit ?"  # noqa: S608
                found += [_ended(row) for row in self._all(query, job, status, _RECENT)]
            found.sort(key=lambda run: -run.run_id)
        return [run for run in found[:_RECENT] if run.ended_at >= since]

    def consecutive_failures(self, facts: Facts) -> int:
        """Return how many runs of the job have failed since it was last in order; an operator's own stop is none."""
        last = facts.last
        if last is not None and last.status == SUCCEEDED:
            return recovery.consecutive_failures(self._connection, facts.job.name) if last.partial else 0
        return facts.failures_before + (last is not None and last.status in FAILURES)

    def typical(self, job: str) -> float | None:
        """Return the median of the last 10 successful durations."""
        query = "select duration_s from runs where job = ? and status = 'succeeded' order by id desc limit ?"
        return typical([row[0] for row in self._all(query, job, TYPICAL_OF)])

    def starts(self, job: str, since: float | None) -> list[Start]:
        """Return the starts of the window, newest first, and the one before it."""
        query = "select id, started_at, scheduled_for, ended_at, status from runs where job = ? order by id desc"
        found = []
        for row in self._connection.execute(query, (job,)):
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

    def due_after(self, job: Job) -> float | None:
        """Return when all had ended that a job comes after, since its last start; None where one has not."""
        after, any_end = job.schedule.after, job.schedule.after_any
        ends = following.complete_since(self._connection, job.name, after, any_end=any_end).values()
        known = [end for end in ends if end is not None]
        return max(known) if len(known) == len(after) else None

    def noticed(self, run_id: int) -> list[str]:
        """Return what was noticed in the output of a run."""
        query = "select text from warnings where run_id = ? and kind = 'output' order by seq, at, text"
        return [text for (text,) in self._all(query, run_id)]

    def skipping(self, job: str, since: float | None) -> Skipping:
        """Return the job's skips since its last start, and the spans of those in the window."""
        (newest,) = self._one("select max(id) from runs where job = ?", job)
        query = "select reason, count, first_at, last_at, after_run from skips where job = ? order by id desc limit ?"
        count, first, reason, in_streak = 0, None, "", True
        spans = []
        for row in self._connection.execute(query, (job, _SKIP_ROWS)):
            in_streak = in_streak and row[4] == newest
            if in_streak:
                count, first, reason = count + row[1], row[2], reason or row[0]
            if since is not None and row[3] >= since:
                spans.append((row[2], row[3]))
            elif not in_streak:
                break
        return Skipping(count=count, since=first, reason=reason, spans=spans)

    def paused_since(self, job: str, now: float) -> float | None:
        """Return since when the job, or everything, is paused; None where it is not."""
        if self._pauses is None:  # one question for all jobs
            self._pauses = self._all("select job, since, until from pauses")
        rows = (row for row in self._pauses if row[0] in {"", job})
        return min((since for _, since, until in rows if until is None or until > now), default=None)

    def results(self, run_id: int) -> dict[str, Mapping[str, Any] | None]:
        """Return the results of a run's steps, by step."""
        import json

        def read(text: str) -> Mapping[str, Any]:
            # A step may write NaN or Infinity, which is no JSON: whoever reads health.json would stumble over it.
            found: Mapping[str, Any] = json.loads(text, parse_constant=lambda _: None)
            return found

        query = "select step, result from steps where run_id = ? order by seq"
        return {row[0]: None if row[1] is None else read(row[1]) for row in self._all(query, run_id)}

    def _one(self, query: str, *values: object) -> Any:
        return self._connection.execute(query, values).fetchone()

    def _all(self, query: str, *values: object) -> list[Any]:
        return self._connection.execute(query, values).fetchall()


def _ended(row: tuple[Any, ...]) -> Ended:
    return Ended(**dict(zip(("run_id", "status", "started_at", "ended_at", "duration", "why"), row, strict=True)))
