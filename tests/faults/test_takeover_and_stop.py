"""Ending somebody else's run: only what is provably its own is signalled, and its old owner writes no more."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from firing import ended, execute, fire, make_stale, pid_of_attempt, start
from support import alive, job, rows, step, wait_for

from batchctl.base import clock
from batchctl.base.errors import StateError
from batchctl.base.record import replace
from batchctl.core.guard.decide import State
from batchctl.core.run import Run, StepRun
from batchctl.engine import fire as engine_fire
from batchctl.engine import start as engine_start
from batchctl.engine import stop
from batchctl.engine.file_lease import FileLease
from batchctl.engine.state import Settled
from batchctl.process import identity, tree
from batchctl.store import database, lockfile, runs, spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchctl.core.model import Job


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def innocent() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that has nothing to do with any run, leader of its own session."""
    process = subprocess.Popen(["sleep", "300"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def _running_row(state: Path, pid: int, *, recycled: bool) -> runs.NewRun:
    """Leave a running row, stale by age, that names this process, or one that had its pid before."""
    state.mkdir(mode=0o700)
    stat = identity.read_stat(pid)
    assert stat is not None
    owner = replace(identity.myself(), pid=pid, start_ticks=stat.start_ticks - recycled)
    new = runs.NewRun(
        owner=owner,
        started_at=clock.now() - 100_000,
        started_mono=clock.monotonic() - 100_000,
        scheduled_for=None,
        token="t",
    )
    connection = database.connect(str(state), create=True)
    with database.Immediate(connection):
        runs.insert_run(connection, job(), new)
        connection.execute(
            "insert into attempts (run_id, seq, attempt, status, pid, start_ticks, started_at)"
            " values (1, 1, 1, 'running', ?, ?, 0)",
            (pid, owner.start_ticks),
        )
    connection.close()
    return new


@pytest.mark.parametrize("how", ["stop", "takeover"])
def test_a_process_that_took_over_the_pid_is_never_signalled(
    state: Path, innocent: subprocess.Popen[bytes], how: str
) -> None:
    """The row names its pid as owner and as step, but with another start time: it lives on, and the run is over."""
    _running_row(state, innocent.pid, recycled=True)
    if how == "stop":
        assert stop.stop(job(grace=0.1), str(state)).status == "cancelled"
    else:
        assert fire(job(stale_after=3600.0, grace=0.1), state)["code"] == 0
        assert rows(state, "select status from runs where id = 1") == [("lost",)]
    assert innocent.poll() is None


@pytest.mark.parametrize("change", ["host = 'elsewhere'", "host = 'elsewhere', boot_id = 'other'"])
def test_a_run_of_another_host_is_neither_taken_over_nor_stopped(
    state: Path, innocent: subprocess.Popen[bytes], change: str
) -> None:
    """Stale or not, what cannot be judged from here is left alone, although a process here has its pid."""
    _running_row(state, innocent.pid, recycled=False)
    execute(state, f"update runs set {change}")  # noqa: S608 - a row of the table above
    assert fire(job(stale_after=3600.0, grace=0.1), state)["reason"] == "already_running"
    with pytest.raises(StateError, match="elsewhere"):
        stop.stop(job(grace=0.1), str(state))
    assert innocent.poll() is None


def test_another_boots_processes_are_not_looked_for(state: Path, innocent: subprocess.Popen[bytes]) -> None:
    """After a reboot the same pid and start time mean nothing; `stop` closes the row and signals nobody."""
    _running_row(state, innocent.pid, recycled=False)
    execute(state, "update runs set boot_id = 'before'")
    assert stop.stop(job(grace=0.1), str(state)).status == "cancelled"
    assert innocent.poll() is None


def test_an_owner_that_may_not_be_looked_at_counts_as_alive(innocent: subprocess.Popen[bytes]) -> None:
    """Where /proc hides other users' processes (hidepid), the run can neither be proven dead nor be taken over."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount /proc with hidepid and become somebody else")
    place = Path(tempfile.mkdtemp(dir="/tmp"))  # the other user cannot enter pytest's own
    state = place / "state"
    _running_row(state, innocent.pid, recycled=False)
    for path in (place, state, *state.rglob("*")):
        os.chown(path, 65534, 65534)
    code = (
        "import ctypes, os, subprocess, sys\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from support import job\n"
        "from batchctl.engine import fire as runner\n"
        "from batchctl.process import identity\n"
        "runner.fire(job(enabled=False), runner.Request(state_dir=sys.argv[1] + '-warm'))\n"
        "identity.life(identity.myself())\n"  # everything is imported while it can still be read
        "if ctypes.CDLL(None).unshare(0x00020000): sys.exit(3)\n"
        "subprocess.run(['mount', '--make-rprivate', '/'], check=True)\n"
        "if subprocess.run(['mount', '-t', 'proc', '-o', 'hidepid=2', 'proc', '/proc']).returncode: sys.exit(3)\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "found = runner.fire(job(stale_after=3600.0, grace=0.1), runner.Request(state_dir=sys.argv[1]))\n"
        "print(found.decision.reason, found.decision.failed._text)\n"
    )
    try:
        done = _python(code, str(state), str(Path(__file__).parents[1]))
        if done.returncode == 3:
            pytest.skip("this system mounts no /proc of one's own")
        assert done.stdout.startswith("already_running run %d cannot be proven dead"), done.stderr
        assert innocent.poll() is None
    finally:
        shutil.rmtree(place)


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    import sys

    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("when", ["step under way", "step ended"])
def test_an_owner_that_wakes_up_dispossessed_changes_nothing(state: Path, tmp_path: Path, when: str) -> None:
    """Stopped, its run declared stale meanwhile, woken: it ends its step, writes not a word, and exits with 74."""
    gate = tmp_path / "gate"
    process = start(job(step("1", f"while ! test -e {gate}; do sleep 0.02; done"), step("2", "echo 2")), state)
    pid = wait_for(lambda: pid_of_attempt(state), "the attempt")
    process.send_signal(signal.SIGSTOP)
    execute(state, "update runs set status = 'stale', ended_at = started_at, why = 'another wrote this'")
    before = rows(state, "select * from runs"), rows(state, "select * from steps")
    if when == "step ended":
        gate.touch()
        wait_for(lambda: not alive(pid), "the end of the step")
    else:
        process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    assert ended(process)["code"] == 74
    assert not alive(pid)
    assert (rows(state, "select * from runs"), rows(state, "select * from steps")) == before
    assert not (state / "runs/1/2-1.log").exists()
    assert os.listdir(state / "spool") == []


def test_on_stale_alert_touches_nothing(state: Path) -> None:
    """The hung run is left alone with its step, and the fire says so."""
    process = start(job(step("1", "exec sleep 300")), state)
    pid = wait_for(lambda: pid_of_attempt(state), "the attempt")
    process.send_signal(signal.SIGSTOP)
    make_stale(state)
    found = fire(job(stale_after=3600.0, on_stale="alert", grace=0.1), state)
    assert (found["code"], found["reason"]) == (75, "already_running")
    assert "stale" in found["detail"]
    assert alive(pid)
    assert stop.stop(job(grace=0.1), str(state)).status == "cancelled"
    process.communicate(timeout=20)


def test_stop_wakes_a_stopped_batchctl(state: Path) -> None:
    """A run that somebody suspended (Ctrl-Z) is stopped at once, by its own batchctl, which exits with 143."""
    process = start(job(step("1", "exec sleep 300")), state)
    pid = wait_for(lambda: pid_of_attempt(state), "the attempt")
    process.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    assert stop.stop(job(grace=30.0), str(state)).status == "cancelled"
    assert time.monotonic() - begin < 20
    assert ended(process)["code"] == 143
    assert not alive(pid)
    assert rows(state, "select exit_code, why from runs") == [(143, "stopped by SIGTERM")]


def test_stop_where_nothing_runs(state: Path) -> None:
    """It is no error, whether there was a history or not, and the last run keeps its status."""
    assert stop.stop(job(), str(state)).run_id is None
    fire(job(), state)
    assert stop.stop(job(), str(state)).run_id is None
    assert rows(state, "select status from runs") == [("succeeded",)]


@pytest.mark.parametrize("how", ["stop", "takeover"])
def test_what_survives_kill_keeps_its_run(state: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Where a process cannot be ended (dead storage), the run stays `running`, nothing new starts, and it is said."""
    process = start(job(step("1", "exec sleep 300")), state)
    pid = wait_for(lambda: pid_of_attempt(state), "the attempt")
    process.kill()
    process.communicate()
    make_stale(state)
    with monkeypatch.context() as patch:
        # Stands in for a process in uninterruptible sleep, which takes no signal.
        patch.setattr(tree, "send", lambda _stat, _number: False)
        patch.setattr(stop, "_KILL_LIMIT", 0.2)
        hung = job(stale_after=3600.0, grace=0.1)
        end: dict[str, Callable[[], object]] = {
            "stop": lambda: stop.stop(hung, str(state)),
            "takeover": lambda: engine_fire.fire(hung, engine_fire.Request(state_dir=str(state))),
        }
        with pytest.raises(StateError, match="survive KILL"):
            end[how]()
    assert alive(pid)
    assert rows(state, "select status from runs") == [("running",)]
    assert stop.stop(job(grace=0.1), str(state)).status == "cancelled"
    assert not alive(pid)


def test_a_lock_that_nobody_provable_holds_keeps_its_run(
    state: Path, monkeypatch: pytest.MonkeyPatch, innocent: subprocess.Popen[bytes]
) -> None:
    """`stop` does not call a run over while its lock is held; it names who has the lock file open."""
    _running_row(state, innocent.pid, recycled=True)
    held = lockfile.acquire(str(state), job().name)
    assert held is not None
    monkeypatch.setattr(stop, "_LOCK_LIMIT", 0.1)
    with pytest.raises(StateError, match="holds the lock") as raised:
        stop.stop(job(grace=0.1), str(state))
    assert f"-p {os.getpid()}`" in raised.value.remedy
    monkeypatch.setattr(lockfile, "holders", lambda *_: [])  # as where another user holds it
    with pytest.raises(StateError, match="holds the lock") as raised:
        stop.stop(job(grace=0.1), str(state))
    assert "fuser" in raised.value.remedy
    assert rows(state, "select status from runs") == [("running",)]
    os.close(held)
    assert stop.stop(job(grace=0.1), str(state)).status == "cancelled"


def test_the_lock_of_a_run_that_came_after_is_not_waited_for(
    state: Path, monkeypatch: pytest.MonkeyPatch, innocent: subprocess.Popen[bytes]
) -> None:
    """Where a fire has found the owner gone meanwhile, its own run has the lock; what was to be stopped has ended."""
    _running_row(state, innocent.pid, recycled=True)
    asked: list[bool] = []

    def held(*_: str) -> bool:
        if not asked:
            execute(state, "update runs set status = 'lost', ended_at = started_at where status = 'running'")
        asked.append(True)
        return True

    monkeypatch.setattr(lockfile, "is_held", held)
    assert stop.stop(job(grace=0.1), str(state)).status == "lost"
    assert len(asked) == 1


def _start_under_lock(what: Job, state: Path) -> object:
    """Return what a start finds that has its lock already."""
    hold = FileLease(str(state)).take(what.name)
    assert hold is not None
    with database.Opened(str(state), create=False) as connection:
        prepared = engine_start.prepare(connection, what, engine_fire.Request(state_dir=str(state)))
        found = engine_start.start(connection, prepared, hold, Settled(), None)
    hold.close()
    return found


def test_a_run_that_got_stale_meanwhile_is_not_ended_under_the_lock(
    state: Path, innocent: subprocess.Popen[bytes]
) -> None:
    """Ending a tree takes its time, and the lock is for starting: the start goes back and leaves the row as it is."""
    _running_row(state, innocent.pid, recycled=False)
    assert _start_under_lock(job(stale_after=60.0), state) is None
    assert rows(state, "select status from runs") == [("running",)]


def test_the_last_word_of_a_vanished_batchctl_is_heard(state: Path, innocent: subprocess.Popen[bytes]) -> None:
    """A run whose end waits in the spool is not declared lost: the start goes back and imports it first."""
    new = _running_row(state, innocent.pid, recycled=True)
    run = Run(1, job().name, new.started_at, "t", [StepRun(1, step())])
    run.status, run.ended_at, run.exit_code = "failed", clock.now(), 1
    spool.reserve(str(state), 1)
    spool.keep(str(state), run, new.owner)
    assert _start_under_lock(job(), state) is None
    assert rows(state, "select status from runs") == [("running",)]
    assert fire(job(), state)["run_id"] == 2
    assert rows(state, "select status, exit_code from runs order by id") == [("failed", 1), ("succeeded", 0)]
    assert os.listdir(state / "spool") == []


def test_no_history_yet_is_no_trouble(state: Path) -> None:
    """A first fire that was killed while it made the history has begun none: looking and stopping say so."""
    state.mkdir(mode=0o700)
    (state / "batchctl.db").touch(mode=0o600)
    assert engine_fire.state_of(job(), str(state)) == State()
    assert stop.stop(job(), str(state)).run_id is None
    assert fire(job(), state)["code"] == 0


def test_the_subreaper_is_what_it_says() -> None:
    """PR_GET_CHILD_SUBREAPER confirms what become_subreaper() asked the kernel for, in a process of its own."""
    code = (
        "import ctypes\nfrom batchctl.process import tree\ntree.become_subreaper()\nflag = ctypes.c_int()\n"
        "ctypes.CDLL(None).prctl(37, ctypes.byref(flag), 0, 0, 0)\nprint(flag.value)"
    )
    assert _python(code).stdout == "1\n"
