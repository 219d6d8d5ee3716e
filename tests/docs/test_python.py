"""The Python of the how-to is run as it stands."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pages import blocks

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG = '[jobs.daily-batch]\nrun = "test {limit} = 50"\nparams = { limit = 50 }\n'
BLOCKS = [block.text for block in blocks("docs/howto/python.md", "python")]


def test_there_is_something_to_run() -> None:
    """The page shows the guard, a job, the door and the schedules."""
    assert len(BLOCKS) == 4


@pytest.mark.parametrize("text", BLOCKS, ids=["guard", "job", "door", "schedules"])
def test_it_runs(text: str, home: Path) -> None:
    """Each block runs to its end, without a word on stderr."""
    config = home / ".config" / "batchctl" / "batchctl.toml"
    config.parent.mkdir(parents=True)
    config.write_text(_CONFIG, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
