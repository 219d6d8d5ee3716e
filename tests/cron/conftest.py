"""The real crontab and the real cron: one test at a time uses them, and they are left as they were found."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KEEPER = Path(__file__).parent / "keeper.py"
LOCK = Path(tempfile.gettempdir()) / f"batchctl-tests-crontab-{os.getuid()}.lock"


class RealCrontab:
    """The crontab of the user who runs the tests, empty at first."""

    def __init__(self, mark: str) -> None:
        """Take the mark that the environment of everything its lines start must carry."""
        self.mark = mark

    def read(self) -> bytes:
        """Return the crontab as `crontab -e` would edit it, b"" where there is none."""
        env = os.environ | {"LC_ALL": "C", "VISUAL": "cat"}
        if subprocess.run(["crontab", "-l"], capture_output=True, check=False, env=env).returncode != 0:
            return b""
        return subprocess.run(["crontab", "-e"], capture_output=True, check=True, env=env, input=b"").stdout

    def write(self, text: bytes) -> None:
        """Replace the crontab."""
        subprocess.run(["crontab", "-"], input=text, check=True)

    def install(self, *lines: str) -> None:
        """Replace the crontab by these lines, below one that marks whatever they start."""
        self.write("".join(f"{line}\n" for line in (self.mark, *lines)).encode())
        # The daemon knows a crontab by the second of its last change: a change within the same second would be missed.
        written = int(time.time())
        while int(time.time()) == written:
            time.sleep(0.05)


@contextmanager
def lent(what: str) -> Iterator[RealCrontab]:
    """Have the keeper lend the crontab ("crontab"), or a running cron with it ("cron"); skip where it cannot."""
    mark = f"BATCHCTL_TEST={uuid.uuid4()}"
    keeper = subprocess.Popen(
        [sys.executable, str(KEEPER), str(LOCK), mark, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # what ends the tests from the terminal must not end it
    )
    assert keeper.stdout is not None
    if keeper.stdout.readline() != "ready\n":
        pytest.skip(keeper.communicate()[1].strip())
    try:
        yield RealCrontab(mark)
    finally:
        said = keeper.communicate()[1]
        assert keeper.returncode == 0, f"the crontab may not be as it was: {said}"


@pytest.fixture
def real_crontab() -> Iterator[RealCrontab]:
    """Lend the real crontab."""
    with lent("crontab") as crontab:
        yield crontab


@pytest.fixture
def real_cron() -> Iterator[RealCrontab]:
    """Lend the real crontab while a cron watches it: the machine's where there is one, else one of the test's own."""
    with lent("cron") as crontab:
        yield crontab
