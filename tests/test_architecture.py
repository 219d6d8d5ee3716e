"""The house keeps its rules, tests mirror its rooms, and the path that cron takes stays light."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import house
import pytest
from package_source import House, read
from support import wait_for

import batchctl

_ROOT = Path(batchctl.__file__).parent
_TESTS = Path(__file__).parent

_NO_ROOM = {
    "cron": "Debian's real daemon",
    "docs": "what the documents promise",
    "faults": "what is kept true under fault: the whole command",
    "tools": "what made the data that the package brings",
}
"""Folders of tests that stand for no room of the package."""


@cache
def _house() -> House:
    return read(_ROOT)


def test_the_house_keeps_its_rules() -> None:
    """Nothing breaks a rule but what house.EXCEPTIONS gives a reason for."""
    assert house.broken(_house()) == []


def test_every_exception_is_needed() -> None:
    """An exception that nothing uses would let the next breach in."""
    assert house.idle_exceptions(_house()) == []


def test_functions_stay_short() -> None:
    """Nine of ten functions take 21 lines at most."""
    lengths = house.function_lengths(_house())
    assert lengths[len(lengths) * 9 // 10] <= 21


def test_tests_mirror_the_rooms() -> None:
    """Who looks for the tests of a room finds them under its name."""
    rooms = {
        str(Path(*name.split("."))) for name, module in _house().items() if name and module.path.stem == "__init__"
    }
    folders = {str(path.parent.relative_to(_TESTS)) for path in _TESTS.rglob("test_*.py")} - {"."}
    assert sorted(folders - rooms - _NO_ROOM.keys()) == []


# What a skip may not pay for; figures in DESIGN: typer 77 ms, croniter 64, filelock 67, against 16 for Python itself.
_TOO_HEAVY = {
    "argparse", "asyncio", "batchctl.commands.cli", "click", "collections", "croniter", "ctypes",
    "dataclasses", "datetime", "enum",
    "filelock", "functools", "signal", "sqlite3",
    "batchctl.base.language", "gettext",
    "inspect", "json", "logging", "msgspec", "pathlib", "pydantic", "re", "rich", "sqlite_utils", "subprocess",
    "tempfile", "threading", "tomllib", "typer", "typing", "zoneinfo",
}  # fmt: skip


_WAYS = {
    "a job": ["run", "x"],
    "a guarded command": ["run", "--name", "g", "--min-gap", "1h", "--", "true", "한글"],
}


@pytest.mark.parametrize("way", _WAYS)
def test_a_skip_imports_nothing_heavy(tmp_path: Path, way: str) -> None:
    """A fire by cron that skips loads neither Typer, rich, croniter, filelock nor what they would pull in."""
    config = tmp_path / "batchctl.toml"
    config.write_text('[jobs.x]\nschedule = "* * * * *"\nenabled = false\nrun = "true"\n')
    arguments = ["--config", str(config), "--state", str(tmp_path / "state"), *_WAYS[way]]
    script = (
        "import sys, os\n"
        f"sys.argv = ['batchctl', *{arguments!r}]\n"
        "def out(code):\n    sys.stdout.write(f'{code} ' + ' '.join(sys.modules)); sys.stdout.flush(); real(code)\n"
        "real, os._exit = os._exit, out\n"
        "from batchctl.__main__ import entry\n"
        "entry()\n"
    )

    def heavy() -> list[str] | None:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        code, *loaded = done.stdout.split()
        assert code in {"75", "0"}, done.stderr  # the first fire of a guarded command starts
        return sorted(set(loaded) & _TOO_HEAVY) if code == "75" else None

    # A configuration younger than two seconds is not compiled yet; then one fire compiles and the next profits.
    wait_for(lambda: heavy() == [], "a skip that loads nothing heavy")


def test_a_start_without_alerts_imports_none_of_their_code(tmp_path: Path) -> None:
    """A job that nobody is told of pays nothing for telling: no notify, no heartbeat, no outputs."""
    config = tmp_path / "batchctl.toml"
    config.write_text('[jobs.x]\nrun = "true"\n')
    arguments = ["--config", str(config), "--state", str(tmp_path / "state"), "run", "x"]
    command = [sys.executable, "-X", "importtime", "-m", "batchctl", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "batchctl.engine.supervise" in loaded
    unwanted = (
        "batchctl.notify",
        "batchctl.notify.heartbeat",
        "batchctl.engine.outputs",
        "batchctl.base.language",
        "rich",
        "typer",
        "apprise",
        "jinja2",
    )
    assert [name for name in sorted(loaded) if name.startswith(unwanted)] == []
