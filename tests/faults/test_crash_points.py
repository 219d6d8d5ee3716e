"""kill -9 of batchctl right before every write of a run in turn: what it leaves is whole, true and passes away."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from firing import PROGRAMS, ended, start, with_argument
from support import alive, job, rows, step, wait_for

from batchctl.base import clock
from batchctl.store import lockfile
from batchctl.store.history import History
from batchctl.watch.standing import job_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchctl.core.model import Job

pytestmark = pytest.mark.slow

_CHUNKS = 8
# Everything that writes, and everything that starts a process. A `?` before a name: not every machine has it.
_CALLS = (
    "?write,?pwrite64,?fsync,?fdatasync,?mkdir,?mkdirat,?rename,?renameat,?renameat2,?unlink,?unlinkat,?ftruncate,"
    "?fallocate,?fork,?vfork,?clone,?clone3"
)
_EVERY_FIRST = 5
"""Of the many page writes that make a new history, every fifth is tried; of an established one, every one."""


def _why_not() -> str | None:
    """Return why no process can be killed at a chosen system call here, None where one can."""
    if shutil.which("strace") is None:
        return "strace is not installed (tests/ensure_packages.sh installs it where it can)"
    tried = ["strace", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:signal=SIGKILL:when=1", "echo", "x"]
    done = subprocess.run(tried, capture_output=True, check=False, timeout=30)
    return (
        None if done.returncode in {-9, 137} and not done.stdout else "strace may not trace here (ptrace is forbidden)"
    )


class _Server:
    """Fires in forks of one warm process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "fire_server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def fire(self, what: Job, state: Path) -> dict[str, Any]:
        """Fire and return the contract's object with `code`; where there is none, `code` and `said`."""
        assert self._process.stdin
        assert self._process.stdout
        pickle.dump((what, str(state), {}), self._process.stdin)
        self._process.stdin.flush()
        code, said = pickle.load(self._process.stdout)  # noqa: S301 - from our own program
        return (json.loads(said) if said.startswith("{") else {"said": said}) | {"code": code}

    def close(self) -> None:
        """End the server."""
        self._process.communicate()


@pytest.fixture(scope="module")
def server() -> Iterator[_Server]:
    """Return a warm server of fires."""
    one = _Server()
    yield one
    one.close()


class _Scene:
    """One run that is killed, in a state directory of its own."""

    def __init__(self, place: Path, before: Path | None) -> None:
        place.mkdir()
        self.state, self.gate, self.up = place / "state", place / "gate", place / "up"
        if before is not None:
            shutil.copytree(before, self.state)
        # The step says in its log how far it came, and goes on when the test lets it.
        line = f"echo first; touch {self.up}; while ! test -e {self.gate}; do sleep 0.01; done; echo last"
        self.job = job(step("1", line), name="j")

    def run(self, *strace: str) -> subprocess.Popen[bytes]:
        """Start the run under strace, which traces batchctl alone and not what it starts."""
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        return start(self.job, self.state, wrapped=("strace", "-qq", *strace), env=env)


def _counts(trace: list[str]) -> Counter[str]:
    """Return how often each system call stands in a trace."""
    return Counter(call for line in trace if (call := line.partition("(")[0]).isidentifier())


def _points(trace: list[str]) -> list[tuple[str, int]]:
    """Return the calls of a trace as (name, which of that name)."""
    found = []
    for number, line in enumerate(trace):
        call = line.partition("(")[0]
        # One zero byte at a page's end makes room in the index of the log, which whoever comes next makes anew.
        if call.isidentifier() and not re.match(r'pwrite64\(\d+, "\\0", 1,', line):
            found.append((call, _counts(trace[: number + 1])[call]))
    return found


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[bool, str, int]]]:
    """Return a state directory after one run, and every point: on a new history or not, system call, which of them."""
    why_not = _why_not()
    if why_not:
        pytest.skip(why_not)
    place = tmp_path_factory.mktemp("reference")
    calls: list[list[str]] = []
    before = None
    for number in range(2):
        scene = _Scene(place / str(number), before)
        scene.gate.touch()
        trace = place / f"trace{number}"
        assert ended(scene.run("-o", str(trace), "-e", f"trace={_CALLS}"))["code"] == 0
        calls.append(trace.read_text(errors="replace").splitlines())
        before = scene.state
    points = [(False, *point) for point in _points(calls[1])]
    # What a first run has more of, it does at its beginning: making the history.
    more = _counts(calls[0])
    more.subtract(_counts(calls[1]))
    first = [(call, nth) for call, nth in _points(calls[0]) if nth <= more[call]]
    points += [(True, call, nth) for call, nth in first if call != "pwrite64" or nth % _EVERY_FIRST == 0]
    assert len(points) > 100
    assert before is not None
    return before, points


