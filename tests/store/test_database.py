"""Opening the history, and the spool beside it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from support import job, rows

from batchctl.base import clock
from batchctl.base.errors import StateError
from batchctl.base.state_dir import StateDir
from batchctl.core.run import Attempt, Run, StepRun
from batchctl.engine.journal import Journal
from batchctl.process.identity import myself
from batchctl.store import database, guard, runs, spool
from batchctl.store.database import VERSION

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return an empty, private state directory."""
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    return place


def begin_run(state: Path) -> Run:
    """Write a running row of this process and return its run."""
    connection = database.connect(str(state), create=True)
    with database.Immediate(connection):
        new = runs.NewRun(
            owner=myself(), started_at=clock.now(), started_mono=clock.monotonic(), scheduled_for=None, token="t"
        )
        run_id = runs.insert_run(connection, job(), new)
    connection.close()
    steps = [StepRun(1, job().steps[0])]
    return Run(run_id, job().name, new.started_at, "t", steps)


def end(run: Run) -> None:
    """End a run in memory, as the supervisor would."""
    attempt = Attempt(1, f"runs/{run.id}/1-1.log", clock.now())
    attempt.status, attempt.exit_code, attempt.ended_at, attempt.duration = "succeeded", 0, clock.now(), 0.5
    step = run.steps[0]
    step.attempts.append(attempt)
    step.status, step.duration, step.result = "succeeded", 0.5, {"건수": 300}
    run.status, run.exit_code, run.ended_at, run.duration = "succeeded", 0, clock.now(), 0.5


def test_twenty_first_opens_agree(state: Path) -> None:
    """Twenty processes that open a new history at once make one schema, and none of them fails."""
    script = (
        "import sys; from batchctl.store import database\n"
        "print(database.connect(sys.argv[1], create=True).execute('pragma user_version').fetchone()[0])"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(state)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(20)
    ]
    outputs = [process.communicate(timeout=100) for process in processes]
    assert [err for _, err in outputs if err] == []
    assert {out for out, _ in outputs} == {f"{VERSION}\n".encode()}
    assert rows(state, "select count(*) from _sqlite_migrations") == [(VERSION,)]


def test_one_running_row_per_job(state: Path) -> None:
    """The index refuses a second running row whatever the caller believes."""
    begin_run(state)
    with pytest.raises(sqlite3.IntegrityError):
        begin_run(state)


def test_an_owner_that_lost_its_run_changes_nothing(state: Path) -> None:
    """Compare-and-set on run id and owner: after a takeover the old owner's writes have no effect."""
    run = begin_run(state)
    connection = database.connect(str(state), create=False)
    row = guard.running_row(connection, job().name)
    assert row
    with database.Immediate(connection):
        assert runs.close_row(connection, row, "stale", clock.now(), "taken over")
        assert not runs.close_row(connection, row, "lost", clock.now(), "again")
    connection.close()
    end(run)
    journal = Journal(str(state), myself())
    journal.note(run, run.steps)
    assert journal.dispossessed
    journal.finish(run)
    assert rows(state, "select status, why from runs") == [("stale", "taken over")]
    assert rows(state, "select count(*) from steps") == [(0,)]


def test_the_end_of_a_run_is_spooled_and_imported(state: Path) -> None:
    """With the history away at the end, the result waits in the reserved file and is complete after the import."""
    run = begin_run(state)
    spool.reserve(str(state), run.id)
    os.rename(state / "batchctl.db", state / "elsewhere")
    end(run)
    Journal(str(state), myself()).finish(run)
    assert StateDir(str(state)).waiting() == [f"{run.id}.json"]
    os.rename(state / "elsewhere", state / "batchctl.db")
    connection = database.connect(str(state), create=False)
    assert spool.import_all(str(state), connection) == 1
    assert spool.import_all(str(state), connection) == 0
    connection.close()
    assert rows(state, "select status, exit_code, duration_s from runs") == [("succeeded", 0, 0.5)]
    assert rows(state, "select status, attempts, result from steps") == [("succeeded", 1, '{"건수": 300}')]
    assert os.listdir(state / "spool") == []


def test_a_damaged_spool_file_is_set_aside(state: Path) -> None:
    """It is kept for the operator to look at and never stops a fire."""
    (state / "spool").mkdir()
    (state / "spool" / "9.json").write_text("{half")
    connection = database.connect(str(state), create=True)
    assert spool.import_all(str(state), connection) == 0
    connection.close()
    assert os.listdir(state / "spool") == ["9.damaged"]


