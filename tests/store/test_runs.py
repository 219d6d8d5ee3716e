"""The row of a run: how it is written, who may still change it, and how it is brought in later."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from support import job as job_of
from support import step

from batchctl.base.record import replace
from batchctl.core.run import Attempt, Identity, Run, StepRun
from batchctl.store import guard, runs

if TYPE_CHECKING:
    from history_rows import Rows

NOW = 1_790_000_000.0
JOB = "일괄-작업"
OWNER = Identity(host="a", boot_id="boot-1", pid=4711, start_ticks=99)
OTHERS = [
    replace(OWNER, boot_id="boot-2"),
    replace(OWNER, pid=4712),
    replace(OWNER, start_ticks=100),
]
"""Each is another process than OWNER by one of the three that tell processes apart."""


def row_of(connection: sqlite3.Connection, table: str, run_id: int) -> dict[str, Any]:
    """Return the one row that a table has of a run."""
    column = "id" if table == "runs" else "run_id"
    cursor = connection.execute(f"select * from {table} where {column} = ?", (run_id,))  # noqa: S608
    (row,) = cursor.fetchall()
    return dict(zip([name for name, *_ in cursor.description], row, strict=True))


def started(connection: sqlite3.Connection, name: str = JOB, **changes: Any) -> int:
    """Write a running row."""
    what = job_of(name=name, pool=changes.pop("pool", None))
    known: dict[str, Any] = {"owner": OWNER, "started_at": NOW, "started_mono": 5.0, "scheduled_for": NOW - 1}
    return runs.insert_run(connection, what, runs.NewRun(**known | {"token": "t" * 24} | changes))


def run_of(run_id: int, steps: list[StepRun] | None = None, token: str = "t" * 24) -> Run:
    """Return a run as its owner has it."""
    return Run(run_id, JOB, NOW, token, steps or [])


# What a fire writes when it starts.


def test_a_new_run_is_written_as_it_is(connection: sqlite3.Connection) -> None:
    """Every value in its own column, and the folder of its logs by its id."""
    run_id = started(connection, forced=("min_gap", "not_due"), resumed_from=None, params='{"a": 1}', pool="shop")
    row = row_of(connection, "runs", run_id)
    assert row == {
        "id": run_id,
        "job": JOB,
        "status": "running",
        "started_at": NOW,
        "ended_at": None,
        "duration_s": None,
        "scheduled_for": NOW - 1,
        "exit_code": None,
        "why": None,
        "host": "a",
        "boot_id": "boot-1",
        "pid": 4711,
        "start_ticks": 99,
        "started_mono_s": 5.0,
        "token": "t" * 24,
        "claimed": 0,
        "pool": "shop",
        "resumed_from": None,
        "forced": "min_gap not_due",
        "params": '{"a": 1}',
        "log_dir": f"runs/{run_id}",
    }
    assert guard.running_row(connection, JOB) == guard.RunningRow(
        run_id=run_id, job=JOB, started_at=NOW, started_mono=5.0, owner=OWNER, token="t" * 24
    )


def test_nothing_forced_is_no_text(connection: sqlite3.Connection) -> None:
    """The folder of another run's logs stays what it was."""
    first, second = started(connection), started(connection, "other", resumed_from=1)
    assert (row_of(connection, "runs", first)["forced"], row_of(connection, "runs", first)["log_dir"]) == (
        None,
        "runs/1",
    )
    assert row_of(connection, "runs", second)["resumed_from"] == 1


def test_no_second_running_row(connection: sqlite3.Connection) -> None:
    """The index refuses it whatever the caller believes; an ended one is in nobody's way."""
    run_id = started(connection)
    with pytest.raises(sqlite3.IntegrityError):
        started(connection)
    connection.execute("update runs set status = 'lost' where id = ?", (run_id,))
    assert started(connection) == run_id + 1


# What somebody else may do with a running row.


def test_a_claim_silences_the_owner(connection: sqlite3.Connection) -> None:
    """The row stays running, and what its owner writes from then on is refused."""
    run_id = started(connection)
    row = guard.running_row(connection, JOB)
    assert row is not None
    run = run_of(run_id)
    assert runs.save(connection, run, OWNER)
    assert runs.claim(connection, row)
    assert guard.running_row(connection, JOB) == row
    assert row_of(connection, "runs", run_id)["claimed"] == 1
    run.status = "succeeded"
    assert not runs.save(connection, run, OWNER)
    assert guard.status_of(connection, run_id) == "running"


