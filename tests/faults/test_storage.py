"""Disk and database fail before, during and after a run: nothing starts untrusted, and nothing that runs is hurt."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from firing import PROGRAMS, ended, execute, fire, start
from sqlite_utils import Database
from support import batchctl, job, rows, step, wait_for

from batchctl.base.errors import StateError
from batchctl.base.state_dir import StateDir
from batchctl.core.run import Attempt, Run, StepRun
from batchctl.engine import fire as engine_fire
from batchctl.process.identity import myself
from batchctl.store import database, spool
from batchctl.store.database import VERSION
from batchctl.store.migrations import migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAMES = [migration.name for migration in migrations.pending(Database(memory=True))]

_RESULT = 'echo "{{\\"건수\\": 7}}" > $BATCHCTL_RESULT'


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 4 MiB of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount the small file system that is to be full")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", place], check=False)
    if mounted.returncode:
        pytest.skip("this container may not mount a small file system that is to be full")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path) -> Path:
    """Take every block of the file system."""
    full = place / "filler"
    with full.open("ab", buffering=0) as file:
        for size in (1 << 16, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return full


def start_impatient(what: Any, state: Path) -> subprocess.Popen[bytes]:
    """Start a fire whose patience with a locked history is short."""
    import pickle

    process = subprocess.Popen(
        [sys.executable, str(PROGRAMS / "impatient.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(pickle.dumps((what, str(state), {})))
    process.stdin.close()
    process.stdin = None
    return process


def gated(tmp_path: Path, after: str = "echo done", then: str = _RESULT) -> tuple[Any, Callable[[], object], Path]:
    """Return a job whose one step waits, a function that waits until it is up, and the file that lets it go on."""
    up, go = tmp_path / "up", tmp_path / "go"
    line = f"touch {up}; while ! test -e {go}; do sleep 0.01; done; {after}"
    return job(step("1", line), step("2", then)), lambda: wait_for(up.exists, "the step"), go


def closed(process: subprocess.Popen[bytes], state: Path) -> None:
    """Wait until a supervisor waits for its step with the history closed, as it does all but a moment of its life."""
    place = f"/proc/{process.pid}/fd"

    def is_closed() -> bool:
        try:
            links = [os.readlink(f"{place}/{name}") for name in os.listdir(place)]
        except FileNotFoundError:
            return False  # one was closed at this very moment
        return not any(link.startswith(str(state / "batchctl.db")) for link in links)

    wait_for(is_closed, "the supervisor to let go of the history")


def test_a_disk_that_is_full_before_the_start_starts_nothing(disk: Path, tmp_path: Path) -> None:
    """With a history and without one: 74, the remedy is disk space, and the step's trace is missing."""
    trace = tmp_path / "trace"
    what = job(step("1", f"touch {trace}"))
    filler = fill(disk)
    for _ in range(2):
        with pytest.raises(StateError, match=r"full|space|I/O") as raised:
            engine_fire.fire(what, engine_fire.Request(state_dir=str(disk / "state")))
        assert "df -h" in raised.value.remedy
    filler.unlink()
    assert fire(job(), disk / "state")["code"] == 0
    fill(disk)
    for _ in range(3):
        with pytest.raises(StateError, match=r"full|space|I/O") as raised:
            engine_fire.fire(what, engine_fire.Request(state_dir=str(disk / "state")))
        assert "df -h" in raised.value.remedy
    assert not trace.exists()
    (disk / "filler").unlink()
    found = fire(what, disk / "state")
    assert (found["code"], trace.exists()) == (0, True)
    assert rows(disk / "state", "select status from runs") == [("succeeded",)] * 2
    assert not [name for name in os.listdir(disk / "state/runs") if "before" in name]


def test_a_disk_that_fills_up_during_a_run_costs_nothing_but_output(disk: Path, tmp_path: Path) -> None:
    """Steps go on to their end, the exit code is theirs, the end waits in the reserved file and is then imported."""
    state = disk / "state"
    what, up, go = gated(tmp_path, after=f"test -e {tmp_path}", then="true")
    process = start(what, state)
    up()
    closed(process, state)
    fill(disk)
    go.touch()
    found = ended(process)
    assert (found["status"], found["code"]) == ("succeeded", 0)
    assert os.listdir(state / "spool") == ["1.json"]
    (disk / "filler").unlink()
    assert rows(state, "select status from runs") == [("running",)]
    assert fire(job(), state)["run_id"] == 2
    assert rows(state, "select id, status, exit_code from runs") == [(1, "succeeded", 0), (2, "succeeded", 0)]
    assert rows(state, "select status, attempts from steps where run_id = 1") == [("succeeded", 1)] * 2
    assert os.listdir(state / "spool") == []


