"""Every public name has an example in its docstring, and each example does what it shows."""

from __future__ import annotations

import doctest
import inspect
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import batchctl
from batchctl import Batchctl, Guarded, Schedule, guard, step

CONFIG = """\
timezone = "Asia/Seoul"
[jobs.prices]
daily = "03:00"
timeout = "2h"
run = "echo 512 prices"
params = { limit = 100 }
[jobs.nightly]
run = "echo $BATCHCTL_PARAMS"
on_alert = ["true"]
"""
FAKE_CRONTAB = Path(__file__).parents[1] / "cron" / "fake_crontab.sh"


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Make a home with two jobs, one of which has run once; return what the examples take for given."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "crontab").symlink_to(FAKE_CRONTAB)
    config = tmp_path / "batchctl.toml"
    config.write_text(CONFIG, encoding="utf-8")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_CRONTAB", str(tmp_path / "crontab"))
    monkeypatch.setenv("BATCHCTL_CONFIG", str(config))
    monkeypatch.setenv("BATCHCTL_STATE", str(tmp_path / "state"))
    made = SimpleNamespace(config=str(config), state=str(tmp_path / "state"), home=str(tmp_path))
    ctl = Batchctl()
    assert ctl.run("prices").status == "succeeded"
    return {"ctl": ctl, "example": made, **{name: getattr(batchctl, name) for name in batchctl.__all__}}


def _run(things: list[Any], names: dict[str, Any]) -> None:
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for thing in things:
        tests = finder.find(thing, thing.__qualname__, globs=dict(names))
        assert [test for test in tests if test.examples], f"{thing.__qualname__} has no example"
        for test in tests:
            runner.run(test)
    assert runner.summarize().failed == 0


def _methods(kind: type) -> list[Any]:
    """Return the methods of a class and its parents in their order, parents first; a twin has its own's example."""
    found = [member for each in kind.__mro__[-2::-1] for member in vars(each).values()]
    return [
        member
        for member in found
        if inspect.isfunction(member) and member.__name__[0] != "_" and not hasattr(member, "__wrapped__")
    ]


def test_every_public_name(names: dict[str, Any]) -> None:
    """What `from batchctl import …` has shows how it is used."""
    _run([getattr(batchctl, name) for name in batchctl.__all__], names)


@pytest.mark.parametrize("kind", [Batchctl, Schedule])
def test_every_method(kind: type, names: dict[str, Any]) -> None:
    """So does each method, in the order of the reference."""
    _run(_methods(kind), names)


def test_what_a_guarded_block_is_given(names: dict[str, Any]) -> None:
    """And what can be done within a guarded block."""
    with ExitStack() as block:
        _run(_methods(Guarded), {**names, "run": block.enter_context(guard("stocktaking"))})


def test_what_a_step_is_given(tmp_path: Path) -> None:
    """`batchctl.step` in a step: its output goes past Python's own, so that it is run as a program."""
    functions = [each for each in vars(step).values() if inspect.isfunction(each) and each.__name__[0] != "_"]
    examples = [example for each in functions for example in doctest.DocTestParser().get_examples(each.__doc__ or "")]
    assert len(examples) == len(functions)
    script = "from batchctl.step import *\n" + "".join(
        f"exec(compile({example.source!r}, 'example', 'single'))\nsys.stdout.flush()\n" for example in examples
    )
    surroundings = {
        "BATCHCTL_PARAMS": '{"limit": 100}',
        "BATCHCTL_RUN_ID": "17",
        "BATCHCTL_STEP": "31",
        "BATCHCTL_SCHEDULED_FOR": "2026-12-01T01:00:00+09:00",
        "BATCHCTL_PROGRESS": str(tmp_path / "progress"),
        "BATCHCTL_RESULT": str(tmp_path / "result"),
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{script}", "--account", "계정1"],
        env=os.environ | surroundings,
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "zentrade does not answer\n")
    assert done.stdout == "".join(example.want for example in examples)
    assert (tmp_path / "progress").read_text() == "3/10\n"
    assert (tmp_path / "reports" / "2026-12-01.json").read_text() == "{}"
