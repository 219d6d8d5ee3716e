"""`guard()`: a program under the same lock, row, rules and history as a job's run, whatever becomes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support import batchctl, rows, wait_for

from batchctl import Batchctl, Skipped, TimedOut, UsageError, guard


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Any]:
    """Return where the guard keeps its state; there is a configuration with one job."""
    config = tmp_path / "batchctl.toml"
    config.write_text('[jobs.configured]\nrun = "true"\n', encoding="utf-8")
    return {"config": str(config), "state": str(tmp_path / "state")}


def _ctl(place: dict[str, Any]) -> Batchctl:
    return Batchctl(**place)


def _program(place: dict[str, Any], body: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a program that is guarded as `nightly`; its block is `body`."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    code = f"import os, sys, time, subprocess\nfrom batchctl import guard\nwith guard('nightly', **{place}) as run:\n"
    code += lines
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code], **{**pipes, **options})


def _running(place: dict[str, Any]) -> bool:
    return os.path.exists(place["state"] + "/history-began") and bool(_ctl(place).status("nightly").run)


def test_a_block_is_a_run(place: dict[str, Any]) -> None:
    """A guarded block is a run with log, progress and result, and its name is known from then on."""
    with guard("야간-작업", min_gap="6h", timeout="30h", **place) as run:
        run.log("수집 시작")
        run.progress(3, 10)
        status = _ctl(place).status("야간-작업")
        assert status.run is not None
        assert (status.run.id, status.run.progress.done, status.run.progress.total) == (run.id, 3, 10)  # type: ignore[union-attr]
        run.result(collected=512)
        run.result(failed=["a"])
    ctl = _ctl(place)
    done = ctl.report("야간-작업").runs[0]
    assert (done.status, done.steps[0].result) == ("succeeded", {"collected": 512, "failed": ["a"]})
    assert ctl.logs("야간-작업") == "수집 시작\n"
    assert ctl.explain("야간-작업").reason == "min_gap"
    with pytest.raises(Skipped) as raised, guard("야간-작업", min_gap="6h", **place):
        pass
    assert raised.value.reason == "min_gap"
    assert raised.value.until is not None
    assert raised.value.until.utcoffset() is not None


@pytest.mark.parametrize(
    ("raised", "status", "code", "why"),
    [
        (ValueError("수집 실패:\n no prices"), "failed", 1, "ValueError: 수집 실패: no prices"),
        (KeyboardInterrupt(), "cancelled", 130, "stopped by SIGINT"),
        (SystemExit(143), "cancelled", 143, "stopped by SIGTERM"),
        (SystemExit(3), "failed", 1, "SystemExit: 3"),
        (SystemExit(0), "succeeded", 0, None),
        (SystemExit(), "succeeded", 0, None),
    ],
)
def test_what_leaves_the_block(
    raised: BaseException, status: str, code: int, why: str | None, place: dict[str, Any]
) -> None:
    """An exception goes on its way, and the run tells of it."""
    with pytest.raises(type(raised)), guard("nightly", **place):
        raise raised
    found = rows(_state(place), "select status, exit_code, why from runs")
    assert found in ([(status, code, why or "")], [(status, code, why)])


def _state(place: dict[str, Any]) -> Path:
    return Path(place["state"])


def test_two_exclude_each_other(place: dict[str, Any]) -> None:
    """Two guards of one job exclude each other, in one process and in two, and batchctl's own fire as well."""
    with guard("nightly", **place) as run:
        with pytest.raises(Skipped) as raised, guard("nightly", **place | {"force": True}):
            pass
        assert raised.value.reason == "already_running"
        options = ["--config", place["config"], "--state", place["state"]]
        assert batchctl(*options, "run", "--name", "nightly", "--", "true").returncode == 75
        plain = {name: value for name, value in os.environ.items() if name not in run.env}
        other = _program(place, "pass", stderr=subprocess.PIPE, env=plain)
        assert b"Skipped" in other.communicate(timeout=60)[1]
        assert run.id == 1


def test_threads(place: dict[str, Any]) -> None:
    """Guards of different jobs run side by side in threads, each a run of its own with its own environment."""
    seen: dict[str, str] = {}
    both = threading.Barrier(2, timeout=60)

    def work(name: str) -> None:
        with guard(name, **place) as run:
            both.wait()
            run.log(name)
            seen[name] = run.env["BATCHCTL_RUN_ID"]
            both.wait()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen.values()) == {"1", "2"}
    assert [run.status for run in _ctl(place).report().runs] == ["succeeded"] * 2
    assert "BATCHCTL_RUN_ID" not in os.environ


