"""What the guard reads of a job, and the skips that it records."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from history_rows import Rows
from support import rules

from batchctl.core.guard.decide import Pause
from batchctl.core.run import Identity
from batchctl.store import guard

NOW = 1_790_000_000.0
JOB = "일괄-작업"
OWNER = Identity(host="a", boot_id="boot-1", pid=4711, start_ticks=99)


def test_the_running_row_is_the_jobs_own(history: Rows, connection: sqlite3.Connection) -> None:
    """Neither an ended run of the job nor a running one of another."""
    history.run(JOB, NOW - 100)
    history.run("other", NOW - 50, None)
    assert guard.running_row(connection, JOB) is None
    run_id = history.run(JOB, NOW, None, owner=OWNER)
    history.change("update runs set started_mono_s = 5.5 where id = ?", run_id)
    assert guard.running_row(connection, JOB) == guard.RunningRow(
        run_id=run_id, job=JOB, started_at=NOW, started_mono=5.5, owner=OWNER, token="0" * 24
    )


def test_the_status_of_a_run(history: Rows, connection: sqlite3.Connection) -> None:
    """Of that run alone; None where there is none."""
    first, second = history.run(JOB, NOW), history.run(JOB, NOW, status="failed")
    assert [guard.status_of(connection, run) for run in (first, second, 99)] == ["succeeded", "failed", None]


def test_the_last_start_is_the_one_that_cron_meant(history: Rows, connection: sqlite3.Connection) -> None:
    """Else the drift of each start would push `every` past its own fire; the last is the one of the highest id."""
    assert guard.read_state(connection, JOB, rules()).last_start is None
    history.run(JOB, NOW + 5000)  # by a clock that was set back since
    run_id = history.run(JOB, NOW + 0.3)
    history.run("other", NOW + 9000)
    found = guard.read_state(connection, JOB, rules())
    assert (found.last_start, found.last_run_id) == (NOW + 0.3, run_id)
    connection.execute("update runs set scheduled_for = ? where id = ?", (NOW, run_id))
    assert guard.read_state(connection, JOB, rules()).last_start == NOW


@pytest.mark.parametrize(
    ("paused", "expected"),
    [
        ({}, None),
        ({"other": 5.0}, None),  # another job
        ({JOB: 5.0}, Pause(until=5.0)),
        ({"": 7.0}, Pause(until=7.0)),  # everything
        ({JOB: None}, Pause(until=None)),  # until it is resumed
        ({JOB: 5.0, "": 7.0}, Pause(until=7.0)),  # the later of both
        ({JOB: 9.0, "": 7.0}, Pause(until=9.0)),
        ({JOB: 5.0, "": None}, Pause(until=None)),  # without end is later than any
    ],
)
def test_a_pause(connection: sqlite3.Connection, paused: dict[str, float | None], expected: Pause | None) -> None:
    """That of the job and that of everything together."""
    for name, until in paused.items():
        connection.execute("insert into pauses values (?, 1, ?)", (name, until))
    assert guard.read_state(connection, JOB, rules()).paused == expected


@pytest.mark.parametrize(
    ("gap_after", "expected"),
    [
        ("any", NOW + 100 + 60),  # the last that ended, however
        ("success", NOW + 60),
    ],
)
def test_the_end_that_the_gap_counts_from(
    history: Rows, connection: sqlite3.Connection, gap_after: str, expected: float
) -> None:
    """The last one by id, of any outcome or of the successes; a running run has none yet."""
    assert guard.read_state(connection, JOB, rules(gap_after=gap_after)).last_end is None
    history.run(JOB, NOW + 9000)  # by a clock that was set back since
    history.run(JOB, NOW)
    history.run(JOB, NOW + 100, status="failed")
    history.run("other", NOW + 500)
    history.run(JOB, NOW + 200, None)
    assert guard.read_state(connection, JOB, rules(gap_after=gap_after)).last_end == expected


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ([], None),
        ([7.0], 7.0),
        ([9.0, 5.0], 7.0),  # of an even number the middle of the two in the middle
        ([9.0, 1.0, 5.0], 5.0),
        ([8.0, 2.0, 4.0, 100.0], 6.0),
        # ten count: of twenty the younger ones, not the one before them
        ([*[1.0] * 10, *[50.0] * 5, *[70.0] * 5], 60.0),
        ([1.0, *[50.0] * 5, *[70.0] * 5], 60.0),
        ([*[50.0] * 4, *[70.0] * 5], 70.0),
    ],
)
def test_the_typical_duration(
    history: Rows, connection: sqlite3.Connection, durations: list[float], expected: float | None
) -> None:
    """The median of the last ten successes of this job, asked for only where the gap depends on it."""
    for number, duration in enumerate(durations):
        history.run(JOB, NOW + number, duration)
    history.run(JOB, NOW, 3000.0, status="failed")
    history.run("other", NOW, 4000.0)
    assert guard.read_state(connection, JOB, rules(gap_factor=1.2)).typical == expected
    assert guard.read_state(connection, JOB, rules()).typical is None


def test_who_runs_in_the_pool(history: Rows, connection: sqlite3.Connection) -> None:
    """The other jobs of the same pool that are running now."""
    members = {name: history.run(name, NOW, None) for name in ("a", JOB, "b", "c")}
    members["d"] = history.run("d", NOW)
    for name, pool in (("a", "shop"), (JOB, "shop"), ("b", "elsewhere"), ("d", "shop")):
        history.change("update runs set pool = ? where id = ?", pool, members[name])
    assert [row.run_id for row in guard.running_in_pool(connection, JOB, "shop")] == [members["a"]]


def test_the_run_that_is_continued(history: Rows, connection: sqlite3.Connection) -> None:
    """The last one, with what became of each of its steps."""
    assert guard.earlier_run(connection, JOB) is None
    old = history.run(JOB, NOW)
    history.step(old, 1, "99")
    run_id = history.run(JOB, NOW - 500, status="failed")
    history.step(run_id, 1, "31", result={"수": 3}, attempts=2)
    history.step(run_id, 2, "32", "failed", attempts=4)
    history.run("other", NOW)
    found = guard.earlier_run(connection, JOB)
    assert found is not None
    assert (found.run_id, found.status, found.params) == (run_id, "failed", {})
    assert (found.statuses, found.attempts) == ({"31": "succeeded", "32": "failed"}, {"31": 2, "32": 4})
    assert found.results == {"31": {"수": 3}}
    connection.execute("update runs set params = ? where id = ?", ('{"limit": 5}', run_id))
    again = guard.earlier_run(connection, JOB)
    assert again is not None
    assert again.params == {"limit": 5}


@pytest.mark.parametrize(
    ("later", "continued", "done"),
    [
        ([], 1, {}),
        ([{"b": "succeeded"}], 1, {"b": 2}),  # c is still undone
        ([{"b": "succeeded"}, {"b": "succeeded"}], 1, {"b": 3}),  # the newest run of a step counts
        ([{"b": "succeeded"}, {"c": "succeeded"}], 3, {}),  # nothing of it is left
        ([{"a": "succeeded"}], 1, {"a": 2}),
        ([{"b": "failed"}], 2, {}),  # another one that broke off
        ([{"a": "succeeded", "b": "succeeded", "c": "succeeded"}], 2, {}),  # a whole run
        (
            [{"a": "succeeded", "b": "succeeded", "c": "succeeded"}, {"a": "succeeded"}],
            3,
            {},
        ),  # nothing broke off since
    ],
)
def test_what_was_done_since_a_run_broke_off(
    history: Rows, connection: sqlite3.Connection, later: list[dict[str, str]], continued: int, done: dict[str, int]
) -> None:
    """Runs of single steps, the others skipped, leave it the one to continue, with what they did."""
    for number, steps in enumerate([{"a": "succeeded", "b": "failed", "c": "blocked"}, *later]):
        run = history.run(JOB, NOW + number, status="failed" if "failed" in steps.values() else "succeeded")
        for seq, step in enumerate("abc", 1):
            status = steps.get(step, "skipped")
            result = {"result": {"of": run}} if status == "succeeded" else {}
            history.step(run, seq, step, status, **result)
    found = guard.earlier_run(connection, JOB)
    assert found is not None
    assert (found.run_id, found.done_in) == (continued, done)
    assert all(found.statuses[step] == "succeeded" and found.results[step] == {"of": run} for step, run in done.items())


def test_the_end_of_the_run_that_was_taken_over_does_not_count(history: Rows, connection: sqlite3.Connection) -> None:
    """The fire that ended it would else hold itself back; the one before counts then."""
    history.run(JOB, NOW)
    run_id = history.run(JOB, NOW + 100, status="stale")
    assert guard.read_state(connection, JOB, rules()).last_end == NOW + 160
    found = guard.read_state(connection, JOB, rules(), besides=run_id)
    assert (found.last_end, found.last_run_id) == (NOW + 60, run_id)


def test_who_leads_the_sessions_of_its_steps(history: Rows, connection: sqlite3.Connection) -> None:
    """The attempts under way whose process is known; those that ended, and other runs, lead none."""
    run_id, other = history.run(JOB, NOW, None), history.run("other", NOW, None)
    attempts = (
        (run_id, 1, "running", 100, 7),
        (run_id, 2, "running", 101, 8),
        (run_id, 3, "running", None, None),  # not spawned yet
        (run_id, 4, "failed", 102, 9),
        (other, 1, "running", 103, 10),
    )
    for run, seq, status, pid, ticks in attempts:
        history.insert(
            "attempts", run_id=run, seq=seq, attempt=1, status=status, started_at=NOW, pid=pid, start_ticks=ticks
        )
    assert guard.leaders(connection, run_id) == {100: 7, 101: 8}


def _skip(**changes: Any) -> guard.Skip:
    known: dict[str, Any] = {"job": JOB, "reason": "already_running", "run_id": 3, "after_run": 3, "now": NOW}
    return guard.Skip(**known | changes)


def _skips(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute("select job, reason, run_id, after_run, count, first_at, last_at from skips").fetchall()


def test_skips_of_one_kind_are_one_row(connection: sqlite3.Connection) -> None:
    """With a count, the first time and the last, which a clock that is set back does not turn round."""
    for now in (NOW, NOW + 60, NOW + 120):
        guard.record_skip(connection, _skip(now=now))
    assert _skips(connection) == [(JOB, "already_running", 3, 3, 3, NOW, NOW + 120)]
    guard.record_skip(connection, _skip(now=NOW - 500))
    assert _skips(connection) == [(JOB, "already_running", 3, 3, 4, NOW - 500, NOW - 500)]


@pytest.mark.parametrize(
    "other",
    [
        _skip(reason="min_gap"),  # another reason
        _skip(run_id=4),  # another run blocks
        _skip(after_run=4),  # a start in between
        _skip(job="other"),
    ],
)
def test_a_skip_of_another_kind_begins_a_row(connection: sqlite3.Connection, other: guard.Skip) -> None:
    """And what came before is not taken up again, unless it is another job's."""
    for each in (_skip(), other, _skip()):
        guard.record_skip(connection, each)
    assert [row[4] for row in _skips(connection)] == ([2, 1] if other.job == "other" else [1, 1, 1])
