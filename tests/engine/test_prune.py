"""Pruning real state directories: what goes, what a crash leaves, and that nobody is held up by it."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from hashlib import sha256
from itertools import groupby
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from history_rows import DAY, HOUR, Rows
from support import batchctl, job, patience, rows, start_batchctl, wait_for

from batchctl.base import clock
from batchctl.base.errors import StateError
from batchctl.core.model import Retention
from batchctl.engine import prune
from batchctl.store import pruning
from batchctl.store.database import connect
from batchctl.store.rundirs import RunDirs

if TYPE_CHECKING:
    from pathlib import Path

OLD = 40 * DAY


@pytest.fixture
def history(tmp_path: Path) -> Rows:
    """Return an empty history."""
    return Rows(tmp_path / "state")


def fill(history: Rows, name: str = "작업", runs: int = 6, days: float = 10.0) -> list[int]:
    """Add runs so many days apart, the last of them an hour ago, each with a step and a log of 8 KiB."""
    now, ids = clock.now(), []
    for back in reversed(range(runs)):
        run = history.run(name, now - HOUR - back * days * DAY)
        history.step(run, 1, "31")
        history.log(run, 1, 1, b"x" * 8192)
        ids.append(run)
    return ids


def kept(history: Rows, table: str = "runs", column: str = "id") -> list[int]:
    """Return the ids that a table still has."""
    return [row[0] for row in rows(history.state, f"select distinct {column} from {table} order by 1")]  # noqa: S608


def dirs(history: Rows) -> list[str]:
    """Return the directories of runs, sorted."""
    return sorted(os.listdir(history.state / "runs"))


def age(path: Path, seconds: float) -> None:
    """Let a directory look as if it was last changed so long ago."""
    os.utime(path, (time.time() - seconds,) * 2)


def contents(state: Path) -> dict[str, str]:
    """Return a digest of every file and link, and the times of every directory; SQLite's own index is left out."""
    found = {}
    for place, directories, files in os.walk(state):
        for name in [*directories, *files]:
            path = os.path.join(place, name)
            if name.endswith("-shm") or (name.endswith("-wal") and not os.path.getsize(path)):
                continue
            if os.path.isdir(path):
                found[path] = f"{os.stat(path).st_mtime_ns}"
                continue
            with open(path, "rb") as file:
                found[path] = sha256(file.read()).hexdigest()
    return found


def test_old_runs_go_with_all_that_is_theirs(history: Rows) -> None:
    """Rows of runs, steps, attempts and warnings go, and the logs; younger ones stay whole."""
    ids = fill(history)
    for run in ids:
        history.insert("warnings", run_id=run, seq=0, kind="output", text="경고", at=clock.now())
    history.skip("작업", clock.now() - OLD, count=3, run=ids[1])
    history.skip("작업", clock.now() - DAY, run=ids[-1])
    size = sum(RunDirs(str(history.state)).size(str(run)) for run in ids[:3])
    done = prune.prune(str(history.state), {})
    young = ids[3:]
    assert [(each.job, each.runs, each.skips, each.size) for each in done.jobs] == [("작업", 3, 3, size)]
    assert kept(history) == young
    assert kept(history, "steps", "run_id") == kept(history, "attempts", "run_id") == young
    assert kept(history, "warnings", "run_id") == young
    assert kept(history, "skips", "run_id") == [ids[-1]]
    assert dirs(history) == sorted(map(str, young))
    again = prune.prune(str(history.state), {})
    assert again.jobs == []


def test_each_job_by_its_own_retention(history: Rows) -> None:
    """One that is no longer configured is kept by the defaults; `only` leaves the others alone."""
    mine, other, gone = fill(history, "가"), fill(history, "나"), fill(history, "없어진")
    keeps = {"가": Retention(keep_runs=1), "나": Retention(keep_days=365.0)}
    prune.prune(str(history.state), keeps, "가")
    assert kept(history) == [mine[-1], *other, *gone]
    prune.prune(str(history.state), keeps)
    assert kept(history) == [mine[-1], *other, *gone[3:]]


def test_by_size(history: Rows) -> None:
    """keep_bytes counts what the logs take on disk, newest first."""
    ids = fill(history, days=1.0)
    each = RunDirs(str(history.state)).size(str(ids[0]))
    prune.prune(str(history.state), {"작업": Retention(keep_bytes=3 * each)})
    assert kept(history) == ids[3:]


