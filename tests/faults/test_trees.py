"""Whatever a step starts ends with it, and nothing else does."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from firing import PROGRAMS, ended, fire, make_stale, pid_of_attempt, start, with_argument
from support import alive, job, rows, step, wait_for

from batchctl.base.errors import StateError
from batchctl.core.model import Group
from batchctl.engine import fire as engine_fire
from batchctl.engine import stop
from batchctl.process import cgroup
from batchctl.store import database, lockfile, spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchctl.core.model import Step

ALL = "clear-env ignore-term setsid daemonise close-fds"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Path]:
    """Return the file in which hostile programs say that they are up; whatever survives the test is ended after it."""
    file = tmp_path / f"ready-{os.urandom(6).hex()}"
    yield file
    for pid in with_argument(file.name):
        os.kill(pid, signal.SIGKILL)


def _line(ready: Path, program: str, tricks: str, after: str) -> str:
    """Return a shell line that starts a hostile program in the background, waits until it is up, and goes on."""
    background = f"{sys.executable} {PROGRAMS / program} {ready} {tricks} &"
    return f"{background} while ! test -s {ready}; do sleep 0.01; done; {after}"


def _by_timeout(what: Callable[..., Step], state: Path, _ready: Path) -> tuple[int, str]:
    # The budget begins before the child is up, so it must be long enough for a busy machine.
    found = fire(job(what(timeout=4.0, grace=0.2)), state)
    return found["code"], found["status"]


def _by_signal(number: int) -> Callable[..., tuple[int, str]]:
    def end(what: Callable[..., Step], state: Path, ready: Path) -> tuple[int, str]:
        process = start(job(what(grace=0.2)), state)
        wait_for(ready.exists, "the child")
        process.send_signal(number)
        found = ended(process)
        return found["code"], found["status"]

    return end


def _by_stop(what: Callable[..., Step], state: Path, ready: Path) -> tuple[int, str]:
    process = start(job(what(grace=0.2)), state)
    wait_for(ready.exists, "the child")
    stopped = stop.stop(job(grace=0.2), str(state))
    assert stopped.status == "cancelled"
    found = ended(process)
    assert rows(state, "select exit_code from runs") == [(143,)]
    return found["code"], found["status"]


def _by_takeover(what: Callable[..., Step], state: Path, ready: Path) -> tuple[int, str]:
    process = start(job(what(grace=0.2)), state)
    wait_for(ready.exists, "the child")
    wait_for(lambda: pid_of_attempt(state), "the attempt")
    process.send_signal(signal.SIGSTOP)
    make_stale(state)
    assert fire(job(stale_after=3600.0, grace=0.3), state)["code"] == 0
    process.communicate(timeout=20)
    return process.returncode, rows(state, "select status from runs where id = 1")[0][0]


@pytest.mark.parametrize(
    ("end", "after", "expected"),
    [
        (_by_timeout, "exec sleep 300", (124, "timed_out")),
        (_by_signal(signal.SIGTERM), "exec sleep 300", (143, "cancelled")),
        (_by_signal(signal.SIGINT), "exec sleep 300", (130, "cancelled")),
        (_by_signal(signal.SIGHUP), "exec sleep 300", (129, "cancelled")),
        (_by_stop, "exec sleep 300", (143, "cancelled")),
        (_by_takeover, "exec sleep 300", (74, "stale")),
    ],
    ids=["timeout", "term", "int", "hup", "stop", "takeover"],
)
def test_nothing_survives_the_end_of_a_run(
    state: Path, ready: Path, end: Callable[..., tuple[int, str]], after: str, expected: tuple[int, str]
) -> None:
    """A child that plays all tricks at once ends with the run, however that is ended."""
    found = end(lambda **more: step("1", _line(ready, "escape.py", ALL, after), **more), state, ready)
    assert found == expected
    assert ready.read_text().split()
    assert with_argument(ready.name) == []
    assert rows(state, "select count(*) from runs where status = 'running'") == [(0,)]


@pytest.mark.parametrize(
    ("program", "tricks"),
    [
        ("escape.py", ""),  # plainly in the background, with the step's stdout open
        ("escape.py", "setsid"),
        ("escape.py", "daemonise"),
        ("escape.py", "ignore-term"),
        ("escape.py", "clear-env"),
        ("escape.py", "close-fds"),
        ("escape.py", "stop ignore-term"),
        ("escape.py", "clear-env daemonise close-fds"),
        ("escape.py", ALL),
        ("headless.py", ""),  # a zombie by looks, alive by its second thread
        ("forker.py", ""),  # starts new ones while it is being ended
        ("pair.py", ""),  # two that replace each other
        ("hopper.py", ""),  # never the same process for longer than a millisecond
        ("hopper.py", "setsid"),
    ],
)
def test_nothing_survives_the_normal_end_of_a_step(state: Path, ready: Path, program: str, tricks: str) -> None:
    """A step that ends and leaves something behind has succeeded; what it left is ended before the next step."""
    first = step("1", _line(ready, program, tricks, "exit 0"), grace=0.2)
    # Not found in the looking step's own command line, because of the brackets.
    name = f"[{ready.name[0]}]{ready.name[1:]}"
    look = step("2", f"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '{name}'; true")
    begin = time.monotonic()
    found = fire(job(first, look), state)
    assert time.monotonic() - begin < 30
    assert (found["code"], found["status"]) == (0, "succeeded")
    assert (state / "runs/1/2-1.log").read_text() == "0\n"
    assert with_argument(ready.name) == []


def test_job_control_makes_no_difference(state: Path, ready: Path) -> None:
    """A shell that turns on job control gives each of its children a group of its own; all end."""
    line = f"set -m; {_line(ready, 'escape.py', 'ignore-term', 'sleep 300 & sleep 300')}"
    found = fire(job(step("1", line, timeout=1.5, grace=0.2)), state)
    assert found["status"] == "timed_out"
    assert with_argument(ready.name) == []


def test_beside_a_step_that_ends_another_one_lives_on(state: Path, ready: Path, tmp_path: Path) -> None:
    """A timeout ends its own step's orphans, found by session and mark, and neither the step beside it nor its own."""
    done = tmp_path / "done"
    hostile = step(
        "31", _line(ready, "escape.py", "ignore-term setsid", "exec sleep 300"), group="k", timeout=4.0, grace=0.1
    )
    # Its own background child outlives the other's end; that it writes its file shows that nobody hurt it.
    gate = f"while ! grep -q x {tmp_path}/gate 2>/dev/null; do sleep 0.02; done"
    quiet = step(
        "32",
        f"(setsid sh -c '{gate}; echo ok > {done}' &) ; {gate}; while ! test -s {done}; do sleep 0.02; done",
        group="k",
    )
    process = start(job(hostile, quiet, groups=(Group(name="k", parallel=True),)), state)
    wait_for(lambda: ready.exists() and not with_argument(ready.name), "the end of the first step's tree")
    wait_for(lambda: rows(state, "select 1 from attempts where status = 'timed_out'"), "its record")
    assert process.poll() is None
    (tmp_path / "gate").write_text("x")
    found = ended(process)
    assert [one["status"] for one in found["steps"]] == ["timed_out", "succeeded"]
    assert done.read_text() == "ok\n"