@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_a_kill_before_any_write_does_no_lasting_harm(
    tmp_path: Path, server: _Server, reference: tuple[Path, list[tuple[bool, str, int]]], chunk: int
) -> None:
    """Killed anywhere: the history is whole, a living step blocks and ends well, and the next fire proceeds."""
    before, points = reference
    mine = points[chunk::_CHUNKS]
    assert len(mine) > 5
    killed = 0
    for number, (fresh, call, nth) in enumerate(mine):
        scene = _Scene(tmp_path / str(number), None if fresh else before)
        where = f"{'new' if fresh else 'old'} history, before {call} number {nth}"
        killed += _kill_at(scene, call, nth)
        _check(scene, server, where)
    # SQLite's page cache and the scheduler may make one run do with a write fewer than another, but not often.
    assert killed >= 0.8 * len(mine)


def _kill_at(scene: _Scene, call: str, nth: int) -> bool:
    """Run until the kill; where it comes after the step only, let the step end. Say whether it came."""
    inject = f"inject={call}:signal=SIGKILL:when={nth}"
    process = scene.run("-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
    wait_for(lambda: process.poll() is not None or scene.up.exists(), "the kill, or the step", limit=60)
    try:
        # The write that notes the step comes at the same time as the step's own first words.
        process.wait(0.15 if scene.up.exists() else 60)
    except subprocess.TimeoutExpired:
        scene.gate.touch()
    process.communicate(timeout=60)
    return process.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}


def _check(scene: _Scene, server: _Server, where: str) -> None:
    step_lives = bool(with_argument(str(scene.gate)))
    _check_history(scene.state, where)
    standing = job_status(scene.job, History(str(scene.state)), str(scene.state), clock.now())
    if step_lives and not scene.gate.exists():
        assert standing.state == "running", where
        beside = server.fire(scene.job, scene.state)
        assert (beside["code"], beside.get("reason")) in {(75, "already_running"), (75, "locked")}, (where, beside)
        assert rows(scene.state, "select count(*) from runs where status = 'running'") == [(1,)], where
    scene.gate.touch()
    wait_for(lambda: not with_argument(str(scene.gate)), f"the end of the step ({where})")
    # The process that takes the lock for batchctl may outlive it for a moment.
    wait_for(lambda: not lockfile.is_held(str(scene.state), "j"), f"the lock ({where})")
    for log in scene.state.glob("runs/*/1-1.log"):
        assert log.read_text() in {"first\nlast\n", ""}, where
    standing = job_status(scene.job, History(str(scene.state)), str(scene.state), clock.now())
    assert standing.state == "idle", where
    again = server.fire(scene.job, scene.state)
    assert (again["code"], again.get("status")) == (0, "succeeded"), (where, again)
    _check_history(scene.state, where)
    ends = [status for (status,) in rows(scene.state, "select status from runs order by id")]
    assert set(ends) <= {"lost", "succeeded"}, where
    assert os.listdir(scene.state / "spool") == [], where
    assert (scene.state / "history-began").exists(), where


def _check_history(state: Path, where: str) -> None:
    path = state / "batchctl.db"
    if not path.exists() or not path.stat().st_size:
        return
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",), where
        if connection.execute("select 1 from sqlite_master where name = 'runs'").fetchone():
            running = connection.execute("select count(*) from runs where status = 'running' group by job").fetchall()
            assert running in ([], [(1,)]), where
    finally:
        connection.close()


def test_a_killed_batchctl_leaves_a_step_that_writes_on(tmp_path: Path) -> None:
    """The step's output goes straight to its file: not a line is lost by the death of batchctl, nor any after it."""
    gate = tmp_path / "gate"
    line = f"i=0; while ! test -e {gate}; do i=$((i+1)); echo $i; sleep 0.01; done; echo end"
    process = start(job(step("1", line)), tmp_path / "state")
    log = tmp_path / "state/runs/1/1-1.log"
    wait_for(lambda: log.exists() and log.read_text().count("\n") > 5, "some lines")
    process.kill()
    process.communicate()
    lines = log.read_text().count("\n")
    wait_for(lambda: log.read_text().count("\n") > lines + 5, "more lines")
    gate.touch()
    found = wait_for(lambda: (text := log.read_text()).endswith("end\n") and text.split(), "the end")
    assert found == [*(str(number + 1) for number in range(len(found) - 1)), "end"]
    assert not any(alive(pid) for pid in with_argument(str(gate)))
