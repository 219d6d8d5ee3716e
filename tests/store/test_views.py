"""The views that other tools read: the same as the commands say, as documented, safe beside a running batch."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import pytest
from firing import ended, pid_of_attempt, start
from history_rows import DAY, HOUR
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pages import blocks, read
from sqlite_utils import Database
from support import job, step, wait_for

from batchctl.base import clock
from batchctl.store import migrations, views
from batchctl.store.stories import Stories

if TYPE_CHECKING:
    from pathlib import Path

    from history_rows import Rows


def _rows(connection: sqlite3.Connection, query: str, *values: object) -> list[dict[str, object]]:
    connection.row_factory = sqlite3.Row
    return [dict(row) for row in connection.execute(query, values)]


@cache
def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.migrations.apply(Database(connection, execute_plugins=False))
    return connection


def _documented(view: str) -> set[str]:
    """Return the columns that the page has for a view."""
    section = read("docs/reference/sql.md").partition(f"\n## {view}\n")[2].partition("\n## ")[0]
    named = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {column for cell in named for column in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("view", views.NAMES)
def test_columns_are_those_of_the_page(view: str, connection: sqlite3.Connection) -> None:
    """Every column of a view is documented, and every documented one is there."""
    columns = {row[1] for row in connection.execute(f"pragma table_info({view})")}
    assert columns == _documented(view)


def test_a_running_job(history: Rows, connection: sqlite3.Connection) -> None:
    """A running job shows its step, how far it is, since when, and who supervises it."""
    started = clock.now() - HOUR
    run = history.run("키워드", started, None)
    history.step(run, 1, "31", "succeeded")
    history.step(run, 2, "32", "running")
    history.step(run, 3, "33", "pending")
    found = _rows(connection, "select * from job_status")[0]
    assert (found["job"], found["state"], found["step"]) == ("키워드", "running", "32")
    assert (found["steps_done"], found["steps_total"]) == (1, 3)
    assert found["since_epoch"] == pytest.approx(started)
    assert str(found["owner"]).endswith(":1")


def test_a_paused_job(history: Rows, connection: sqlite3.Connection) -> None:
    """A pause shows while it lasts, whether of the job or of everything; a job that only skipped is listed too."""
    history.run("a", clock.now() - HOUR)
    history.skip("b", clock.now())
    states = "select job, state from job_status order by job"
    history.insert("pauses", job="a", since=clock.now(), until=clock.now() + HOUR)
    assert [row["state"] for row in _rows(connection, states)] == ["paused", "idle"]
    history.change("update pauses set until = ?", clock.now() - 1)
    assert [row["state"] for row in _rows(connection, states)] == ["idle", "idle"]
    history.insert("pauses", job="", since=clock.now())
    assert [row["state"] for row in _rows(connection, states)] == ["paused", "paused"]


def test_instants_are_utc_with_offset(history: Rows, connection: sqlite3.Connection) -> None:
    """An instant is ISO 8601 text in UTC to the millisecond, beside its seconds."""
    history.run("a", 1_795_482_000.25)
    found = _rows(connection, "select started_at, started_epoch, ended_at, scheduled_for_at from job_history")[0]
    assert found["started_at"] == "2026-11-24T01:00:00.250+00:00"
    assert found["started_epoch"] == 1_795_482_000.25
    assert found["scheduled_for_at"] is None


_RUN = st.tuples(
    st.sampled_from(["succeeded", "failed", "timed_out", "lost"]),
    st.floats(0.001, 2e5),
    st.integers(0, 40),  # days ago
    st.booleans(),  # resumes the one before
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.lists(_RUN, max_size=40))
def test_statistics_are_those_of_the_report(runs: list[tuple[str, float, int, bool]]) -> None:
    """Counts, rate and percentiles are those that `report` computes, resumed runs told as one story."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _empty().backup(connection)
    now, before = clock.now(), None
    for status, duration, days, resumes in sorted(runs, key=lambda run: -run[2]):
        ended = now - days * DAY - 60
        values = (status, ended - duration, ended, duration, before if resumes else None)
        row = connection.execute(
            "insert into runs (job, status, started_at, ended_at, duration_s, resumed_from, host, boot_id, pid,"
            " start_ticks, started_mono_s, token) values ('a', ?, ?, ?, ?, ?, 'h', 'b', 1, 1, 0, 't')",
            values,
        )
        before = row.lastrowid if status != "succeeded" else None
    told = Stories(":memory:", connection).stats(now - views.WINDOW_DAYS * DAY, now, ["a"])["a"]
    found = _rows(connection, "select * from job_stats")
    if not told.runs:
        assert found == []
        return
    for name in ("runs", "succeeded", "failed"):
        assert found[0][name] == getattr(told, name)
    for name in ("success_rate", "avg_s", "p50_s", "p95_s", "max_s"):
        wanted = getattr(told, name)
        assert found[0][name] == (None if wanted is None else pytest.approx(wanted)), name


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="Debian's sqlite3 is not installed")
def test_asking_beside_a_running_batch(tmp_path: Path) -> None:
    """sqlite3 and sqlite-utils read all views and the how-to's queries, and do not disturb the batch that runs."""
    state = tmp_path / "state"
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    run = start(job(step("31", f"echo begun; read line < {gate}")), state)
    wait_for(lambda: pid_of_attempt(state), "the step to run")
    path = state / "batchctl.db"
    for query in [*map("select * from {}".format, views.NAMES), *_queries()]:
        shown = subprocess.run(
            ["sqlite3", "-readonly", "-json", "-cmd", ".timeout 10000", path, query],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert isinstance(json.loads(shown.stdout or "[]"), list)
    status = next(iter(Database(path, execute_plugins=False)["job_status"].rows))
    assert (status["state"], status["step"]) == ("running", "31")
    gate.write_text("on\n")
    assert ended(run)["status"] == "succeeded"


def _queries() -> list[str]:
    found = [block.text for block in blocks("docs/howto/sql.md", "sql")]
    assert len(found) == 4
    return found