def test_an_orphan_that_nobody_can_attribute_ends_with_its_group(state: Path, ready: Path, tmp_path: Path) -> None:
    """Two steps side by side leave children that played all tricks; after the group none is left."""
    other = tmp_path / f"{ready.name}-2"
    chain = (
        step("31", _line(ready, "escape.py", ALL, "exit 0"), group="k", grace=0.1),
        step("32", _line(other, "escape.py", ALL, "sleep 0.5"), group="k", grace=0.1),
        step("61", "true"),
    )
    found = fire(job(*chain, groups=(Group(name="k", parallel=True),)), state)
    assert [one["status"] for one in found["steps"]] == ["succeeded"] * 3
    assert with_argument(ready.name) == []


def test_hopping_beside_another_step(state: Path, ready: Path) -> None:
    """A chain of short-lived processes is ended beside a living step too, which goes on."""
    chain = (
        step("31", _line(ready, "hopper.py", "setsid", "exit 0"), group="k", grace=0.1),
        step("32", f"while ! test -s {ready}; do sleep 0.01; done; sleep 1.5", group="k"),
    )
    found = fire(job(*chain, groups=(Group(name="k", parallel=True),)), state)
    assert [one["status"] for one in found["steps"]] == ["succeeded"] * 2
    assert with_argument(ready.name) == []