def test_a_locked_history_is_named_as_such(state: Path) -> None:
    """Past the limit it is a StateError that says `locked` and what to do."""
    database.connect(str(state), create=True).close()
    holder = database.connect(str(state), create=False)
    holder.execute("begin immediate")
    connection = database.connect(str(state), create=False, busy_limit=0.05)
    with pytest.raises(sqlite3.OperationalError, match="locked") as raised, database.Immediate(connection):
        pass
    assert "fuser" in database.untrusted("x", raised.value).remedy
    connection.close()
    holder.close()


def test_a_history_that_another_process_never_finishes_making_starts_nothing(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for its turn at the schema gives up at last, and says who can be asked."""
    monkeypatch.setattr(database, "_SETUP_LIMIT", 0.1)
    with FileLock(StateDir(str(state)).schema_lock), pytest.raises(StateError, match="making or upgrading") as raised:
        database.connect(str(state), create=True)
    assert "fuser" in raised.value.remedy
    database.connect(str(state), create=True).close()


def test_a_missing_history_is_only_made_where_asked(state: Path) -> None:
    """A command that only looks creates nothing."""
    with pytest.raises(StateError, match="no history"):
        database.connect(str(state), create=False)
    assert os.listdir(state) == []
    StateDir(str(state)).make_run(1)
    assert os.listdir(state / "runs") == ["1"]


def test_an_opened_history_is_closed_whatever_happens(state: Path) -> None:
    """At the end of the `with`, after an error of ours, and after one of SQLite's, which comes out in our words."""
    with database.Opened(str(state), create=True) as first:
        first.execute("select 1 from runs")
    with pytest.raises(KeyError), database.Opened(str(state), create=False) as second:
        raise KeyError
    nowhere = pytest.raises(StateError, match="no such table")
    with nowhere as raised, database.Opened(str(state), create=False) as third:
        third.execute("select 1 from nowhere")
    assert "restore a backup" in raised.value.remedy
    for connection in (first, second, third):
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("select 1")


def test_whether_a_history_was_begun_is_asked_of_no_open_file(state: Path) -> None:
    """A history without its mark is looked into and closed again; what is no database is not called a beginning."""
    database.connect(str(state), create=True).close()
    (state / "history-began").unlink()
    before = os.listdir("/proc/self/fd")
    assert database.begun(str(state))
    assert os.listdir("/proc/self/fd") == before
    (state / "batchctl.db").write_bytes(b"no database " * 1000)
    with pytest.raises(StateError, match="not a database"):
        database.begun(str(state))
    assert os.listdir("/proc/self/fd") == before


def test_a_journal_lets_go_of_the_history(state: Path) -> None:
    """After `rest` nobody has it open, and the next write opens it again; a file that changed is opened anew."""
    run = begin_run(state)
    connection = database.connect(str(state), create=False)
    journal = Journal(str(state), myself(), None, connection)
    journal.note(run, run.steps)
    assert _open_files(state)
    journal.rest()
    assert not _open_files(state)
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("select 1")
    run.steps[0].status = "running"
    journal.note(run, run.steps)
    assert rows(state, "select status from steps") == [("running",)]
    (state / "batchctl.db").rename(state / "away.db")
    journal.note(run, run.steps)
    assert not _open_files(state)
    (state / "away.db").rename(state / "batchctl.db")
    end(run)
    assert journal.finish(run)
    assert rows(state, "select status from runs") == [("succeeded",)]
    journal.rest()


def _open_files(state: Path) -> list[str]:
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    found = [os.readlink(link) for link in links if os.path.lexists(link)]
    return [path for path in found if path.startswith(str(state / "batchctl.db"))]


@pytest.mark.parametrize(
    ("before", "whole"),
    [
        ("", False),  # as it is
        ("import _functools\ndel _functools._lru_cache_wrapper", True),  # a Python whose caches are made otherwise
        ("import functools", True),
    ],
)
def test_sqlite_is_there_with_little_of_functools_and_where_that_is_not_enough(before: str, whole: bool) -> None:
    """Whatever Python's sqlite takes of functools, it works, and functools is the real one for whoever asks later."""
    code = (
        f"import sys\n{before}\nfrom batchctl.store import database\n"
        "db = database.sqlite3.connect(':memory:')\n"
        f"assert ('functools' in sys.modules) == {whole}\nimport functools\nassert functools.partial(int, '7')() == 7\n"
        "print([db.execute(f'select {n}').fetchone()[0] for n in range(200)][-1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("199\n", "")