@pytest.mark.parametrize("owner", OTHERS)
def test_only_that_owners_running_row_is_changed(connection: sqlite3.Connection, owner: Identity) -> None:
    """A row that has another owner by now, or has ended, is neither claimed nor closed nor saved."""
    run_id, beside = started(connection), started(connection, "other")
    row = guard.running_row(connection, JOB)
    assert row is not None
    stranger, run = replace(row, owner=owner), run_of(run_id)
    run.status = "failed"
    assert not runs.claim(connection, stranger)
    assert not runs.close_row(connection, stranger, "stale", NOW + 5, "hung")
    assert not runs.save(connection, run, owner)
    assert row_of(connection, "runs", run_id)["status"] == "running"
    assert row_of(connection, "runs", run_id)["claimed"] == 0
    connection.execute("update runs set status = 'succeeded' where id = ?", (run_id,))
    assert not runs.claim(connection, row)
    assert not runs.close_row(connection, row, "stale", NOW + 5, "hung")
    assert not runs.save(connection, run, OWNER)
    assert [guard.status_of(connection, each) for each in (run_id, beside)] == ["succeeded", "running"]


def test_a_closed_row_ends_what_was_under_way(history: Rows, connection: sqlite3.Connection) -> None:
    """Running steps and attempts get the run's status, pending ones are blocked, and what had ended stays."""
    run_id, other = started(connection), started(connection, "other")
    history.step(other, 1, "1", "running", started_at=NOW)
    history.step(other, 2, "2", "pending")
    history.step(run_id, 1, "1", started_at=NOW, ended_at=NOW + 1, duration_s=1.0)
    history.step(run_id, 2, "2", "running", started_at=NOW + 10)
    history.step(run_id, 3, "3", "pending")
    history.insert("attempts", run_id=run_id, seq=1, attempt=1, status="succeeded", started_at=NOW)
    history.insert("attempts", run_id=run_id, seq=2, attempt=1, status="running", started_at=NOW + 10)
    row = guard.running_row(connection, JOB)
    assert row is not None
    assert runs.close_row(connection, row, "lost", NOW + 40, "the owner vanished")
    closed = row_of(connection, "runs", run_id)
    assert {name: closed[name] for name in ("status", "ended_at", "duration_s", "why", "exit_code")} == {
        "status": "lost",
        "ended_at": NOW + 40,
        "duration_s": 40.0,
        "why": "the owner vanished",
        "exit_code": None,
    }
    query = "select status, ended_at, duration_s from {} where run_id = ? order by seq"
    steps = connection.execute(query.format("steps"), (run_id,)).fetchall()
    assert steps == [("succeeded", NOW + 1, 1.0), ("lost", NOW + 40, 30.0), ("blocked", None, None)]
    attempts = connection.execute(query.format("attempts"), (run_id,)).fetchall()
    assert attempts == [("succeeded", None, None), ("lost", NOW + 40, 30.0)]
    assert connection.execute(query.format("steps"), (other,)).fetchall() == [
        ("running", None, None),
        ("pending", None, None),
    ]


def test_no_duration_is_negative(history: Rows, connection: sqlite3.Connection) -> None:
    """Where the clock was set back, a run and its steps end when they began, not before."""
    run_id = started(connection)
    history.step(run_id, 1, "1", "running", started_at=NOW + 10)
    row = guard.running_row(connection, JOB)
    assert row is not None
    assert runs.close_row(connection, row, "stale", NOW - 1000, "hung")
    run, ended = row_of(connection, "runs", run_id), row_of(connection, "steps", run_id)
    assert (run["ended_at"], run["duration_s"]) == (NOW, 0.0)
    assert (ended["ended_at"], ended["duration_s"]) == (NOW + 10, 0.0)


# What the owner writes.


def _worked() -> StepRun:
    """Return a step that failed once and succeeded then, after two attempts in an earlier run."""
    done = StepRun(1, step("31", group="k"))
    done.attempts_before, done.status, done.result = 2, "succeeded", {"수": 3}
    done.started_at, done.ended_at, done.duration = NOW, NOW + 8, 8.0
    for number, status in enumerate(("failed", "succeeded"), 3):
        attempt = Attempt(number, f"runs/1/1.{number}.log", NOW + number)
        attempt.status, attempt.pid, attempt.start_ticks = status, 100 + number, 200 + number
        attempt.ended_at, attempt.duration = NOW + number + 1, 1.5
        attempt.exit_code, attempt.signal = (None, 9) if status == "failed" else (0, None)
        attempt.cpu_s, attempt.max_rss_bytes = 0.5, 1000 * number
        done.attempts.append(attempt)
    done.why = "exit code 0"
    return done


