"""Many rounds of fires against each other: whatever the timing, one tree, one running row, and every fire on record."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from firing import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture
def arena() -> Iterator[Path]:
    """Return a directory in memory where there is one: the races are of processes, and a disk would only slow them."""
    memory = "/dev/shm"  # noqa: S108 - a name of its own inside
    place = Path(tempfile.mkdtemp(prefix="batchctl-race-", dir=memory if os.access(memory, os.W_OK) else None))
    yield place
    shutil.rmtree(place)


@pytest.mark.parametrize(
    ("mode", "seconds", "codes"),
    [
        ("run", 40, {0, 75}),  # three fires at once, whose steps end at once
        ("resume", 30, {1, 75}),  # two fires and two that resume
        ("stop", 25, {0, 75, 143}),  # three fires and somebody who stops whatever runs
        ("takeover", 25, {0, 74, 75, 143}),  # three fires, each of which takes over what it finds running
    ],
)
def test_races(arena: Path, mode: str, seconds: int, codes: set[int]) -> None:
    """After each round no second tree was ever alive, nothing runs, and starts and skips add up to the fires."""
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / "race_driver.py"), mode, str(arena), str(seconds)],
        env={**os.environ, "PYTHONPATH": str(PROGRAMS.parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] is None
    seen = {int(name.removeprefix("code ")) for name in found if name.startswith("code ")}
    assert seen - {200} <= codes, found
    assert found["rounds"] > 5
    assert found["starts"] >= found["rounds"]
    assert found["skips"] > 0