def test_a_step_that_fills_the_disk_fails_by_itself_alone(disk: Path) -> None:
    """A step whose own output finds no room ends as it ends; its failure is recorded once there is room."""
    state = disk / "state"
    found = fire(job(step("1", "head -c 16M /dev/zero"), step("2", "true")), state)
    assert [one["status"] for one in found["steps"]] == ["failed", "blocked"]
    assert found["code"] == 1
    os.truncate(state / "runs/1/1-1.log", 0)
    assert fire(job(), state)["run_id"] == 2
    assert rows(state, "select status, why from runs where id = 1") == [("failed", "step 1: exit code 1")]


def test_what_does_not_fit_into_the_reserve_goes_without_results(disk: Path) -> None:
    """On a full disk a result larger than the reserved file is given up, and the end of the run is kept."""
    (disk / "state").mkdir(mode=0o700)
    state = str(disk / "state")
    database.connect(state, create=True).close()
    spool.reserve(state, 1)
    fill(disk)
    run = Run(1, "작업", 1000.0, "token", [StepRun(1, step())])
    run.status, run.exit_code, run.ended_at, run.duration = "succeeded", 0, 1060.0, 60.0
    attempt = Attempt(1, "runs/1/1-1.log", 1000.0)
    attempt.status, attempt.exit_code = "succeeded", 0
    run.steps[0].attempts.append(attempt)
    run.steps[0].result = {"many": "x" * 2 * spool.RESERVED_BYTES}
    spool.keep(state, run, myself())
    assert os.listdir(f"{state}/spool") == ["1.json"]
    (disk / "filler").unlink()
    connection = database.connect(state, create=False)
    assert spool.import_all(state, connection) == 1
    connection.close()
    assert rows(disk / "state", "select status, duration_s from runs") == [("succeeded", 60.0)]
    assert rows(disk / "state", "select exit_code, result from steps") == [(0, None)]


def test_a_history_locked_at_the_start_starts_nothing(state: Path, tmp_path: Path) -> None:
    """Past its patience the fire gives up with 74, and says who can be asked."""
    trace = tmp_path / "trace"
    fire(job(), state)
    holder = sqlite3.connect(state / "batchctl.db", isolation_level=None)
    holder.execute("begin immediate")
    process = start_impatient(job(step("1", f"touch {trace}")), state)
    _, said = process.communicate(timeout=60)
    holder.close()
    assert process.returncode == 74
    assert "locked" in said.decode()
    assert "fuser" in said.decode()
    assert not trace.exists()
    assert rows(state, "select count(*) from runs") == [(1,)]


@pytest.mark.slow
def test_the_patience_with_a_locked_history_is_ten_seconds(state: Path) -> None:
    """A lock that goes after three seconds only delays the start."""
    fire(job(), state)
    holder = sqlite3.connect(state / "batchctl.db", isolation_level=None, check_same_thread=False)
    holder.execute("begin immediate")
    process = start(job(), state)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=3)
    holder.close()
    assert ended(process)["code"] == 0
    assert database.BUSY_LIMIT == 10.0


def test_a_history_locked_at_the_end_gets_the_result_later(state: Path, tmp_path: Path) -> None:
    """Steps are not held up, the exit code is the run's, and `status` and `report` show the end once they can."""
    what, up, go = gated(tmp_path, after="exit 3")
    process = start_impatient(what, state)
    up()
    holder = sqlite3.connect(state / "batchctl.db", isolation_level=None)
    holder.execute("begin immediate")
    go.touch()
    assert ended(process)["code"] == 1
    assert StateDir(str(state)).waiting() == ["1.json"]
    seen = _report(tmp_path, state)
    assert seen["runs"][0]["status"] == "running", "what cannot be imported yet is shown as it stands"
    holder.close()
    seen = _report(tmp_path, state)
    assert (seen["runs"][0]["status"], seen["runs"][0]["why"]) == ("failed", "step 1: exit code 3")
    assert os.listdir(state / "spool") == []


