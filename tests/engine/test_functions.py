"""Python functions as steps: found in the step's directory, held against the parameters, their return the result."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from firing import fire, start
from support import job, rows, step

from batchctl.base.errors import ConfigError
from batchctl.engine import fire as engine_fire

if TYPE_CHECKING:
    from pathlib import Path

_MODULE = """
import asyncio, functools, json, os, sys

def plain(계정, limit=1):
    print("출력", 계정)
    return {"건수": limit, "계정": 계정}

async def waiting(limit):
    await asyncio.sleep(0)
    return {"건수": limit}

def failing(**kwargs):
    raise ValueError("망가짐")

def leaving(code=3):
    sys.exit(code)

def speaking():
    sys.exit("이유")

def number():
    return 42

def nothing():
    return None

def odd():
    return {"path": os.PathLike, "set": {1}, "rate": float("nan"), 7: b"x"}

def impossible():
    value = {}
    value["self"] = value
    return value

def keyed():
    return {(1, 2): 3}

def any_names(**kwargs):
    return kwargs

def by_position(limit, /):
    return limit

def generator():
    yield 1

async def async_generator():
    yield 1

def loud(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        return {"loud": function(*args, **kwargs)}
    return inner

@loud
def decorated(limit):
    return limit

class Collector:
    @staticmethod
    def collect(limit):
        return {"limit": limit}

def where():
    return {"python": sys.executable, "batchctl": "batchctl" in sys.modules, "cwd": os.getcwd(), "argv": sys.argv[1:],
            "job": os.environ["BATCHCTL_JOB"]}

not_a_function = 7
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def cwd(tmp_path: Path) -> str:
    """Return a directory with the operator's modules."""
    place = tmp_path / "수집"
    (place / "package").mkdir(parents=True)
    (place / "package" / "__init__.py").touch()
    (place / "package" / "steps.py").write_text(_MODULE)
    (place / "ends.py").write_text("import sys; sys.exit(0)\n")
    (place / "noisy.py").write_text(
        "import sys\nprint('x' * 200_000)\nsys.stderr.write('no newline')\ndef f(a): pass\n"
    )
    (place / "broken.py").write_text("def f(:\n")
    (place / "raises.py").write_text("raise ValueError('at import')\n")
    return str(place)


def function(name: str, cwd: str, **changes: Any) -> Any:
    """Return a job of one function step."""
    name = name if ":" in name else f"package.steps:{name}"
    return job(step("1", None, function=name, cwd=cwd, **changes))


@pytest.mark.parametrize(
    ("name", "params", "result"),
    [
        ("plain", {"계정": "계정1", "limit": 300}, {"건수": 300, "계정": "계정1"}),  # Hangul names and values
        ("plain", {"계정": "a"}, {"건수": 1, "계정": "a"}),  # a default
        ("waiting", {"limit": 2}, {"건수": 2}),  # async
        ("number", {}, {"value": 42}),  # no dictionary
        ("nothing", {}, None),
        ("any_names", {"가": [1, {"나": None}], "b": 1.5, "c": True}, {"가": [1, {"나": None}], "b": 1.5, "c": True}),
        ("decorated", {"limit": 5}, {"loud": 5}),
        ("Collector.collect", {"limit": 5}, {"limit": 5}),  # below a class
        ("leaving", {"code": 0}, None),  # sys.exit(0) is a success without a result
    ],
)
def test_what_a_function_returns_is_the_steps_result(
    state: Path, cwd: str, name: str, params: dict[str, Any], result: Any
) -> None:
    """Parameters arrive by name as the values they are, and the return comes back as JSON."""
    found = fire(function(name, cwd, params=params), state)
    assert (found["code"], found["steps"][0]["result"]) == (0, result)


def test_what_a_function_prints_is_in_its_log(state: Path, cwd: str) -> None:
    """Output goes to the log of the attempt, and the command line's parameters win over the step's."""
    what = function("plain", cwd, params={"계정": "a"})
    found = fire(what, state, params={"계정": "계정2"})
    assert (state / "runs/1/1-1.log").read_text() == "출력 계정2\n"
    assert found["steps"][0]["result"] == {"건수": 1, "계정": "계정2"}


def test_an_exception_fails_the_step_with_its_traceback(state: Path, cwd: str) -> None:
    """The log has the traceback with the operator's own file and line."""
    found = fire(function("failing", cwd, params={"a": 1}), state)
    assert (found["status"], found["steps"][0]["exit_code"]) == ("failed", 1)
    log = (state / "runs/1/1-1.log").read_text()
    assert "Traceback" in log
    assert 'package/steps.py", line 13, in failing' in log
    assert log.endswith("ValueError: 망가짐\n")


@pytest.mark.parametrize(("name", "code", "said"), [("leaving", 3, ""), ("speaking", 1, "이유\n")])
def test_sys_exit_is_the_exit_code(state: Path, cwd: str, name: str, code: int, said: str) -> None:
    """A function that leaves with a code, or with words, is a step that does."""
    found = fire(function(name, cwd), state)
    assert found["steps"][0]["exit_code"] == code
    assert (state / "runs/1/1-1.log").read_text() == said


def test_odd_values_are_recorded_as_near_as_json_comes(state: Path, cwd: str) -> None:
    """What JSON does not have becomes text, what is not a number becomes null; the step has succeeded."""
    found = fire(function("odd", cwd), state)
    assert found["code"] == 0
    assert found["steps"][0]["result"] == {
        "path": "<class 'os.PathLike'>",
        "set": "{1}",
        "rate": None,
        "7": "b'x'",
    }


@pytest.mark.parametrize("name", ["impossible", "keyed"])
def test_a_return_that_cannot_be_written_does_not_fail_finished_work(state: Path, cwd: str, name: str) -> None:
    """The log says that there is no result, and why; the work is done."""
    found = fire(function(name, cwd), state)
    assert (found["code"], found["steps"][0]["result"]) == (0, None)
    assert "the result could not be recorded" in (state / "runs/1/1-1.log").read_text()


@pytest.mark.parametrize(
    ("name", "params", "says"),
    [
        ("plain", {}, "missing a required argument: '계정'"),
        ("plain", {"계정": "a", "seite": 1}, "unexpected keyword argument 'seite'"),
        ("by_position", {"limit": 1}, "positional only"),
        ("missing", {}, "no attribute 'missing'"),
        ("not_a_function", {}, "is not a function"),
        ("generator", {}, "is a generator"),
        ("async_generator", {}, "is a generator"),
        ("decorated", {}, "missing a required argument: 'limit'"),
        ("nowhere:f", {}, "No module named 'nowhere'"),
        ("broken:f", {}, "SyntaxError"),
        ("raises:f", {}, "ValueError: at import"),
        ("ends:f", {}, "SystemExit"),  # importing it ends the interpreter
        ("noisy:f", {}, "TypeError: missing a required argument: 'a'"),  # after all that it says
    ],
)
def test_what_cannot_be_called_starts_nothing(
    state: Path, cwd: str, name: str, params: dict[str, Any], says: str
) -> None:
    """It is a configuration error (78) that names job, step and function; no step has run and no run is recorded."""
    name = name if ":" in name else f"package.steps:{name}"
    trace = f"{cwd}/trace"
    what = job(step("0", f"touch {trace}"), step("1", None, function=name, cwd=cwd, params=params))
    with pytest.raises(ConfigError) as raised:
        engine_fire.fire(what, engine_fire.Request(state_dir=str(state)))
    assert raised.value.exit_code == 78
    assert says in str(raised.value)
    assert f"job 작업, step 1: function {name}" in str(raised.value)
    assert raised.value.remedy
    assert not os.path.exists(trace)
    assert rows(state, "select count(*) from runs") == [(0,)]


def test_a_parameter_of_the_command_line_is_checked_as_well(state: Path, cwd: str) -> None:
    """A name that the function does not have is refused before anything starts."""
    process = start(function("number", cwd), state, params={"x": 1})
    process.communicate(timeout=60)
    assert process.returncode == 2


def test_a_missing_interpreter_starts_nothing(state: Path, cwd: str) -> None:
    """A venv that is gone is a configuration error with the path in it."""
    with pytest.raises(ConfigError, match="/no/such/python"):
        engine_fire.fire(function("number", cwd, python="/no/such/python"), engine_fire.Request(state_dir=str(state)))


def test_another_interpreter_needs_no_batchctl(state: Path, cwd: str, tmp_path: Path) -> None:
    """A bare venv runs the function; batchctl is neither installed nor imported there."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv/bin/python")
    assert subprocess.run([python, "-c", "import batchctl"], cwd="/", capture_output=True, check=False).returncode
    found = fire(function("where", cwd, python=python), state)
    assert found["steps"][0]["result"] == {
        "python": python,
        "batchctl": False,
        "cwd": cwd,
        "argv": ["package.steps:where"],
        "job": "작업",
    }


def test_a_safe_path_does_not_lose_the_standard_library(state: Path, cwd: str) -> None:
    """With PYTHONSAFEPATH set the step's directory still comes first, and nothing is taken off the path."""
    found = fire(function("waiting", cwd, params={"limit": 1}, env={"PYTHONSAFEPATH": "1"}), state)
    assert found["steps"][0]["result"] == {"건수": 1}


def test_under_crons_environment_hangul_arrives(state: Path, cwd: str) -> None:
    """No locale at all, as cron gives it: names and values are what they are."""
    bare = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"]}
    process = start(function("plain", cwd, params={"계정": "계정1"}), state, env=bare)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert (state / "runs/1/1-1.log").read_text() == "출력 계정1\n"
    assert rows(state, "select result from steps") == [('{"건수": 1, "계정": "계정1"}',)]


def test_a_result_file_is_private(state: Path, cwd: str) -> None:
    """What a function returns is readable for nobody else, whatever the umask."""
    before = os.umask(0)
    try:
        fire(function("number", cwd), state)
    finally:
        os.umask(before)
    assert (state / "runs/1/1.result").stat().st_mode & 0o777 == 0o600
