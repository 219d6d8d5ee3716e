"""Whatever fails inside the supervisor, no run is abandoned: each call it makes fails once, in a fire of its own."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from firing import PROGRAMS, ended, pid_of_attempt, start, with_argument
from support import job, rows, step, wait_for

from batchctl.core.model import Condition, Expect, Group
from batchctl.store import database, spool

if TYPE_CHECKING:
    from collections.abc import Callable

    from batchctl.core.model import Job

_ERRORS = ("ENFILE", "EMFILE", "EIO", "ENOMEM", "RuntimeError")
_MACHINE = ("batchctl.process.", "batchctl.base.paths.", "batchctl.store.", "posix.", "io.", "_io.", "sqlite3.")
"""What a machine that is short of something refuses."""


def eventful(mark: str) -> Job:
    """Return a job whose run has it all: side by side, left behind, tried again, deaf to TERM, with a result."""
    return job(
        step("a", f"setsid sh -c 'sleep 60; : {mark}' & exit 0", group="g"),
        step("b", 'test "$BATCHCTL_ATTEMPT" = 2', group="g", retries=1, log_max=100_000),
        step(
            "c", f"trap '' TERM; : {mark}; sleep 60 & wait; sleep 60", timeout=0.1, grace=0.1, continue_on_failure=True
        ),
        step("d", 'echo "{{\\"n\\": 1}}" > $BATCHCTL_RESULT'),
        step("e", when="always"),
        groups=(Group(name="g", parallel=True),),
        expect=Expect(conditions=(Condition(key="n", operator=">=", bound=1),)),
    )


def recorded(state: str) -> tuple[Any, ...]:
    """Return what the history says of run 1 once the spool was imported: run, then steps."""
    connection = database.connect(state, create=False)
    spool.import_all(state, connection)
    connection.close()
    (run,) = rows(Path(state), "select status, exit_code, why, ended_at is not null from runs")
    steps = "select step, status, exit_code, signal, attempts, result from steps order by seq"
    return run, rows(Path(state), steps), rows(Path(state), "select count(*) from attempts where status = 'running'")


def is_true(one: dict[str, Any], found: tuple[Any, ...], usual: tuple[Any, ...]) -> bool:
    """Say whether a fire ended, and as it says: as usual, or failed with the cause where that is no passing trouble."""
    (status, code, why, is_ended), steps, running = found
    if not is_ended or running != [(0,)] or one["code"] != code:
        return False
    if status != "failed":
        return found == usual
    known = one["error"] == "RuntimeError" or not one["at"].partition(" -> ")[2].startswith(_MACHINE)
    return known and code == 70 and "internal error" in why and "running" not in {each[1] for each in steps}


_PARTS = 44
_SLOW = range(_PARTS) if os.environ.get("EVERY_CALL") == "all" else range(0, _PARTS, 11)
"""Which of the parts the slow tests make; as many errors as there are share no factor with them, so each is met."""


def _fires(given: bytes, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return what the program says, a line each; `tell` hears of each fire as it comes."""
    command = [sys.executable, str(PROGRAMS / "every_call.py")]
    found: list[dict[str, Any]] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(given)
        process.stdin.close()
        for line in process.stdout:
            found.append(json.loads(line))
            if len(found) > 1:
                tell(f"{len(found) - 1}: {found[-1]['error']} at {found[-1]['at']}: {found[-1]['code']}")
    assert process.returncode == 0
    return found


@pytest.mark.timeout(3600)  # each fire has a limit of its own, which is what ends one that hangs
@pytest.mark.parametrize(
    ("part", "parts"), [(0, 101), *(pytest.param(part, _PARTS, marks=pytest.mark.slow) for part in _SLOW)]
)
def test_no_call_that_fails_once_abandons_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], part: int, parts: int
) -> None:
    """No step lives, the row has an end, and what it says is true; what a machine refuses for a moment costs nothing.

    Of the fires, one for each call and error, a small part is made each time, more by the slow tests, and all of them,
    which takes an hour, with EVERY_CALL=all, which shows each as it is made.
    """

    def tell(what: str) -> None:
        if "EVERY_CALL" in os.environ:
            with capsys.disabled():
                print(f"part {part}, fire {what}", flush=True)  # noqa: T201

    given = pickle.dumps((eventful(str(tmp_path)), str(tmp_path), _ERRORS, part, parts))
    first, *others = _fires(given, tell)
    usual = recorded(f"{tmp_path}/watched")
    assert (first["code"], usual[0][0]) == (124, "timed_out")
    assert len(first["places"]) > 200, "the calls of the supervisor are found by themselves"
    assert len(others) >= len(first["places"]) * len(_ERRORS) // parts
    wrong = [f"{one} {recorded(one['state'])}" for one in others if not is_true(one, recorded(one["state"]), usual)]
    assert wrong == []
    assert with_argument(str(tmp_path)) == []


def _limit(pid: int, descriptors: int) -> int:
    import resource

    before, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, hard))
    return before


