"""The counts that the database keeps by itself: equal to a recount whatever happened."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from history_rows import DAY, HOUR, Rows
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from batchctl.core.statistics import percentile
from batchctl.store import migrations, tally
from batchctl.store.stories import Stories

if TYPE_CHECKING:
    from pathlib import Path

_INF = float("inf")
_MONDAY = 20_400 * DAY
_EDGES = (0.0, 0.5, 1.0, 1.000001, 59.999999, 60.0, 86400.0, 108000.0, 172800.0, 172800.5)


def _history() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.migrations.apply(Database(connection, execute_plugins=False))
    return connection


def _recount(connection: sqlite3.Connection) -> tuple[dict[str, list[tuple[float, int, float]]], dict[Any, int]]:
    bounds = [row[0] for row in connection.execute("select at_most from buckets order by 1")]
    found: dict[str, dict[float, list[int]]] = {}
    for job, duration in connection.execute("select job, duration_s from runs where status = 'succeeded'"):
        bucket = next(bound for bound in bounds if (_INF if duration is None else duration) <= bound)
        found.setdefault(job, {}).setdefault(bucket, []).append(round((duration or 0.0) * 1_000_000))
    runs = {
        job: [(bound, len(micros), sum(micros) / 1_000_000) for bound, micros in sorted(buckets.items())]
        for job, buckets in found.items()
    }
    skips: Counter[tuple[str, str]] = Counter()
    for job, reason, count in connection.execute("select job, reason, count from skips"):
        skips[job, reason] += count
    return runs, dict(skips)


def _kept(connection: sqlite3.Connection) -> tuple[dict[str, list[tuple[float, int, float]]], dict[Any, int]]:
    return tally.successes(connection), {(job, reason): count for job, reason, count in tally.skips(connection)}


_JOBS = st.sampled_from(["키워드", "b"])
_DURATIONS = st.sampled_from(_EDGES) | st.floats(0, 2e5) | st.none()
_STATUSES = st.sampled_from(["running", "succeeded", "failed", "lost", "stale", "cancelled"])
_CHANGES = st.one_of(
    st.tuples(st.just("start"), _JOBS, _STATUSES, _DURATIONS),
    st.tuples(st.just("end"), st.integers(0, 30), _STATUSES, _DURATIONS),
    st.tuples(st.just("remove"), st.integers(0, 30)),
    st.tuples(st.just("skip"), _JOBS, st.sampled_from(["min_gap", "paused"]), st.integers(1, 9)),
    st.tuples(st.just("again"), st.integers(0, 30)),
    st.tuples(st.just("forget"), st.integers(0, 30)),
)


def _apply(connection: sqlite3.Connection, change: tuple[Any, ...]) -> None:
    what, *values = change
    if what == "start":
        connection.execute(
            "insert into runs (job, status, duration_s, ended_at, started_at, host, boot_id, pid, start_ticks,"
            " started_mono_s, token) values (?, ?, ?, ?, 0.0, '', '', 1, 1, 0.0, '')",
            (*values, None if values[1] == "running" else values[2]),
        )
    elif what == "end":
        ended = None if values[1] == "running" else values[2]
        update = "update runs set status = ?, duration_s = ?, ended_at = ? where id = ?"
        connection.execute(update, (*values[1:], ended, values[0]))
    elif what == "skip":
        connection.execute("insert into skips (job, reason, count, first_at, last_at) values (?, ?, ?, 0, 0)", values)
    else:
        query = {
            "remove": "delete from runs where id = ?",
            "again": "update skips set count = count + 1 where id = ?",
            "forget": "delete from skips where id = ?",
        }[what]
        connection.execute(query, values)


@given(st.lists(_CHANGES, max_size=40))
def test_the_counts_are_those_of_a_recount(changes: list[tuple[Any, ...]]) -> None:
    """Starts, ends, corrected ends, prunes and skips in any order leave what counting anew would find."""
    connection = _history()
    for change in changes:
        try:
            _apply(connection, change)
        except sqlite3.IntegrityError:
            continue  # a second running row of a job
    runs, skips = _recount(connection)
    assert _kept(connection) == (runs, skips)
    query = "select job, status, cast(ended_at / 86400 as integer), count(*) from runs where ended_at is not null"
    days = "select job, status, day, runs from days where runs <> 0 order by 1, 2, 3"
    assert connection.execute(days).fetchall() == connection.execute(f"{query} group by 1, 2, 3").fetchall()
    connection.close()


def test_an_older_history_is_counted_when_it_is_brought_up_to_date(tmp_path: Path) -> None:
    """Runs and skips of schema 3 are in the counts of schema 4."""
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path, isolation_level=None)
    database = Database(connection, execute_plugins=False)
    migrations.migrations.apply(database, stop_before="0004_counts")
    assert connection.execute("pragma user_version").fetchone() == (3,)
    for number, duration in enumerate((*_EDGES, None)):
        _apply(connection, ("start", f"job-{number % 2}", "succeeded", duration))
    _apply(connection, ("start", "job-0", "failed", 5.0))
    _apply(connection, ("skip", "job-0", "min_gap", 7))
    migrations.migrations.apply(database)
    assert tally.skips(connection) == [("job-0", "min_gap", 7)]
    assert _kept(connection) == _recount(connection)
    assert sum(runs for buckets in tally.successes(connection).values() for _, runs, _ in buckets) == len(_EDGES) + 1
    connection.close()


@pytest.mark.parametrize(
    ("duration", "bucket"),
    [
        (0.0, 1.0),
        (1.0, 1.0),  # a bound belongs to its own bucket, as `le` says
        (1.000001, 10.0),
        (172800.0, 172800.0),
        (172801.0, _INF),
        (None, _INF),
    ],
)
def test_buckets(tmp_path: Path, duration: float | None, bucket: float) -> None:
    """A success is counted in the first bucket that it fits."""
    rows = Rows(tmp_path / "state")
    rows.insert(
        "runs",
        **dict.fromkeys(("host", "boot_id", "token"), ""),
        **dict.fromkeys(("started_at", "started_mono_s"), 0.0),
        job="x",
        status="succeeded",
        duration_s=duration,
        pid=1,
        start_ticks=1,
    )
    connection = sqlite3.connect(tmp_path / "state" / "batchctl.db")
    assert tally.successes(connection) == {"x": [(bucket, 1, duration or 0.0)]}
    connection.close()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stories, sqlite3.Connection]:
    """Return a reader of 3,000 runs within four days, some of them across midnight, and a connection beside it."""
    rows = Rows(tmp_path_factory.mktemp("busy") / "state")
    chance = random.Random(4)  # noqa: S311 - nothing secret
    connection = sqlite3.connect(rows.state / "batchctl.db")
    with connection:
        for _ in range(3000):
            started, took = _MONDAY + chance.uniform(0, 4 * DAY), chance.uniform(0, 2 * HOUR)
            status = chance.choice(["succeeded", "succeeded", "failed", "lost"])
            connection.execute(
                "insert into runs (job, status, started_at, ended_at, duration_s, host, boot_id, pid, start_ticks,"
                " started_mono_s, token) values ('x', ?, ?, ?, ?, '', '', 1, 1, 0.0, '')",
                (status, started, started + took, took),
            )
    (rows.state / "history-began").touch(0o600)
    return Stories(str(rows.state)), connection


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (0.0, 10.0),  # everything
        (0.0, 1.0),  # to a midnight
        (0.3, 0.4),  # within one day
        (0.9, 1.1),  # across midnight, with no whole day in it
        (0.5, 2.5),  # one whole day and two halves
        (1.0, 3.0),  # whole days alone
        (3.99, 5.0),  # what the last evening left
        (9.0, 10.0),  # nothing
    ],
)
def test_a_window_counts_what_its_runs_say(
    busy: tuple[Stories, sqlite3.Connection], since: float, until: float
) -> None:
    """Whole days from the counts and edges from the runs give the statistics that all runs of the window give."""
    stories, connection = busy
    window = (_MONDAY + since * DAY, _MONDAY + until * DAY)
    query = "select status, duration_s from runs where ended_at >= ? and started_at < ?"
    found = connection.execute(query, window).fetchall()
    took = sorted(duration for status, duration in found if status == "succeeded")
    stats = stories.stats(*window, ["x"])["x"]
    assert (stats.runs, stats.succeeded) == (len(found), len(took))
    if took:
        assert (stats.p50_s, stats.p95_s) == (percentile(took, 0.5), percentile(took, 0.95))
        assert stats.max_s == took[-1]
        assert stats.avg_s == pytest.approx(sum(took) / len(took))
    else:
        assert (stats.p50_s, stats.max_s, stats.avg_s) == (None, None, None)