def _report(tmp_path: Path, state: Path) -> dict[str, Any]:
    config = tmp_path / "c.toml"
    config.write_text('[jobs."작업"]\nrun = "true"\n')
    done = batchctl("--config", str(config), "--state", str(state), "report", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _remove(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)


def _foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("create table something_else (a)")
    connection.close()


def _another_history(path: Path) -> None:
    """Put a history of the same schema, in which run 1 is another job's, in the place."""
    other = path.parent.parent / "another"
    fire(job(name="다른"), other)
    path.unlink()
    shutil.copy(other / "batchctl.db", path)


@pytest.mark.parametrize("damage", [_remove, _empty, _garbage, _foreign, _another_history])
def test_a_history_damaged_during_a_run_does_not_hurt_the_run(
    state: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """The steps go on, the end waits in the spool; what stands in the place is not touched, the original takes it."""
    what, up, go = gated(tmp_path)
    process = start(what, state)
    up()
    wait_for(lambda: rows(state, "select count(*) from attempts where pid > 0") == [(1,)], "the first attempt's row")
    closed(process, state)
    history = state / "batchctl.db"
    backup = tmp_path / "backup.db"
    with sqlite3.connect(history) as connection:
        connection.execute("vacuum into ?", (str(backup),))
    connection.close()
    damage(history)
    found_there = history.read_bytes() if history.exists() else None
    go.touch()
    found = ended(process)
    assert (found["status"], found["code"]) == ("succeeded", 0)
    assert [one["result"] for one in found["steps"]] == [None, {"건수": 7}]
    assert StateDir(str(state)).waiting() == ["1.json"]
    assert (history.read_bytes() if history.exists() else None) == found_there
    for leftover in state.glob("batchctl.db*"):
        leftover.unlink()
    backup.rename(history)
    assert fire(job(), state)["run_id"] == 2
    assert rows(state, "select id, status from runs") == [(1, "succeeded"), (2, "succeeded")]
    assert rows(state, "select result from steps where run_id = 1 and seq = 2") == [('{"건수": 7}',)]


@pytest.mark.parametrize("taken", [True, False])
def test_a_run_whose_history_was_lost_is_written_whole_into_the_next(state: Path, tmp_path: Path, taken: bool) -> None:
    """Once a new history was begun, the run is in it, under its own id or, where that is another's, the next."""
    what, up, go = gated(tmp_path)
    process = start(what, state, params={"기준": "값"})
    up()
    wait_for(lambda: rows(state, "select count(*) from attempts where pid > 0") == [(1,)], "the first attempt's row")
    for leftover in [*state.glob("batchctl.db*"), state / "history-began"]:
        leftover.unlink()
    if taken:
        assert fire(job(name="다른"), state)["run_id"] == 1
    go.touch()
    assert ended(process)["code"] == 0
    assert fire(job(name="다른"), state)["code"] == 0
    mine = 2 if taken else 1
    kept = rows(state, "select id, status, params, log_dir from runs where job = '작업'")
    assert kept == [(mine, "succeeded", '{"기준": "값"}', "runs/1")]
    assert rows(state, "select log from attempts where run_id = ? and seq = 1", mine) == [("runs/1/1-1.log",)]
    assert rows(state, "select count(*) from runs") == [(mine + 1,)]
    logs = [(place / "1-1.log").read_text() for place in (state / "runs").glob("1*")]
    assert "done\n" in logs, "the output of the run is still there"


@pytest.mark.parametrize("content", [b"no database " * 1000, b"", None])
@pytest.mark.parametrize("command", ["status", "logs 작업", "report", "stop 작업", "pause", "explain 작업", "run 작업",
                                     "run 작업 --dry-run"])  # fmt: skip
def test_every_command_refuses_a_history_that_cannot_be_trusted(
    state: Path, tmp_path: Path, command: str, content: bytes | None
) -> None:
    """Garbage, zero length, gone: 74 with a remedy, no traceback, and what is there stays as it is."""
    fire(job(), state)
    history = state / "batchctl.db"
    history.unlink()
    if content is not None:
        history.write_bytes(content)
    config = tmp_path / "c.toml"
    config.write_text('[jobs."작업"]\nrun = "true"\n')
    done = batchctl("--config", str(config), "--state", str(state), *command.split())
    assert done.returncode == 74, done.stdout + done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr
    assert (history.read_bytes() if history.exists() else None) == content


def test_a_newer_schema_is_refused_with_the_remedy(state: Path) -> None:
    """A history that a newer batchctl wrote is left alone: 74, and the newer one is to be installed."""
    fire(job(), state)
    execute(state, f"pragma user_version = {VERSION + 1}")
    before = (state / "batchctl.db").read_bytes()
    with pytest.raises(StateError, match=f"schema {VERSION + 1}") as raised:
        engine_fire.fire(job(), engine_fire.Request(state_dir=str(state)))
    assert "newer batchctl" in raised.value.remedy
    assert (state / "batchctl.db").read_bytes() == before


@pytest.mark.parametrize("known", range(1, len(_NAMES)), ids=_NAMES[:-1])
def test_an_older_schema_is_brought_up_to_date_by_the_next_fire(state: Path, known: int) -> None:
    """From every earlier migration on: rows stay, a command that only looks says 74 with a remedy, a fire upgrades."""
    state.mkdir(mode=0o700)
    old = Database(state / "batchctl.db", execute_plugins=False)
    migrations.apply(old, stop_before=_NAMES[known])
    old.execute(
        "insert into runs (job, status, started_at, ended_at, duration_s, host, boot_id, pid, start_ticks,"
        " started_mono_s, token) values ('옛', 'succeeded', 1, 2, 1, 'h', 'b', 1, 1, 1, 't')"
    )
    old.conn.commit()
    old.close()
    (state / "history-began").touch(0o600)
    with pytest.raises(StateError, match=f"schema {known}") as raised:
        database.connect(str(state), create=False)
    assert "run any job" in raised.value.remedy
    assert fire(job(), state)["run_id"] == 2
    assert rows(state, "select job, status from runs") == [("옛", "succeeded"), ("작업", "succeeded")]
    assert rows(state, "pragma user_version") == [(VERSION,)]


def test_the_schema_number_is_the_number_of_migrations() -> None:
    """A fire compares numbers only, so they must not drift apart."""
    assert len(_NAMES) == VERSION


def test_a_mark_that_was_never_made_is_made_by_the_next_fire(state: Path) -> None:
    """A first fire killed between schema and mark must not leave a history that could later vanish unnoticed."""
    fire(job(), state)
    (state / "history-began").unlink()
    fire(job(), state)
    (state / "batchctl.db").unlink()
    with pytest.raises(StateError, match="missing"):
        engine_fire.fire(job(), engine_fire.Request(state_dir=str(state)))


@pytest.mark.parametrize(
    "content",
    [
        b"{half",  # a crash of the machine
        b"\xff\xfe",  # no text
        b"[]",  # JSON of another form
        b'{"owner": {}, "run": {}}',  # fields are missing
        b"[" * 100_000,  # deeper than any stack
        json.dumps(
            {
                "owner": {"host": "h", "boot_id": "b", "pid": "x", "start_ticks": 1},
                "run": {"id": 1, "job": "j", "started_at": "soon", "token": "t", "steps": [], "status": "failed",
                        "ended_at": None, "duration": None, "exit_code": None, "why": ""},
            }
        ).encode(),  # values of other types
    ],
    ids=range(6),
)  # fmt: skip
def test_a_spool_file_that_says_nothing_is_set_aside(state: Path, content: bytes) -> None:
    """It is kept for the operator, the fire goes on, and the history gets nothing from it."""
    fire(job(), state)
    (state / "spool" / "9.json").write_bytes(content)
    assert fire(job(), state)["run_id"] == 2
    assert os.listdir(state / "spool") == ["9.damaged"]
    assert rows(state, "select count(*) from runs") == [(2,)]


def test_many_fires_import_one_spool_file_once(state: Path, tmp_path: Path) -> None:
    """Ten processes that find the same file at once: none fails, and the run is there once."""
    what, up, go = gated(tmp_path)
    process = start(what, state)
    up()
    history = state / "batchctl.db"
    history.rename(tmp_path / "away")
    go.touch()
    assert ended(process)["code"] == 0
    for leftover in state.glob("batchctl.db-*"):
        leftover.rename(tmp_path / leftover.name.replace("batchctl.db", "away"))
    (tmp_path / "away").rename(history)
    fires = [start(job(name=f"j{number}"), state) for number in range(10)]
    assert [ended(one)["code"] for one in fires] == [0] * 10
    assert rows(state, "select status, count(*) from runs group by status") == [("succeeded", 11)]
    assert os.listdir(state / "spool") == []