def test_a_reserve_of_a_lost_run_goes_with_it(history: Rows) -> None:
    """The spool file that a lost run never gave back is removed with the run."""
    ids = fill(history)
    spool = history.state / "spool"
    spool.mkdir()
    for run in ids:
        (spool / f"{run}.reserved").write_bytes(b"")
    prune.prune(str(history.state), {})
    assert sorted(os.listdir(spool)) == sorted(f"{run}.reserved" for run in ids[3:])


def test_finished_alerts_go_by_age(history: Rows) -> None:
    """Old alerts that are sent go; one that is still open, and a young one, stay."""
    common = {"job": "작업", "kind": "failed", "severity": "error", "title": "t", "body": "b", "sent_at": 1.0}
    old, young = clock.now() - OLD, clock.now() - DAY
    history.insert("outbox", event_id="a", created_at=old, **common)
    history.insert("outbox", event_id="b", created_at=old, lasting=1, **common)
    history.insert("outbox", event_id="c", created_at=young, **common)
    assert prune.prune(str(history.state), {}).alerts == 1
    assert rows(history.state, "select event_id from outbox order by 1") == [("b",), ("c",)]


@pytest.mark.parametrize(
    ("name", "seconds", "goes"),
    [
        # Left by a crash between row and files.
        ("77", 2 * HOUR, True),
        # Perhaps of a run about to start: its row may not be written yet.
        ("77", HOUR / 2, False),
        # From the future: the clock was set back, nothing is known of its age.
        ("77", -DAY, False),
        # Being removed when the last prune died.
        ("77.removed", 0.0, True),
        # Not a run's directory.
        ("backup", 400 * DAY, False),
    ],
)
def test_directories_without_a_row(history: Rows, name: str, seconds: float, goes: bool) -> None:
    """What no row stands for is removed once it cannot be that of a starting run."""
    fill(history, runs=1)
    orphan = history.state / "runs" / name
    orphan.mkdir()
    (orphan / "1.1.log").write_text("left")
    age(orphan, seconds)
    looked = prune.prune(str(history.state), {}, dry_run=True)
    done = prune.prune(str(history.state), {})
    assert orphan.exists() is not goes
    assert looked.orphans == done.orphans == int(goes)
    assert looked.orphans_size == done.orphans_size
    assert len(dirs(history)) == (1 if goes else 2)


def test_dry_run_changes_nothing(history: Rows) -> None:
    """It tells the very same as the real one does afterwards, and not a byte differs."""
    fill(history)
    history.skip("작업", clock.now() - OLD, count=3)
    orphan = history.state / "runs" / "99"
    orphan.mkdir()
    age(orphan, DAY)
    before = contents(history.state)
    looked = prune.prune(str(history.state), {}, dry_run=True)
    assert contents(history.state) == before
    done = prune.prune(str(history.state), {})
    assert looked.jobs == done.jobs
    assert done.jobs
    assert (looked.orphans, looked.orphans_size) == (done.orphans, done.orphans_size)
    assert contents(history.state) != before


def test_nothing_there(tmp_path: Path) -> None:
    """Without a state directory, or without a history, there is nothing to prune and nothing is made."""
    assert prune.prune(str(tmp_path / "none"), {}).jobs == ()
    assert not (tmp_path / "none").exists()
    (tmp_path / "empty").mkdir(mode=0o700)
    assert prune.prune(str(tmp_path / "empty"), {}, dry_run=True).jobs == ()
    assert prune.prune(str(tmp_path / "empty"), {}).jobs == ()
    assert os.listdir(tmp_path / "empty") == []


def test_a_history_that_cannot_be_trusted_is_not_pruned(history: Rows) -> None:
    """Garbage in the place of the database is an error, and the logs stay."""
    fill(history)
    (history.state / "batchctl.db").write_bytes(b"garbage" * 1000)
    for side in ("-wal", "-shm"):
        (history.state / f"batchctl.db{side}").unlink(missing_ok=True)
    with pytest.raises(StateError):
        prune.prune(str(history.state), {})
    assert len(dirs(history)) == 6


def test_a_link_in_runs_is_not_followed(history: Rows) -> None:
    """Directories of old runs swapped for links, or full of them, cost nothing but the links."""
    ids = fill(history)
    precious = history.state.parent / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep me")
    target = history.state / "runs" / str(ids[0])
    for file in target.iterdir():
        file.unlink()
    target.rmdir()
    target.symlink_to(precious)
    (history.state / "runs" / str(ids[1]) / "link").symlink_to(precious)
    prune.prune(str(history.state), {})
    assert (precious / "file").read_text() == "keep me"
    assert dirs(history) == sorted(map(str, ids[3:]))


