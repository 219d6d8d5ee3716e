"""What lies in the state directory: whose it is, and that one module alone names it."""

from __future__ import annotations

import ast
import os
import stat
from pathlib import Path

import pytest
from support import batchctl, wait_for

import batchctl as package
from batchctl.base.errors import StateError
from batchctl.base.state_dir import StateDir, log_name
from batchctl.core.model import Step
from batchctl.core.run import Run, StepRun
from batchctl.process.identity import myself
from batchctl.store import spool

_ROOT = Path(package.__file__).parent
_NAMES = ("batchctl.db", "history-began", "schema.lock", "health.json", "crontab.backup-", "/locks/", "/spool", "/runs")


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(_ROOT.rglob("*.py")) if "jobs" not in path.parts and path.name != "state_dir.py"],
    ids=lambda path: str(path.relative_to(_ROOT)),
)
def test_nobody_else_joins_its_paths(path: Path) -> None:
    """No other module puts a name of the state directory behind a path; messages and documents may speak of them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
            joined = [part for part in parts if str(part).startswith(("/", "runs/")) and " " not in str(part)]
            joined = [part for part in joined if not str(part).startswith("/ui/")]  # the address of a page
            assert not [part for part in joined if any(name.strip("/") in str(part) for name in _NAMES)], node.lineno


def test_everything_in_it_is_the_operators_alone(tmp_path: Path) -> None:
    """Whatever batchctl itself writes has mode 0600, each directory 0700, under the most generous umask."""
    state, config = tmp_path / "state", tmp_path / "batchctl.toml"
    config.write_text(
        '[jobs.x]\nrun = "echo line"\n[jobs.fn]\nfunction = "os:getcwd"\n[jobs.bad]\nargv = ["/nowhere/program"]\n'
    )
    options = ("--config", str(config), "--state", str(state))
    before = os.umask(0)
    try:
        # A configuration younger than two seconds is not compiled yet.
        wait_for(lambda: (batchctl(*options, "run", "x"), list(state.glob("config-*.bin")))[1], "the compiled copy")
        for command in (("run", "fn"), ("run", "bad"), ("check",), ("pause",), ("run", "x"), ("status",), ("resume",)):
            batchctl(*options, *command)
        spool.reserve(str(state), 77)
        spool.keep(str(state), Run(78, "x", 1.0, "token", [StepRun(1, Step(id="1", run="true"))]), myself())
        StateDir(str(state)).make_run(79)
    finally:
        os.umask(before)
    found = {path: stat.S_IMODE(path.lstat().st_mode) for path in [state, *state.rglob("*")]}
    assert {str(path) for path, mode in found.items() if mode != (0o700 if path.is_dir() else 0o600)} == set()
    names = {path.relative_to(state).parts[0] for path in found if path != state}
    assert names >= {"batchctl.db", "history-began", "schema.lock", "health.json", "locks", "runs", "spool"}


def test_logs_are_named_relative_to_it() -> None:
    """A state directory that was moved finds its logs: the history names them without it."""
    place = StateDir("/somewhere/state")
    assert place.at(log_name(7, 3, 2)) == f"{place.run(7)}/3-2.log" == "/somewhere/state/runs/7/3-2.log"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (0o770, "writable by others"),  # another member of the group could take the locks
        (0o702, "writable by others"),
        (0o500, "read-only"),  # root may write all the same; the mode is what the operator decided
    ],
)
def test_one_that_cannot_be_trusted_is_refused(tmp_path: Path, mode: int, words: str) -> None:
    """Others' write permission, and an operator's decision that nothing be written, are both respected."""
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(mode)
    with pytest.raises(StateError, match=words) as error:
        StateDir(str(state)).ensure()
    assert f"chmod 700 {state}" in error.value.remedy
    state.chmod(0o700)