def test_a_run_is_saved_whole_and_again(connection: sqlite3.Connection) -> None:
    """Every value in its own column; what is written twice is there once."""
    run = run_of(started(connection), [_worked(), StepRun(2, step("32"))])
    assert runs.save(connection, run, OWNER)
    run.status, run.ended_at, run.duration, run.exit_code, run.why = "failed", NOW + 9, 9.0, 1, "32 failed"
    run.warnings = [(2, "expect", "too few")]
    assert runs.save(connection, run, OWNER)
    row = row_of(connection, "runs", run.id)
    names = ("status", "ended_at", "duration_s", "exit_code", "why")
    assert [row[name] for name in names] == ["failed", NOW + 9, 9.0, 1, "32 failed"]
    assert connection.execute("select * from steps order by seq").fetchall() == [
        (run.id, 1, "31", "k", "succeeded", 0, None, 4, NOW, NOW + 8, 8.0, '{"수": 3}', 1.0, 4000, "exit code 0"),
        (run.id, 2, "32", None, "pending", None, None, 0, *[None] * 7),
    ]
    assert connection.execute("select * from attempts order by attempt").fetchall() == [
        (run.id, 1, 3, "failed", 103, 203, NOW + 3, NOW + 4, 1.5, None, 9, "runs/1/1.3.log", 0.5, 3000),
        (run.id, 1, 4, "succeeded", 104, 204, NOW + 4, NOW + 5, 1.5, 0, None, "runs/1/1.4.log", 0.5, 4000),
    ]
    assert connection.execute("select seq, kind, text, at from warnings").fetchall() == [
        (2, "expect", "too few", NOW + 9)
    ]


def test_what_is_noticed_while_it_runs_has_its_start_as_time(connection: sqlite3.Connection) -> None:
    """There is no end yet to give it."""
    run = run_of(started(connection))
    run.warnings = [(1, "expect", "too few")]
    assert runs.save(connection, run, OWNER)
    assert connection.execute("select seq, at from warnings").fetchall() == [(1, NOW)]


def test_a_run_without_words_has_no_why(connection: sqlite3.Connection) -> None:
    """Nothing to say is null, not an empty text; a signal is the last attempt's."""
    worked = _worked()
    worked.attempts.pop()
    run = run_of(started(connection), [worked])
    assert runs.save(connection, run, OWNER)
    assert row_of(connection, "runs", run.id)["why"] is None
    found = row_of(connection, "steps", run.id)
    assert (found["exit_code"], found["signal"], found["attempts"]) == (None, 9, 3)


# A run that ended while the history could not be written.


def test_the_birth_of_a_run(connection: sqlite3.Connection) -> None:
    """Known by id and token together: in a history that was replaced the id may be another's."""
    run_id = started(connection, forced=("min_gap",), params='{"a": 1}', pool="shop")
    birth = runs.birth_of(connection, run_of(run_id))
    assert birth == runs.Birth(
        started_mono=5.0, scheduled_for=NOW - 1, pool="shop", resumed_from=None, forced="min_gap", params='{"a": 1}'
    )
    assert runs.birth_of(connection, run_of(run_id, token="u" * 24)) is None
    assert runs.birth_of(connection, run_of(run_id + 1)) is None


def test_whether_a_run_is_known(connection: sqlite3.Connection) -> None:
    """By job, token and start, under whatever id."""
    started(connection)
    assert runs.is_known(connection, run_of(99))
    assert not runs.is_known(connection, run_of(1, token="u" * 24))
    other = run_of(1)
    other.job = "other"
    assert not runs.is_known(connection, other)
    other = run_of(1)
    other.started_at += 1
    assert not runs.is_known(connection, other)


def test_an_ended_run_is_brought_in(history: Rows, connection: sqlite3.Connection) -> None:
    """It keeps its id where that is free, else it gets one; logs stay where they were written."""
    birth = runs.Birth(
        started_mono=5.0, scheduled_for=NOW - 1, pool="shop", resumed_from=None, forced="min_gap", params='{"a": 1}'
    )
    run = run_of(7, [_worked()])
    run.status, run.ended_at, run.duration, run.exit_code = "succeeded", NOW + 9, 9.0, 0
    run.warnings = [(0, "output", "not a number")]
    runs.insert_ended(connection, run, OWNER, birth)
    again = run_of(7, [_worked()], token="u" * 24)
    again.status, again.ended_at, again.duration, again.exit_code, again.why = "failed", NOW + 9, 9.0, 1, "x"
    runs.insert_ended(connection, again, OWNER, birth)
    assert (run.id, again.id) == (7, 8)
    assert row_of(connection, "runs", 7) == {
        "id": 7,
        "job": JOB,
        "status": "succeeded",
        "started_at": NOW,
        "ended_at": NOW + 9,
        "duration_s": 9.0,
        "scheduled_for": NOW - 1,
        "exit_code": 0,
        "why": None,
        "host": "a",
        "boot_id": "boot-1",
        "pid": 4711,
        "start_ticks": 99,
        "started_mono_s": 5.0,
        "token": "t" * 24,
        "claimed": 0,
        "pool": "shop",
        "resumed_from": None,
        "forced": "min_gap",
        "params": '{"a": 1}',
        "log_dir": "runs/7",
    }
    moved = row_of(connection, "runs", 8)
    assert (moved["token"], moved["why"], moved["log_dir"]) == ("u" * 24, "x", "runs/7")
    assert connection.execute("select run_id, step from steps order by run_id").fetchall() == [(7, "31"), (8, "31")]
    assert connection.execute("select run_id, text, at from warnings").fetchall() == [(7, "not a number", NOW + 9)]
