"""Imports run downward only, SQL stays in the store, and the path that cron takes stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from support import wait_for

import batchctl

_ROOT = Path(batchctl.__file__).parent
_MODULES = sorted(path for path in _ROOT.rglob("*.py"))

# From the ground up, one rank each: a room may import from itself and from those before it.
_ROOMS = (
    "",
    "step",
    "call",
    "base",
    "core",
    "process",
    "store",
    "config",
    "crontab",
    "notify",
    "engine",
    "watch",
    "answers",
    "present",
    "commands",
    "__main__",
)
_RANK = {name: rank for rank, name in enumerate(_ROOMS)}


def _room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _name(path: Path) -> str:
    return ".".join(["batchctl", *path.relative_to(_ROOT).with_suffix("").parts]).removesuffix(".__init__")


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_imports_run_downward(path: Path) -> None:
    """No room knows of one above it; the programs in jobs/ know nothing but what is offered to any step program."""
    room = _room(_name(path))
    for module in _imports(path):
        if not module.startswith("batchctl"):
            continue
        other = _room(module)
        if room == "jobs":
            assert module.startswith(("batchctl.step", "batchctl.jobs")) or module == "batchctl", module
        elif other in _RANK:
            assert _RANK[other] <= _RANK[room], f"{_name(path)} imports {module}"


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_each_library_has_its_users(path: Path) -> None:
    """rich stays in present, SQL in the store, filelock in the store, processes in process."""
    found, room = {module.split(".")[0] for module in _imports(path)}, _room(_name(path))
    allowed = {
        "rich": {"present"},
        "sqlite_utils": {"store"},
        "filelock": {"store"},
        "croniter": {"core"},
        "msgspec": {"config"},
        "tomllib": {"config"},
        "tomlkit": {"config", "present"},
        "apprise": {"notify"},
        "jinja2": {"present"},
        "typer": {"commands"},
        "subprocess": {"crontab", "process"},
    }
    for library, rooms in allowed.items():
        assert library not in found or room in rooms, f"{_name(path)} imports {library}"


@pytest.mark.parametrize("path", [path for path in _MODULES if "store" not in path.parts and "jobs" not in path.parts],
                         ids=_name)  # fmt: skip
def test_sql_stays_in_the_store(path: Path) -> None:
    """No string outside the store is a statement."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            statements = ("select ", "insert into", "insert or", "update runs", "delete from", "pragma ")
            assert not node.value.lower().lstrip().startswith(statements)


def test_core_is_pure() -> None:
    """core reads no clock and no file: it imports nothing that could."""
    for path in _MODULES:
        if _room(_name(path)) == "core":
            allowed = {"time"} if path.name == "zones.py" else set()  # its strftime and gmtime ask no clock
            assert not _imports(path) & ({"time", "os", "io", "sqlite3", "random", "pathlib"} - allowed), path


# What a skip may not pay for; figures in DESIGN: typer 77 ms, croniter 64, filelock 67, against 16 for Python itself.
_TOO_HEAVY = {
    "argparse", "asyncio", "batchctl.commands.cli", "click", "croniter", "dataclasses", "enum", "filelock",
    "inspect", "json", "logging", "msgspec", "pathlib", "pydantic", "re", "rich", "sqlite_utils", "subprocess",
    "tempfile", "threading", "tomllib", "typer", "typing", "zoneinfo",
}  # fmt: skip


def test_a_skip_imports_nothing_heavy(tmp_path: Path) -> None:
    """A fire by cron that skips loads neither Typer, rich, croniter, filelock nor what they would pull in."""
    config = tmp_path / "batchctl.toml"
    config.write_text('[jobs.x]\nschedule = "* * * * *"\nenabled = false\nrun = "true"\n')
    arguments = ["--config", str(config), "--state", str(tmp_path / "state"), "run", "x"]
    script = (
        "import sys, os\n"
        f"sys.argv = ['batchctl', *{arguments!r}]\n"
        "def out(code):\n    sys.stdout.write(' '.join(sys.modules)); sys.stdout.flush(); real(code)\n"
        "real, os._exit = os._exit, out\n"
        "from batchctl.__main__ import entry\n"
        "entry()\n"
    )

    def loaded() -> set[str]:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 75, done.stderr
        return set(done.stdout.split())

    # A configuration younger than two seconds is not compiled yet; then the first fire compiles and the second profits.
    wait_for(lambda: loaded() and list((tmp_path / "state").glob("config-*.bin")), "the compiled configuration")
    assert sorted(loaded() & _TOO_HEAVY) == []


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
        "rich",
        "typer",
        "apprise",
        "jinja2",
    )
    assert [name for name in sorted(loaded) if name.startswith(unwanted)] == []
