"""Work in children that hold nothing, are nobody's, and end in time."""

from __future__ import annotations

import os
import select
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from support import children, wait_for

from batchctl.process import detached

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _raise() -> bool:
    message = "no"
    raise OSError(message)


def _for_ever() -> bool:
    time.sleep(600)
    return True


@pytest.mark.parametrize(
    ("work", "limit", "done"),
    [
        (lambda: True, 60.0, True),  # it was done
        (lambda: False, 60.0, False),  # it was not
        (_raise, 60.0, False),  # it broke; its parent hears nothing else of that
        (_for_ever, 0.2, False),  # it hung, and the kernel has ended it
    ],
)
def test_attended_work(work: Callable[[], bool], limit: float, done: bool, capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever waits learns whether it was done, and no word of it reaches our output, which cron would mail."""
    assert detached.attend(work, limit) is done
    assert capfd.readouterr() == ("", "")


def test_work_that_is_let_go(tmp_path: Path) -> None:
    """It goes on after the call, as nobody's child, and its end can be waited for."""
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    os.mkfifo(gate)

    def work() -> bool:
        gate.read_bytes()
        mark.write_text(f"{os.getppid()} {os.getsid(0)}")
        return True

    before = children()
    life = detached.let_go(work, 60.0)
    # It waits at the gate: had it been waited for, it would be over by its limit.
    assert life is not None
    assert not select.select([life], [], [], 0)[0]
    assert children() <= before
    gate.write_text("")
    detached.await_end(life, 60.0)
    parent, session = map(int, mark.read_text().split())
    assert parent != os.getpid()
    assert session != os.getsid(0)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(life)


def test_it_holds_no_lock(tmp_path: Path) -> None:
    """A lock that its parent held is free as soon as the parent lets it go."""
    import fcntl

    gate, lock = tmp_path / "gate", tmp_path / "lock"
    os.mkfifo(gate)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        life = detached.let_go(lambda: bool(gate.read_bytes()), 60.0)
    assert life is not None
    # Its descriptors are closed before it comes to the gate.
    with gate.open("w") as opened:
        free = ("flock", "-n", str(lock), "true")
        wait_for(lambda: subprocess.run(free, check=False).returncode == 0, "the lock")
        opened.write("go")
    detached.await_end(life, 60.0)


@pytest.mark.parametrize("missing", ["fork", "pipe"])
def test_where_nothing_can_be_forked(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of processes or descriptors the work is not done, nothing is raised, and no descriptor is left open."""

    def fail() -> int:
        raise OSError

    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(os, missing, fail)
    assert detached.let_go(lambda: True, 1.0) is None
    if missing == "fork":
        assert not detached.attend(lambda: True, 1.0)
    assert os.listdir("/proc/self/fd") == before
