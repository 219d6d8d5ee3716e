"""`batchctl run` in the background, and at a terminal that goes away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import batchctl, open_terminal, rows, wait_for

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[jobs."느린-작업"]
steps = [{ id = "31", run = "echo $$ > {up}; while test ! -e {go}; do sleep 0.05; done" }, { id = "32", run = "true" }]
params = { up = "UP", go = "GO" }
grace = "1s"
[jobs.off]
run = "true"
enabled = false
[jobs.unset]
run = "true"
env_file = "/nope/env"
"""
JOB = "느린-작업"
AT_TERMINAL = """import os, fcntl, termios, sys
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Place:
    """A configuration with a job that runs until it may end, and its state."""

    def __init__(self, tmp_path: Path) -> None:
        """Write the configuration."""
        self.up, self.go, self.state = tmp_path / "up", tmp_path / "go", tmp_path / "state"
        config = tmp_path / "batchctl.toml"
        config.write_text(CONFIG.replace("UP", str(self.up)).replace("GO", str(self.go)), encoding="utf-8")
        self.options = ["--config", str(config), "--state", str(self.state)]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Fire away from a terminal."""
        return batchctl(*self.options, "run", *words)

    def at_terminal(self, slave: int) -> subprocess.Popen[bytes]:
        """Fire the slow job as the leader of a session with this terminal, and wait until its step runs."""
        command = [sys.executable, "-c", AT_TERMINAL, sys.executable, "-m", "batchctl", *self.options, "run", JOB]
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
        wait_for(lambda: self.up.exists() and self.up.read_text().strip(), "the step")
        return process

    def last(self) -> tuple[str, int | None, str | None]:
        """Return status, exit code and reason of the newest run."""
        found: tuple[str, int | None, str | None] = rows(
            self.state, "select status, exit_code, why from runs order by id desc"
        )[0]
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return one."""
    return Place(tmp_path)


def test_detach_returns_at_once_and_the_run_goes_on(place: Place) -> None:
    """It prints the run's id alone; the run is in a session of its own and goes on to its end."""
    done = place.run(JOB, "--detach")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert place.last()[0] == "running"
    (owner,) = rows(place.state, "select pid from runs")[0]
    assert os.getsid(owner) == owner
    again = place.run(JOB, "--detach")
    assert (again.returncode, again.stdout, again.stderr) == (75, "", "")
    place.go.touch()
    wait_for(lambda: place.last() == ("succeeded", 0, None), "the end of the run")


def test_detach_as_json(place: Place) -> None:
    """The contract's object, its run running."""
    found = json.loads(place.run(JOB, "--detach", "--json").stdout)
    assert (found["verdict"], found["run_id"], found["status"]) == ("started", 1, "running")
    assert (found["exit_code"], found["ended_at"]) == (None, None)
    assert [step["status"] for step in found["steps"]] == ["pending", "pending"]
    skipped = place.run(JOB, "--detach", "--json", "--exit-on-skip", "0")
    assert (skipped.returncode, json.loads(skipped.stdout)["reason"]) == (0, "already_running")
    place.go.touch()
    wait_for(lambda: place.last()[0] == "succeeded", "the end of the run")


@pytest.mark.parametrize(
    ("words", "mode", "code", "says"),
    [
        (["off"], 0o700, 75, ""),  # a skip is silent
        (["nobody"], 0o700, 2, "there is no job 'nobody'"),  # no such job
        ([JOB, "--resume"], 0o700, 2, "there is nothing to resume"),  # found out under the lock
        (["unset"], 0o700, 78, "env_file /nope/env"),  # found out right before the start
        ([JOB], 0o777, 74, "cannot be trusted"),  # the state
    ],
)
def test_what_starts_nothing_comes_back(place: Place, words: list[str], mode: int, code: int, says: str) -> None:
    """Exit code and message are those of a fire in the foreground."""
    place.state.mkdir()
    place.state.chmod(mode)
    done = place.run(*words, "--detach")
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert bool(done.stderr) is bool(says)
    assert done.stderr == place.run(*words).stderr


@pytest.mark.parametrize("end", ["succeeded", "cancelled"])
def test_a_run_outlives_its_terminal(place: Place, end: str) -> None:
    """When the terminal goes away the run goes on and says so, at once and at its end; TERM still ends it."""
    master, slave = open_terminal()
    process = place.at_terminal(slave)
    os.close(slave)
    os.close(master)
    gone = "its terminal went away, and it went on"
    wait_for(lambda: place.last() == ("running", None, gone), "the note")
    if end == "cancelled":
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 143
        assert place.last() == ("cancelled", 143, f"stopped by SIGTERM; {gone}")
    else:
        place.go.touch()
        assert process.wait(30) == 0
        assert place.last() == ("succeeded", 0, gone)
        assert rows(place.state, "select status from steps") == [("succeeded",), ("succeeded",)]


def test_ctrl_c_still_ends_a_run_at_a_terminal(place: Place) -> None:
    """A terminal that is there is listened to."""
    master, slave = open_terminal()
    process = place.at_terminal(slave)
    os.close(slave)
    os.write(master, b"\x03")
    shown = b""
    while True:
        try:
            shown += os.read(master, 4096)
        except OSError:  # EIO: the program has let go of it
            break
    os.close(master)
    assert process.wait(30) == 130
    assert place.last() == ("cancelled", 130, "stopped by SIGINT")


def test_the_mail_says_what_was_expected_in_vain(tmp_path: Path) -> None:
    """A run that failed for its results alone, all of whose steps ended well, says so in cron's mail."""
    config = tmp_path / "batchctl.toml"
    config.write_text('[jobs.x]\nrun = "true"\n[jobs.x.expect]\nrows = ">= 5"\nfail = true\n', encoding="utf-8")
    done = batchctl("--config", str(config), "--state", str(tmp_path / "state"), "run", "x")
    assert done.returncode == 1
    assert "rows" in done.stderr.splitlines()[1]
