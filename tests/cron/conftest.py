"""The real crontab and the real cron: one test at a time uses them, and they are left as they were found."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PIDFILE = Path("/run/crond.pid")
LOCK = Path(tempfile.gettempdir()) / f"batchctl-tests-crontab-{os.getuid()}.lock"


class RealCrontab:
    """The crontab of the user who runs the tests."""

    def read(self) -> bytes | None:
        """Return the crontab, None where there is none."""
        env = os.environ | {"LC_ALL": "C", "VISUAL": "cat"}
        done = subprocess.run(["crontab", "-l"], capture_output=True, check=False, env=env)
        if done.returncode == 0:
            # The listing shows control characters escaped; the editor is given the bytes.
            return subprocess.run(["crontab", "-e"], capture_output=True, check=True, env=env, input=b"").stdout
        if done.stderr.startswith(b"no crontab for "):
            return None
        pytest.fail(f"crontab -l: {done.stderr.decode()}")

    def write(self, text: bytes | None) -> None:
        """Install the text; None removes the crontab."""
        if text is not None:
            subprocess.run(["crontab", "-"], input=text, check=True)
        elif self.read() is not None:
            subprocess.run(["crontab", "-r"], check=True)


class RealCron(RealCrontab):
    """The crontab while a daemon watches it; whatever is started by its lines carries a mark in its environment."""

    def __init__(self) -> None:
        """Make a mark that nothing else carries."""
        self.mark = f"BATCHCTL_TEST={uuid.uuid4()}"

    def install(self, *lines: str) -> None:
        """Install these lines, below one that marks whatever they start."""
        self.write("".join(f"{line}\n" for line in (self.mark, *lines)).encode())

    def end_started(self) -> None:
        """Kill what the lines started and what still lives of it, and nothing else."""
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:  # it ended meanwhile, or is somebody else's
                continue


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock that every test takes, in whatever process, before it touches the real crontab."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session", autouse=True)
def crontab_is_left_alone() -> Iterator[None]:
    """Fail the session if it leaves another crontab than it found."""
    if shutil.which("crontab") is None:
        yield
        return
    crontab = RealCrontab()
    with alone():
        before = crontab.read()
    yield
    with alone():
        assert crontab.read() == before, "the tests changed the real crontab"


@pytest.fixture
def real_crontab() -> Iterator[RealCrontab]:
    """Give the real crontab, empty at first and restored at the end."""
    if shutil.which("crontab") is None:
        pytest.skip("no crontab program: apt-get install cron (tests/cron/ensure_cron.sh tries)")
    crontab = RealCrontab()
    with alone():
        before = crontab.read()
        try:
            crontab.write(None)
            yield crontab
        finally:
            crontab.write(before)


@pytest.fixture
def real_cron(real_crontab: RealCrontab) -> Iterator[RealCron]:
    """Give a running cron: the machine's where there is one, else one of our own that ends with the test."""
    cron = RealCron()
    own = None if _daemon_runs() else _start_daemon()
    try:
        yield cron
    finally:
        cron.write(None)
        if own is not None:
            own.terminate()
            own.wait(timeout=10)
        cron.end_started()


def _daemon_runs() -> bool:
    try:
        return (Path("/proc") / PIDFILE.read_text().strip() / "comm").read_text() == "cron\n"
    except OSError:
        return False


def _start_daemon() -> subprocess.Popen[bytes]:
    program = shutil.which("cron", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None or os.getuid() != 0:
        pytest.skip("no cron daemon runs, and only root can start one (package cron)")
    # An environment as bare as at boot: what the lines get must come from cron alone.
    return subprocess.Popen(
        [program, "-f"], env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdin=subprocess.DEVNULL, cwd="/"
    )