def _sleeps(pid: int) -> bool:
    """Say whether a process did nothing for a while: then it has no file open that it is about to close."""
    stat = Path(f"/proc/{pid}/stat")
    before = stat.read_text().rpartition(")")[2].split()[11:13], os.listdir(f"/proc/{pid}/fd")
    time.sleep(0.25)
    return before == (stat.read_text().rpartition(")")[2].split()[11:13], os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.parametrize("how", ["steps", "retries"])
def test_many_short_steps_leave_no_zombie_and_no_descriptor(state: Path, tmp_path: Path, how: str) -> None:
    """After 60 of them the supervisor has one child, the step under way, and the descriptors it began with."""
    gates = [tmp_path / "first", tmp_path / "last"]
    wait = [f"touch {gate}.up; while ! test -e {gate}; do sleep 0.02; done" for gate in gates]
    if how == "steps":
        many = [step(str(number), "sleep 0 &") for number in range(60)]
    else:
        many = [step("many", "(exit 3) & exit 1", retries=59, continue_on_failure=True)]
    process = start(job(step("first", wait[0]), *many, step("last", wait[1])), state)
    counts = []
    for gate in gates:
        wait_for(Path(f"{gate}.up").exists, "the step that waits", limit=60)
        wait_for(lambda: _sleeps(process.pid), "the supervisor's rest")
        counts.append(len(os.listdir(f"/proc/{process.pid}/fd")))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
        gate.touch()
    assert counts[0] == counts[1]
    ended(process)
    assert rows(state, "select count(*) from attempts") == [(62,)]


def test_a_step_sees_no_descriptor_of_whoever_started_batchctl(state: Path, tmp_path: Path) -> None:
    """Started with inheritable descriptors open, batchctl hands on 0, 1, 2 and the lock, and nothing else."""
    with ExitStack() as stack:
        extra = [stack.enter_context((tmp_path / f"extra{number}").open("w")).fileno() for number in range(3)]
        process = start(job(step("1", "readlink /proc/self/fd/*; true"), name="수집"), state, pass_fds=extra)
        assert {str(tmp_path / f"extra{number}") for number in range(3)} <= {
            os.readlink(f"/proc/{process.pid}/fd/{name}") for name in os.listdir(f"/proc/{process.pid}/fd")
        }
        assert ended(process)["code"] == 0
    seen = (state / "runs/1/1-1.log").read_text().splitlines()
    log = str(state / "runs/1/1-1.log")
    assert sorted(seen) == sorted(["/dev/null", log, log, str(state / "locks/수집.lock")])


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_cost_nothing(state: Path, tmp_path: Path, closed: str) -> None:
    """Started with stdin, stdout or stderr closed, batchctl runs as ever, and the step inherits the lock."""
    config = tmp_path / "batchctl.toml"
    config.write_text('[jobs.x]\nrun = "readlink /proc/self/fd/*; true"\n', encoding="utf-8")
    line = f"exec {sys.executable} -m batchctl --config {config} --state {state} run x {closed}"
    assert subprocess.run(line, shell=True, check=False, timeout=60).returncode == 0
    assert str(state / "locks/x.lock") in (state / "runs/1/1-1.log").read_text().splitlines()


@pytest.mark.parametrize("how", ["in its session", "in a session of its own"])
def test_a_child_that_batchctl_inherited_is_left_alone(state: Path, tmp_path: Path, ready: Path, how: str) -> None:
    """`other & exec batchctl run …`: the other is batchctl's child but no step's: it lives on, the run ends."""
    setsid = "setsid " if how == "in a session of its own" else ""
    config = tmp_path / "batchctl.toml"
    config.write_text(
        f'[jobs.x]\ngrace = 0.1\ntimeout = 20.0\nrun = """{_line(ready, "escape.py", ALL, "exit 0")}"""\n'
    )
    innocent = tmp_path / "innocent"
    line = (
        f"{setsid}sh -c 'echo $$ > {innocent}; exec sleep 300' & while ! test -s {innocent}; do sleep 0.01; done;"
        f" exec {sys.executable} -m batchctl --config {config} --state {state} run x"
    )
    done = subprocess.run(["sh", "-c", line], check=False, timeout=60)
    pid = int(innocent.read_text())
    assert done.returncode == 0
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_daemonised_python_child_counts_as_left_behind(state: Path, ready: Path) -> None:
    """After kill -9 of batchctl a child with closed descriptors holds no lock; its mark blocks all the same."""
    process = start(
        job(step("1", _line(ready, "escape.py", "ignore-term daemonise close-fds", "exit 0"), grace=60.0)), state
    )
    pid = wait_for(lambda: ready.exists() and with_argument(ready.name), "the child")
    wait_for(lambda: rows(state, "select 1 from attempts where pid is not null"), "the attempt")
    process.kill()
    process.communicate()
    wait_for(lambda: len(with_argument(ready.name)) == 1, "the end of the rest")
    found = fire(job(), state)
    assert (found["verdict"], found["reason"]) == ("skipped", "already_running")
    assert stop.stop(job(grace=0.1), str(state)).status == "cancelled"
    assert not alive(pid[0])
    assert os.listdir(state / "spool") == []
    assert fire(job(), state)["code"] == 0


@pytest.mark.parametrize("after", ["leader", "leader gone"])
def test_a_step_without_marks_is_known_by_its_session(
    state: Path, ready: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """A step that cleared its environment and closed its descriptors still blocks after kill -9 of batchctl.

    Its first process is in the history and can be stopped; a mere member of its session is not provably the run's.
    """
    line = f"exec {sys.executable} {PROGRAMS / 'escape.py'} {ready} clear-env close-fds"
    line = line if after == "leader" else f"{line.removeprefix('exec ')} & sleep 300"
    process = start(job(step("1", line)), state)
    wait_for(ready.exists, "the step")
    leader = wait_for(lambda: pid_of_attempt(state), "the attempt")
    process.kill()
    process.communicate()
    if after == "leader gone":
        for pid in _children_of(leader):
            if pid not in with_argument(ready.name):
                os.kill(pid, signal.SIGKILL)  # the sleep that the leader waits for
        _wait_until_reaped(leader)
    survivor = with_argument(ready.name)[-1]
    assert fire(job(), state)["reason"] == "already_running"
    if after == "leader":
        assert stop.stop(job(grace=0.1), str(state)).status == "cancelled"
        assert not alive(survivor)
    else:
        # Its control group would prove it; where none can be had, nothing does.
        monkeypatch.setattr(cgroup, "members", lambda _: set())
        with pytest.raises(StateError, match="cannot be proven") as raised:
            stop.stop(job(grace=0.1), str(state))
        assert str(leader) in raised.value.remedy
        assert alive(survivor)
        os.kill(survivor, signal.SIGKILL)
        wait_for(lambda: not alive(survivor), "the end of the survivor")
    assert fire(job(), state)["code"] == 0


def _wait_until_reaped(pid: int) -> None:
    end = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}"):
        if time.monotonic() > end:
            pytest.skip("process 1 reaps nothing here, and a zombie still proves whose session it led")
        time.sleep(0.02)


def _children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_under_nohup_the_end_of_the_terminal_is_ignored(state: Path, tmp_path: Path) -> None:
    """A SIGHUP that was ignored at the start stays ignored; TERM still ends the run."""
    up, gate = tmp_path / "up", tmp_path / "gate"
    line = f"touch {up}; while ! test -e {gate}; do sleep 0.02; done"
    process = start(job(step("1", line), step("2", "exec sleep 300")), state, wrapped=("nohup",))
    wait_for(up.exists, "the step")
    process.send_signal(signal.SIGHUP)
    gate.touch()
    wait_for(lambda: rows(state, "select 1 from steps where step = '2' and status = 'running'"), "the second step")
    process.send_signal(signal.SIGTERM)
    assert ended(process)["code"] == 143


@pytest.mark.parametrize("how", ["ignored", "blocked"])
def test_children_are_heard_of_whatever_was_inherited(state: Path, how: str) -> None:
    """With SIGCHLD ignored or blocked by whoever started it, batchctl still learns at once that its step has ended."""
    trick = (
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
        if how == "ignored"
        else "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGTERM])"
    )
    wrapper = (sys.executable, "-c", f"import os, signal, sys; {trick}; os.execv(sys.argv[1], sys.argv[1:])")
    found = ended(start(job(step("1", "sleep 0.1", timeout=30.0)), state, wrapped=wrapper))
    assert (found["code"], found["status"]) == (0, "succeeded")
    assert found["duration_s"] < 10


def test_a_stop_signal_while_the_run_is_being_written_leaves_no_running_row(state: Path, tmp_path: Path) -> None:
    """TERM between the row and the first step ends the run as cancelled, before any step has started."""
    fire(job(), state)
    trace = tmp_path / "started"
    # Another writer holds the history, so the fire waits right before its row; TERM arrives there.
    blocker = sqlite3.connect(state / "batchctl.db", isolation_level=None)
    blocker.execute("begin immediate")
    process = start(job(step("1", f"touch {trace}")), state)
    wait_for(lambda: _is_caught(process.pid, signal.SIGTERM), "the reaper")
    process.send_signal(signal.SIGTERM)
    blocker.execute("rollback")
    blocker.close()
    assert ended(process)["code"] == 143
    assert not trace.exists()
    assert rows(state, "select status, exit_code from runs order by id desc limit 1") == [("cancelled", 143)]


def _is_caught(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (number - 1) & 1)


def test_a_start_that_cannot_be_committed_leaves_no_reservation(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the history refuses the run at its commit, nothing starts, and nothing stays reserved for it."""
    fire(job(), state)
    seen = []

    def fails(self: database.Immediate, *_error: object) -> None:
        seen.extend(os.listdir(state / "spool"))
        self._roll_back()
        message = "database or disk is full"
        raise sqlite3.OperationalError(message)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(database.Immediate, "__exit__", fails)
    with pytest.raises(StateError, match="full"):
        engine_fire.fire(job(), engine_fire.Request(state_dir=str(state)))
    assert seen == ["2.reserved"]
    assert os.listdir(state / "spool") == []
    assert signal.getsignal(signal.SIGTERM) is before
    assert rows(state, "select id from runs") == [(1,)]
    assert not lockfile.is_held(str(state), job().name)


def test_what_a_killed_batchctl_had_reserved_is_given_back(state: Path, tmp_path: Path) -> None:
    """Reservations of runs that have ended, or never began, go with the next start; those of living runs stay."""
    gate = tmp_path / "gate"
    other = start(job(step("1", f"while ! test -e {gate}; do sleep 0.02; done"), name="other"), state)
    wait_for(lambda: pid_of_attempt(state), "the other job's step")
    fire(job(), state)
    for run_id in (2, 77):
        spool.reserve(str(state), run_id)
    assert fire(job(), state)["run_id"] == 3
    assert os.listdir(state / "spool") == ["1.reserved"]
    gate.touch()
    assert ended(other)["code"] == 0