def test_a_supervisor_without_descriptors_goes_on_when_it_has_some_again(tmp_path: Path) -> None:
    """For as long as nothing can be opened nothing is decided; a result, a later step and the end are all there."""
    state, go = tmp_path / "state", tmp_path / "go"
    line = f'while ! test -e {go}; do sleep 0.01; done; echo "{{{{\\"n\\": 7}}}}" > $BATCHCTL_RESULT'
    process = start(job(step("1", line), step("2", "echo out"), step("3", "exit 4")), state)
    pid = wait_for(lambda: pid_of_attempt(state), "the step")
    before = _limit(process.pid, 3)
    go.touch()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the step to be reaped")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    _limit(process.pid, before)
    found = ended(process)
    assert (found["status"], found["code"]) == ("failed", 1)
    assert [each["exit_code"] for each in found["steps"]] == [0, 0, 4]
    assert found["steps"][0]["result"] == {"n": 7}
    assert (state / "runs/1/2-1.log").read_text() == "out\n"
    assert rows(state, "select status, why from runs") == [("failed", "step 3: exit code 4")]


def test_a_timeout_comes_without_descriptors_too(tmp_path: Path) -> None:
    """What needs no look at the machine is done without: the group of the step's first process gets TERM, then KILL."""
    state = tmp_path / "state"
    process = start(job(step("1", "trap '' TERM; sleep 60 & wait; sleep 60", timeout=1.0, grace=0.2)), state)
    pid = wait_for(lambda: pid_of_attempt(state), "the step")
    before = _limit(process.pid, 3)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the step to be ended")
    _limit(process.pid, before)
    assert (ended(process)["status"], rows(state, "select status from runs")) == ("timed_out", [("timed_out",)])


_ESCAPES = """
import sys
from batchctl.process import tree
from batchctl.__main__ import entry
reap, calls = tree.reap, []
def failing(*arguments):
    calls.append(1)
    if len(calls) == 3:
        raise RuntimeError("없는 일")
    return reap(*arguments)
tree.reap = failing
sys.argv = ["batchctl", "--config", sys.argv[1], "--state", sys.argv[2], "run", "작업"]
entry()
"""


def test_what_escapes_ends_the_run_and_is_told(tmp_path: Path) -> None:
    """An error that should never happen: the steps end, the row and the alert have the cause, stderr and 70 say it."""
    config, state, told = tmp_path / "c.toml", tmp_path / "state", tmp_path / "told"
    config.write_text(
        f"""[jobs."작업"]
on_alert = ["sh", "-c", "cat >> {told}"]
[[jobs."작업".steps]]
id = "31"
run = "true"
[[jobs."작업".steps]]
id = "32"
run = "setsid sleep 61 & : {tmp_path}; sleep 60"
[[jobs."작업".steps]]
id = "33"
run = "true"
"""
    )
    command = [sys.executable, "-c", _ESCAPES, str(config), str(state)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120, text=True, encoding="utf-8")
    assert done.returncode == 70
    assert "internal error: RuntimeError: 없는 일" in done.stderr
    assert "BATCHCTL_DEBUG=1" in done.stderr
    assert "Traceback" not in done.stderr
    assert with_argument(str(tmp_path)) == []
    found = rows(state, "select status, exit_code, why from runs")
    assert found == [("failed", 70, "internal error: RuntimeError: 없는 일")]
    assert [status for (status,) in rows(state, "select status from steps order by seq")] == [
        "succeeded",
        "failed",
        "blocked",
    ]
    assert "internal error: RuntimeError: 없는 일" in json.loads(told.read_text())["body"]


@pytest.mark.parametrize(
    ("argument", "code", "said"),
    [
        (b'v="a\\u0000b"', 2, "parameter v holds a NUL character"),
        (b'v={"k": ["\\ud800"]}', 2, "parameter v holds bytes that are not UTF-8"),
        (b"v=\xff", 2, "parameter v holds bytes that are not UTF-8"),  # nothing a shell would refuse
        (b"v=NaN", 2, "parameter v is nan"),
        (b"v=" + b"[" * 3000, 0, ""),  # no JSON, so it is text
        (b"", 78, "line 2: X holds a NUL character"),  # an env_file
    ],
)
def test_what_no_program_can_be_given_starts_nothing(tmp_path: Path, argument: bytes, code: int, said: str) -> None:
    """It is refused with its name and the way out before there is a run; no step could ever be given it."""
    config, state = tmp_path / "c.toml", tmp_path / "state"
    config.write_text('[jobs.a]\nrun = "echo {v} $X"\nparams = { v = 1 }\nenv_file = "e"\n')
    (tmp_path / "e").write_bytes(b"Y=1\nX=a" + (b"" if argument else b"\0") + b"b\n")
    more = [b"--param", argument] if argument else []
    command: list[str | bytes] = [
        sys.executable,
        "-m",
        "batchctl",
        "--config",
        str(config),
        "--state",
        str(state),
        "run",
        "a",
        *more,
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, text=True, encoding="utf-8")
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert code == 0 or "  → " in done.stderr
    assert rows(state, "select count(*) from runs") == [(0 if code else 1,)]
