"""What `pip install batchctl` brings: little, and all that a cron line needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import batchctl

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(batchctl.__file__).parents[1]
_OF_PYTHON_3_11 = ("setuptools", "pkg_resources", "_distutils_hack")
"""What venv itself puts into each environment there, and nothing asks for."""
_LOADS = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
from batchctl import guard, step
print(*{name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)
"""


def test_step_and_guard_load_the_standard_library_alone() -> None:
    """Where they are embedded, they cost what Python has; without any package they can be loaded all the same."""
    for flags in (["-S"], []):
        command = [sys.executable, *flags, "-c", _LOADS, str(ROOT)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["batchctl"]


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment with the wheel in it; skip where packages cannot be had."""
    place = tmp_path_factory.mktemp("install")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    made = subprocess.run([*pip, "wheel", "--no-deps", "-w", place, ROOT], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no wheel can be made here: {made.stderr.strip()[-300:]}")
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True)
    (wheel,) = place.glob("*.whl")
    subprocess.run([place / "venv/bin/python", *pip[1:], "install", wheel], check=True, capture_output=True)
    return place / "venv"


@pytest.fixture
def call(venv: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that calls the installed batchctl in a home of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("BATCHCTL", "XDG", "PYTHON"))}

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        surroundings = {**kept, "HOME": str(tmp_path), "PATH": f"{venv}/bin:/usr/bin:/bin", **more}
        command = [str(venv / "bin/batchctl"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings, cwd=tmp_path)

    return run


@pytest.mark.slow
def test_it_is_small(venv: Path) -> None:
    """At most 24 packages, pip and batchctl among them, and 50 MB of files, compiled ones too."""
    listing = [str(venv / "bin/python"), "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"]
    found = json.loads(subprocess.run(listing, capture_output=True, text=True, check=True).stdout)
    names = {each["name"].lower() for each in found}
    assert len(names - {"setuptools"}) <= 24
    assert not names & {"apprise", "pydantic", "starlette", "sqlalchemy"}
    files = [path for path in venv.rglob("*") if path.is_file() and not path.is_symlink()]
    counted = [path for path in files if not any(part.startswith(_OF_PYTHON_3_11) for part in path.parts)]
    assert sum(path.stat().st_size for path in counted) < 50e6


@pytest.mark.slow
def test_all_that_a_cron_line_needs_is_there(
    call: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Jobs are added and edited, run, reported as a page; a wrong address is found."""
    assert call("jobs", "add", "nightly", "--run", "echo 1200", "--daily", "01:00").returncode == 0
    assert call("run", "nightly").returncode == 0
    edited = call("jobs", "edit", "nightly", EDITOR="sed -i s/1200/1300/")
    assert edited.returncode == 0, edited.stderr
    assert call("run", "nightly").returncode == 0
    assert call("logs", "nightly").stdout == "1300\n"
    page = call("report", "--format", "html")
    assert page.stdout.startswith("<!DOCTYPE html>"), page.stderr
    file = tmp_path / ".config/batchctl/jobs.d/nightly.toml"
    file.write_text(file.read_text() + 'notify = ["nosuch://x", "json://localhost"]\n')
    found = json.loads(call("doctor", "--json").stdout)["findings"]
    said = [each["text"] for each in found if each["subject"] == "notify"]
    assert said == ["nosuch://… is no address that Apprise knows", "apprise is not installed, so nobody will be told"]


@pytest.mark.slow
def test_what_is_missing_is_said(call: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """One line with the extra that brings it, never a traceback."""
    call("jobs", "add", "telling", "--run", "true", "--daily", "01:00")
    call("jobs", "set", "telling", 'notify=["json://127.0.0.1:9"]')
    tried = call("alerts", "test", "telling")
    assert "pip install 'batchctl[notify]' into " in tried.stdout + tried.stderr
    collected = call("run", "collect-zentrade", "--force")
    assert "pip install 'batchctl[catalogue]' into " in collected.stdout + collected.stderr
    assert "Traceback" not in tried.stderr + collected.stderr
