"""No test leaves a process behind: not one that passes, nor one that fails or is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import leftovers
import pytest
from support import alive, wait_for

# A child that a shell leaves behind in a session of its own, where no signal to a group finds it.
_DETACHED = "import os; os.setsid(); open({place!r}, 'w').write(str(os.getpid())); import time; time.sleep(600)"


def _leave(place: Path, mark: str) -> int:
    code = _DETACHED.format(place=str(place))
    command = ["sh", "-c", '"$0" -c "$1" &', sys.executable, code]
    subprocess.run(command, env={"MARK": mark}, check=True)
    return int(wait_for(lambda: place.exists() and place.read_text(), "the child"))


def test_what_was_left_is_ended(tmp_path: Path) -> None:
    """By its mark, wherever it went; what was there before, or has another mark, is left alone."""
    earlier = _leave(tmp_path / "earlier", f"{tmp_path}/a")
    before = leftovers.processes()
    mine, other = _leave(tmp_path / "mine", f"{tmp_path}/a"), _leave(tmp_path / "other", f"{tmp_path}/b")
    try:
        found = leftovers.end(f"{tmp_path}/a", before, grace=False)
        assert found.keys() == {mine}
        assert "setsid" in found[mine]
        wait_for(lambda: not alive(mine), "its end")
        assert (alive(earlier), alive(other)) == (True, True)
    finally:
        assert leftovers.end(str(tmp_path), set(), grace=False).keys() == {earlier, other}


def test_what_ends_by_itself_may(tmp_path: Path) -> None:
    """A process on its way out is no fault."""
    before = leftovers.processes()
    with subprocess.Popen(["sleep", "0.2"], env={"MARK": str(tmp_path)}) as child:
        assert leftovers.left(str(tmp_path), before).keys() == {child.pid}
        assert leftovers.end(str(tmp_path), before, grace=True) == {}


_SUITE = """
import os, subprocess, sys, time
def test_one(tmp_path):
    subprocess.run(["sh", "-c", "sleep 600 & echo $! > {pid}"], check=True)
    {then}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("then", "says"),
    [
        ("pass", "the test left processes behind"),  # it fails for that alone
        ("assert 0, 'for a reason of its own'", "for a reason of its own"),
        ("time.sleep(600)", "KeyboardInterrupt"),
    ],
)
def test_a_test_that_leaves_something(tmp_path: Path, then: str, says: str) -> None:
    """In a suite under this very conftest, what it left is gone afterwards, however the test ended."""
    suite, pid, crontab = tmp_path / "suite", tmp_path / "pid", tmp_path / "bin" / "crontab"
    for path, text in ((suite / "test_it.py", _SUITE.format(pid=pid, then=then)), (crontab, "#!/bin/sh\nexit 1\n")):
        path.parent.mkdir()
        path.write_text(text)
        path.chmod(0o700)
    tests = Path(__file__).parent
    options = [
        "-p",
        "conftest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tests.parent),
        "--basetemp",
        str(tmp_path / "base"),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *options, "."],
        cwd=suite,
        env=os.environ | {"PYTHONPATH": str(tests), "PATH": f"{crontab.parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    left = int(wait_for(lambda: pid.exists() and pid.read_text(), "the child", 60))
    if "sleep" in then:
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert says in out
    wait_for(lambda: not alive(left), "its end")


def test_what_is_just_beginning_another_program_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within execve(2) a process has no environment: that it could not be read once does not let it escape."""
    before = leftovers.processes()
    really, asked = leftovers._read, list[int]()

    def late(pid: int, what: str) -> bytes:
        if pid == child.pid and what == "environ":
            asked.append(pid)
            if len(asked) < 3:
                return b""
        return really(pid, what)

    with subprocess.Popen(["sleep", "600"], env={"MARK": str(tmp_path)}) as child:
        monkeypatch.setattr(leftovers, "_read", late)
        assert leftovers.end(str(tmp_path), before, grace=False).keys() == {child.pid}