def test_after_run_prunes_its_job_alone(history: Rows) -> None:
    """What runs at the end of a run looks at that job, and at its retention."""
    mine, other = fill(history, "작업"), fill(history, "other")
    prune.after_run(str(history.state), job(retention=Retention(keep_runs=2)))
    assert kept(history) == [*mine[4:], *other]
    assert dirs(history) == sorted(map(str, [*mine[4:], *other]))


def test_after_run_with_nothing_to_do_looks_at_nothing(history: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """One query says that all is young; no run is read, although the last success is old."""
    now = clock.now()
    history.run("작업", now - 90 * DAY)
    for back in range(5):
        history.run("작업", now - (5 - back) * DAY, status="failed")

    def fail(*_arguments: object) -> None:
        pytest.fail("the runs were read")

    monkeypatch.setattr(pruning, "past", fail)
    prune.after_run(str(history.state), job())
    assert len(kept(history)) == 6


@pytest.mark.parametrize("trouble", ["garbage", "locked", "no runs", "no state"])
def test_after_run_never_raises(history: Rows, trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that has ended well is not spoilt by what cannot be tidied up, nor held up by it."""
    fill(history)
    holder = sqlite3.connect(history.state / "batchctl.db", isolation_level=None)
    if trouble == "garbage":
        holder.close()
        (history.state / "batchctl.db").write_bytes(b"garbage" * 1000)
    elif trouble == "locked":
        holder.execute("begin immediate")
    elif trouble == "no runs":
        (history.state / "runs").rename(history.state / "moved")
        (history.state / "runs").symlink_to("moved")
    waits = patience(monkeypatch)
    prune.after_run("/nonexistent" if trouble == "no state" else str(history.state), job())
    assert bool(waits) is (trouble != "no state")
    assert max(waits, default=0) <= 0.25
    holder.close()


def _many(history: Rows, runs: int, steps: int = 1, result: str | None = None) -> None:
    """Add so many runs of one job, a minute apart, the last of them two months old, and one young one."""
    connection = sqlite3.connect(history.state / "batchctl.db", isolation_level=None)
    connection.execute("pragma synchronous = off")
    begin = clock.now() - 60 * DAY - runs * 60
    connection.execute("begin")
    for first in range(0, runs, 10_000):
        some = range(first, min(first + 10_000, runs))
        connection.executemany(
            "insert into runs (id, job, status, started_at, ended_at, duration_s, host, boot_id, pid, start_ticks,"
            " started_mono_s, token) values (?, 'many', 'succeeded', ?, ?, 30, 'h', 'b', 1, 1, 0, 't')",
            ((n + 1, begin + n * 60, begin + n * 60 + 30) for n in some),
        )
        connection.executemany(
            "insert into steps (run_id, seq, step, status, attempts, result) values (?, ?, '31', 'succeeded', 1, ?)",
            ((n + 1, seq + 1, result) for n in some for seq in range(steps)),
        )
        connection.executemany(
            "insert into attempts (run_id, seq, attempt, status, started_at) values (?, 1, 1, 'succeeded', 1)",
            ((n + 1,) for n in some),
        )
    connection.execute("commit")
    connection.close()
    history.run("many", clock.now() - HOUR)


_LARGE = '{"x": "' + "x" * 6000 + '"}'
"""A result of some kilobytes: some thousand of them are pages enough for a database worth making smaller."""


def _longest_wait(history: Rows, stop: list[bool], waits: list[float], logs: list[int]) -> None:
    """Write as a fire does, again and again; note how long each write waited, and how large the write-ahead log is."""
    connection = sqlite3.connect(history.state / "batchctl.db", isolation_level=None, timeout=10)
    number = 0
    while not stop:
        began = time.monotonic()
        connection.execute("begin immediate")
        waits.append(time.monotonic() - began)
        connection.execute(
            "insert into skips (job, reason, count, first_at, last_at) values (?, 'x', 1, ?, ?)",
            (f"fire{number % 7}", clock.now(), clock.now()),
        )
        connection.execute("commit")
        logs.append((history.state / "batchctl.db-wal").stat().st_size)
        number += 1
        time.sleep(0.005)
    connection.close()


def _slow_writes(waits: list[float], limit: float) -> float:
    """Return the share of writes that waited longer; a shared machine stalls a process now and then."""
    return sum(wait > limit for wait in waits) / len(waits)


@pytest.mark.slow
def test_a_fire_is_not_held_up(history: Rows) -> None:
    """While 20,000 runs go in slices, a writer beside it gets the lock within 100 ms, and its log stays small."""
    _many(history, 20_000, steps=4)
    stop: list[bool] = []
    waits: list[float] = []
    logs: list[int] = []
    beside = Thread(target=_longest_wait, args=(history, stop, waits, logs))
    beside.start()
    pruner = subprocess.run(
        [sys.executable, "-m", "batchctl", "--state", str(history.state), "prune", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    stop.append(True)
    beside.join()
    assert pruner.returncode == 0, pruner.stderr
    assert '"runs": 20000' in pruner.stdout
    assert len(waits) > 20
    assert _slow_writes(waits, 0.1) < 0.02, sorted(waits)[-10:]
    assert max(logs) < 20_000_000
    assert kept(history) == [20_001]


def test_after_run_keeps_to_its_budget(history: Rows) -> None:
    """Of more than fits into its time it removes a part; calls that follow do the rest."""
    _many(history, 20_000)
    before = len(kept(history))
    prune.after_run(str(history.state), job(name="many"), budget=0.2)
    left = len(kept(history))
    assert 1 < left < before
    prune.prune(str(history.state), {})
    assert kept(history) == [20_001]


def test_killed_in_the_middle(history: Rows) -> None:
    """After kill -9 no row lacks its log, and the next prune finishes the work, orphans included."""
    _many(history, 3000)
    last = 3001
    for run in range(1, last):
        place = history.state / "runs" / str(run)
        place.mkdir(parents=True)
        (place / "1.1.log").write_bytes(b"x" * 100)
    pruner = start_batchctl("--state", str(history.state), "prune")
    wait_for(lambda: len(kept(history)) < 2900, "some runs to be gone")
    pruner.send_signal(signal.SIGKILL)
    pruner.communicate()
    left = [str(run) for run in kept(history) if run != last]
    assert left
    assert set(left) <= set(dirs(history))
    assert kept(history, "steps", "run_id") == kept(history, "attempts", "run_id") == [int(run) for run in left]
    for name in dirs(history):
        age(history.state / "runs" / name, DAY)
    done = prune.prune(str(history.state), {})
    assert kept(history) == [last]
    assert dirs(history) == []
    assert done.jobs[0].runs == len(left)
    assert rows(history.state, "pragma integrity_check") == [("ok",)]


def test_beside_a_running_run(tmp_path: Path) -> None:
    """A run that runs while everything is pruned keeps its row and its log, and ends as if nothing had been."""
    config = tmp_path / "batchctl.toml"
    config.write_text(
        'keep_runs = 1\nkeep_days = 0\n[jobs."긴"]\n'
        f'run = "echo begin; until test -e {tmp_path}/go; do sleep 0.05; done; echo end"\n',
        encoding="utf-8",
    )
    state = tmp_path / "state"
    options = ("--config", str(config), "--state", str(state))
    (tmp_path / "go").touch()
    assert batchctl(*options, "run", "긴").returncode == 0
    (tmp_path / "go").unlink()
    running = start_batchctl(*options, "run", "긴")
    wait_for(
        lambda: (state / "batchctl.db").exists() and rows(state, "select 1 from runs where status = 'running'"),
        "the run to be running",
    )
    run = rows(state, "select id from runs where status = 'running'")[0][0]
    wait_for(lambda: b"begin" in b"".join(p.read_bytes() for p in (state / "runs" / str(run)).glob("*.log")), "output")
    assert batchctl(*options, "prune").returncode == 0
    (tmp_path / "go").touch()
    running.communicate(timeout=60)
    assert running.returncode == 0
    log = next((state / "runs" / str(run)).glob("*.log")).read_text()
    assert log.split() == ["begin", "end"]
    assert rows(state, "select status from runs where id = ?", run) == [("succeeded",)]


def test_free_pages_are_given_back(history: Rows) -> None:
    """A database that is nearly empty after pruning shrinks; from then on it gives pages back bit by bit."""
    _many(history, 4000, result=_LARGE)
    before = (history.state / "batchctl.db").stat().st_size
    done = prune.prune(str(history.state), {})
    assert done.database_before > 20_000_000
    assert done.database_after < done.database_before / 5
    assert (history.state / "batchctl.db").stat().st_size < before / 5
    assert rows(history.state, "pragma auto_vacuum") == [(2,)]
    assert rows(history.state, "pragma integrity_check") == [("ok",)]
    history.change("delete from runs where job = 'many'")
    _many(history, 300, result=_LARGE)
    again = prune.prune(str(history.state), {})
    assert again.database_after < again.database_before
    assert again.database_free == 0


def test_little_room_on_the_disk_leaves_the_database_as_it_is(history: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """VACUUM needs room; without it the free pages wait within the file for the next runs."""
    _many(history, 4000, result=_LARGE)
    real = os.statvfs

    def full(path: str) -> os.statvfs_result:
        found = list(real(path))
        found[4] = 100
        return os.statvfs_result(found)

    monkeypatch.setattr(os, "statvfs", full)
    done = prune.prune(str(history.state), {})
    assert kept(history) == [4001]
    assert done.database_after == done.database_before
    assert done.database_free > 16_000_000


@pytest.mark.parametrize("runs", [10, 500])
def test_a_slice_is_a_handful_of_statements(history: Rows, runs: int) -> None:
    """However many runs go in it, and the counts of the whole history stay exact."""
    _many(history, 600)
    connection = pruning.open_to_prune(str(history.state), 5.0)
    assert connection is not None
    tables = pruning.parts_of_runs(connection)
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    gone = pruning.remove_runs(connection, tables, range(1, runs + 1))
    connection.close()
    assert len(gone) == runs
    # A step of a trigger is told as the statement that set it off. Begin, which there are, one a table, runs, commit.
    assert len(list(groupby(asked))) == len(tables) + 4
    counted = "select sum(runs), sum(micros) from"
    left = [(601 - runs, (600 - runs) * 30_000_000 + 60_000_000)]
    assert rows(history.state, f"{counted} successes") == rows(history.state, f"{counted} days") == left


def _grown(history: Rows) -> None:
    """Make the database one that can shrink bit by bit, and fill it."""
    connection = sqlite3.connect(history.state / "batchctl.db", isolation_level=None)
    connection.executescript("pragma auto_vacuum = 2; vacuum")
    connection.close()
    _many(history, 4000, result=_LARGE)


def test_a_new_history_can_be_made_smaller(tmp_path: Path) -> None:
    """It is made so, since doing it later takes a VACUUM."""
    connect(str(tmp_path), create=True).close()
    assert rows(tmp_path, "pragma auto_vacuum") == [(2,)]


@pytest.mark.parametrize("running", [True, False])
def test_a_rewrite_that_would_hold_others_up_is_given_up(
    history: Rows, monkeypatch: pytest.MonkeyPatch, *, running: bool
) -> None:
    """Less is waited for where a run is under way; what the rewrite would have given back goes page by page."""
    _grown(history)
    if running:
        history.run("다른", clock.now(), None)
    monkeypatch.setattr(pruning, "_HOLD_BESIDE_RUNS" if running else "_HOLD_AT_REST", -1.0)
    monkeypatch.setattr(pruning, "_OPCODES", 1)
    given: list[int] = []
    real = pruning.give_back

    def counted(connection: sqlite3.Connection, pages: int) -> bool:
        given.append(pages)
        return real(connection, pages)

    monkeypatch.setattr(pruning, "give_back", counted)
    done = prune.prune(str(history.state), {})
    assert len(given) > 1
    assert done.database_free == 0
    assert done.database_after < done.database_before / 5
    assert rows(history.state, "pragma integrity_check") == [("ok",)]


def test_a_history_of_old_that_cannot_be_rewritten_keeps_its_size(
    history: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given up, the rewrite leaves all as it was, and the free pages are for the next runs."""
    _many(history, 4000, result=_LARGE)
    monkeypatch.setattr(pruning, "_HOLD_AT_REST", -1.0)
    monkeypatch.setattr(pruning, "_OPCODES", 1)
    done = prune.prune(str(history.state), {})
    assert done.database_after == done.database_before
    assert kept(history) == [4001]
    assert rows(history.state, "pragma auto_vacuum") == [(0,)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_million_runs(history: Rows) -> None:
    """They go in slices, beside a writer that hardly notices, and for little of the processor."""
    _many(history, 1_000_000)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    stop: list[bool] = []
    waits: list[float] = []
    logs: list[int] = []
    beside = Thread(target=_longest_wait, args=(history, stop, waits, logs))
    beside.start()
    try:
        pruner = batchctl("--state", str(history.state), "prune", "--json", timeout=400)
    finally:
        stop.append(True)
        beside.join()
    assert pruner.returncode == 0, pruner.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # 15 s where the machine has nothing else to do; a busy one counts its own waiting for memory as well.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 45
    assert rows(history.state, "select count(*) from runs") == [(1,)]
    assert _slow_writes(waits, 0.1) < 0.02, sorted(waits)[-10:]
    assert max(logs) < 100_000_000
    assert (history.state / "batchctl.db").stat().st_size < 20_000_000