def test_asyncio(place: dict[str, Any]) -> None:
    """`async with` guards a block, and its budget cancels what it awaits."""

    async def block(seconds: float, **rules: Any) -> None:
        async with guard("nightly", **rules, **place) as run:
            run.log("begun")
            await asyncio.sleep(seconds)

    asyncio.run(block(0))
    with pytest.raises(TimedOut):
        asyncio.run(block(600, timeout=0.5))
    assert [run.status for run in _ctl(place).report("nightly").runs] == ["timed_out", "succeeded"]


def test_the_budget(place: dict[str, Any]) -> None:
    """A block beyond its budget gets TimedOut, whether or not it lets it pass."""

    def sleep() -> None:
        while True:
            time.sleep(0.01)

    def fail() -> None:
        with pytest.raises(TimedOut):
            sleep()
        raise ValueError

    for block in (sleep, fail):
        with pytest.raises(TimedOut), guard("nightly", timeout=0.5, **place):
            block()
    assert rows(_state(place), "select status, exit_code from runs") == [("timed_out", 124)] * 2


def test_a_program_that_does_not_mind_its_budget(place: dict[str, Any]) -> None:
    """A main thread that does not leave is ended with its program; the run has timed out all the same."""
    body = "try:\n    time.sleep(600)\nexcept BaseException:\n    time.sleep(600)"
    program = _program(place | {"timeout": 0.5, "grace": "1s"}, body)
    program.communicate(timeout=60)
    assert program.returncode == -signal.SIGTERM
    assert rows(_state(place), "select status, exit_code from runs") == [("timed_out", 124)]
    with guard("nightly", **place):
        pass


def test_a_killed_program_is_lost(place: dict[str, Any]) -> None:
    """The run of a program that was killed is lost, not stuck: the next fire starts."""
    program = _program(place, "sys.stdin.read()")
    wait_for(lambda: _running(place), "the run")
    program.kill()
    program.communicate()
    with guard("nightly", **place) as run:
        assert run.id == 2
    assert rows(_state(place), "select status from runs order by id") == [("lost",), ("succeeded",)]


def test_what_a_killed_program_left_keeps_the_guard(place: dict[str, Any]) -> None:
    """A subprocess that outlives its killed program keeps the job running, and `stop` ends it."""
    body = "p = subprocess.Popen(['sleep', '600'])\nprint(p.pid, flush=True)\nsys.stdin.read()"
    program = _program(place, body)
    assert program.stdout
    left = int(program.stdout.readline())
    program.kill()
    program.wait()
    with pytest.raises(Skipped) as raised, guard("nightly", **place):
        pass
    assert raised.value.reason == "already_running"
    assert _ctl(place).stop("nightly").status == "cancelled"
    wait_for(lambda: not os.path.exists(f"/proc/{left}"), "the subprocess to be gone")
    program.communicate()


def test_stop(place: dict[str, Any]) -> None:
    """`stop` ends the program and cancels its run, whether it hears TERM or not."""
    for body in ("sys.stdin.read()", "import signal; signal.signal(15, signal.SIG_IGN)\nsys.stdin.read()"):
        program = _program(place | {"grace": "1s"}, body)
        wait_for(lambda: _running(place), "the run")
        assert _ctl(place).stop("nightly").status == "cancelled"
        program.communicate(timeout=60)
        assert program.returncode < 0


def test_a_program_that_closes_all_descriptors(place: dict[str, Any]) -> None:
    """Closing every descriptor costs neither the end of the run nor a file that got the lock's number since."""
    body = "os.closerange(3, 256)\nkept = [open('/dev/null') for _ in range(50)]"
    program = _program(place, body + "\nimport atexit\natexit.register(lambda: [file.read() for file in kept])")
    program.communicate(timeout=60)
    assert program.returncode == 0
    assert _ctl(place).report("nightly").runs[0].status == "succeeded"


def test_a_forked_child_ends_nothing(place: dict[str, Any]) -> None:
    """A forked child that leaves the block does not end its parent's run."""
    body = "if os.fork() == 0:\n    sys.exit(5)\nos.wait()"
    program = _program(place, body)
    program.communicate(timeout=60)
    assert program.returncode == 0
    assert [run.status for run in _ctl(place).report("nightly").runs] == ["succeeded"]


def test_a_step_that_guards_itself_as_its_own_job(place: dict[str, Any], tmp_path: Path) -> None:
    """A guarded program that runs as a step of a job of this name is a part of that run."""
    (tmp_path / "program.py").write_text(
        "from batchctl import guard\nwith guard('self') as run:\n    run.log('안에서')\n    run.result(n=1)\n", "utf-8"
    )
    with open(place["config"], "a", encoding="utf-8") as file:
        file.write(f'[jobs.self]\nargv = ["{sys.executable}", "program.py"]\ncwd = "{tmp_path}"\n')
    done = _ctl(place).run("self")
    assert (done.status, done.steps[0].result) == ("succeeded", {"n": 1})
    assert _ctl(place).logs("self") == "안에서\n"


@pytest.mark.parametrize(
    ("name", "rules", "said"),
    [
        ("configured", {}, "is the name of a job of the configuration"),
        ("no name", {}, "cannot be the name of a job"),
        ("a", {"nosuch": 1}, "nosuch"),
        ("a", {"min_gap": "soon"}, "min_gap"),
        ("a", {"retries": 3}, "retries"),
        ("a", {"timeout": "30h", "stale_after": "20h"}, "stale_after"),
    ],
)
def test_what_cannot_be_guarded(name: str, rules: dict[str, Any], said: str, place: dict[str, Any]) -> None:
    """A name that is taken and a rule that is wrong are refused in words, and nothing is written."""
    with pytest.raises(UsageError) as raised, guard(name, **rules, **place):
        pass
    assert said in str(raised.value)
    assert raised.value.remedy
    assert not os.path.exists(place["state"] + "/batchctl.db")


def test_a_guard_is_for_one_block(place: dict[str, Any]) -> None:
    """A guard that is entered cannot be entered again; once left it can."""
    one = guard("nightly", **place)
    with one, pytest.raises(UsageError), one:
        pass
    with one as run:
        assert run.id == 2


def test_results_that_are_none(place: dict[str, Any]) -> None:
    """What is no JSON, and a progress below nothing, is refused where it is said."""
    with guard("nightly", **place) as run:
        for wrong in (object(), float("nan")):
            with pytest.raises((TypeError, ValueError)):
                run.result(a=wrong)
        with pytest.raises(ValueError, match="negative"):
            run.progress(-1, 3)
        run.result(text="x" * 100_000)


def test_importing_the_guard_loads_the_standard_library_alone() -> None:
    """`from batchctl import guard` brings nothing that is not Python's own."""
    code = (
        "import sys; from batchctl import guard, step;"
        "print(*[n for n in sys.modules if n.partition('.')[0] not in sys.stdlib_module_names and n[0] != '_'])"
    )
    said = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    foreign = [name for name in said.split() if name.partition(".")[0] not in {"batchctl", "sitecustomize"}]
    assert foreign == []


def test_what_stood_in_the_environment_comes_back(place: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of one job that guards itself as another is a step of the first again when it leaves the block."""
    marks = {"BATCHCTL_JOB": "outer", "BATCHCTL_RUN_ID": "7", "BATCHCTL_PROGRESS": "/nowhere/progress"}
    for name, value in marks.items():
        monkeypatch.setenv(name, value)
    with guard("inner", **place) as run:
        assert os.environ["BATCHCTL_RUN_ID"] == str(run.id)
    assert {name: os.environ[name] for name in marks} == marks
    assert "BATCHCTL_RUN_TOKEN" not in os.environ


@pytest.mark.parametrize("where", ["batchctl.engine.inside.Inside.log", "threading.Thread.start"])
def test_a_block_that_cannot_begin(where: str, place: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk or the machine refuses what the block needs, the run that was written down has its end."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(where, refuse)
        with pytest.raises(OSError, match="No space"), guard("nightly", timeout="1h", **place):
            pass
    ((status, why),) = rows(_state(place), "select status, why from runs")
    assert status == "failed"
    assert "No space" in why
    with guard("nightly", **place) as run:
        assert run.id == 2
