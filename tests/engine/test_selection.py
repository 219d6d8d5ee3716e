"""`--resume`, `--from`, `--only` and `--dry-run`: what runs again, what does not, and what nobody touches."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from firing import ended, execute, fire, start
from support import batchctl, job, rows, step, wait_for

from batchctl.base.errors import UsageError
from batchctl.core.model import Group, Selection
from batchctl.engine import fire as engine_fire

if TYPE_CHECKING:
    from pathlib import Path

    from batchctl.core.model import Job

RESUME = Selection(resume=True)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


def flaky(tmp_path: Path, **changes: Any) -> Job:
    """Return a chain whose second step fails until there is a file `mended`."""
    trace = tmp_path / "trace"
    line = 'echo {step} {limit} >> {trace}; echo "{{\\"by\\": $BATCHCTL_RUN_ID}}" > $BATCHCTL_RESULT; '
    lines = {name: line.replace("{step}", name).replace("{trace}", str(trace)) for name in "123"}
    lines["2"] += f"test -e {tmp_path}/mended"
    return job(*(step(name, lines[name]) for name in "123"), params={"limit": 1}, **changes)


def resumed(what: Job, state: Path, **options: Any) -> dict[str, Any]:
    """Fire with --resume."""
    return fire(what, state, selection=RESUME, **options)


def test_resume_continues_what_failed(state: Path, tmp_path: Path) -> None:
    """Succeeded steps are not run again and keep their results; parameters stay, attempts count on, the rows point."""
    what = flaky(tmp_path)
    assert fire(what, state, params={"limit": 50})["code"] == 1
    again = resumed(what, state)  # of the first
    assert again["code"] == 1
    (tmp_path / "mended").touch()
    last = resumed(what, state, params={"limit": 60})  # of a resume
    assert (last["status"], last["run_id"]) == ("succeeded", 3)
    assert [(one["status"], one["attempts"]) for one in last["steps"]] == [
        ("skipped", 1),
        ("succeeded", 3),
        ("succeeded", 1),
    ]
    assert [one["result"] for one in last["steps"]] == [{"by": 1}, {"by": 3}, {"by": 3}]
    assert (tmp_path / "trace").read_text().split("\n")[:-1] == ["1 50", "2 50", "2 50", "2 60", "3 60"]
    assert rows(state, "select id, resumed_from from runs") == [(1, None), (2, 1), (3, 2)]
    assert (state / "runs/3/2-3.log").exists()


def test_resume_continues_what_runs_of_some_steps_left_undone(state: Path, tmp_path: Path) -> None:
    """After runs of single steps it is still the run that broke off, without what has succeeded since."""
    what = flaky(tmp_path)
    assert fire(what, state)["code"] == 1
    (tmp_path / "mended").touch()
    assert fire(what, state, selection=Selection(only=("1",)))["code"] == 0  # again, and of no help
    assert fire(what, state, selection=Selection(only=("2",)))["code"] == 0  # what had failed
    last = resumed(what, state)
    assert [(one["status"], one["result"]) for one in last["steps"]] == [
        ("skipped", {"by": 2}),
        ("skipped", {"by": 3}),
        ("succeeded", {"by": 4}),
    ]
    assert rows(state, "select resumed_from from runs where id = 4") == [(1,)]
    assert resumed(what, state)["code"] == 2  # all is done


def test_report_says_what_a_run_continues(state: Path, tmp_path: Path) -> None:
    """`resumed_from` of a run in JSON is the id of the run it continues."""
    fire(flaky(tmp_path), state)
    resumed(flaky(tmp_path), state)
    config = tmp_path / "c.toml"
    config.write_text('[jobs."작업"]\nrun = "true"\n')
    done = batchctl("--config", str(config), "--state", str(state), "report", "--json")
    assert [(run["id"], run["resumed_from"]) for run in json.loads(done.stdout)["runs"]] == [(2, 1), (1, None)]


@pytest.mark.parametrize("how", ["timed_out", "cancelled", "lost", "stale"])
def test_every_unfinished_run_can_be_resumed(state: Path, tmp_path: Path, how: str) -> None:
    """Whatever ended it: step 1 is done, step 2 is run again."""
    up = tmp_path / "up"
    hangs = f"touch {up}; test -e {tmp_path}/mended || exec sleep 60"
    what = job(step("1"), step("2", hangs, timeout=1.5 if how == "timed_out" else None), grace=0.5)
    process = start(what, state)
    wait_for(up.exists, "step 2")
    if how == "cancelled":
        process.terminate()
    if how in {"lost", "stale"}:
        wait_for(lambda: rows(state, "select pid from attempts where seq = 2 and pid > 0"), "its row")
        process.kill()
        os.kill(rows(state, "select pid from attempts where seq = 2")[0][0], 9)
    process.communicate(timeout=60)
    if how == "stale":
        execute(state, "update runs set status = 'stale'")
        execute(state, "update steps set status = 'stale' where seq = 2")
    (tmp_path / "mended").touch()
    found = resumed(what, state)
    assert [one["status"] for one in found["steps"]] == ["skipped", "succeeded"]
    assert rows(state, "select status, resumed_from from runs order by id") == [(how, None), ("succeeded", 1)]


def test_resume_after_the_configuration_changed(state: Path, tmp_path: Path) -> None:
    """Steps are the same where their ids are; a new one is run, one that is gone is not, the order is today's."""
    fire(flaky(tmp_path), state)
    changed = job(step("0"), step("2", "echo new"), step("1", "exit 9"), step("4"))
    found = resumed(changed, state)
    assert [(one["id"], one["status"]) for one in found["steps"]] == [
        ("0", "succeeded"),
        ("2", "succeeded"),
        ("1", "skipped"),
        ("4", "succeeded"),
    ]


@pytest.mark.parametrize("before", ["nothing", "success"])
def test_nothing_to_resume_is_a_wrong_command_line(state: Path, before: str) -> None:
    """A job that never ran, or ended well, has nothing to resume: exit 2, and nothing is recorded."""
    if before == "success":
        fire(job(), state)
    process = start(job(), state, selection=RESUME)
    process.communicate(timeout=60)
    assert process.returncode == 2
    assert rows(state, "select count(*) from runs") == [(before == "success",)]
    assert os.listdir(state / "spool") == [] if (state / "spool").exists() else True


def test_resume_of_a_selected_run_stays_selected(state: Path, tmp_path: Path) -> None:
    """What the continued run was not to run, its continuation does not run either."""
    what = flaky(tmp_path)
    fire(what, state, selection=Selection(only=("2",)))
    (tmp_path / "mended").touch()
    found = resumed(what, state)
    assert [one["status"] for one in found["steps"]] == ["skipped", "succeeded", "skipped"]


def test_only_a_parallel_group(state: Path) -> None:
    """A group is selected by name, and its way of running stays its own."""
    groups = (Group(name="g", parallel=True),)
    what = job(step("1", group="g"), step("2", group="g"), step("3", "exit 1"), groups=groups)
    found = fire(what, state, selection=Selection(only=("g",)))
    assert [one["status"] for one in found["steps"]] == ["succeeded", "succeeded", "skipped"]
    assert found["code"] == 0


def test_a_secret_parameter_must_be_given_again(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history has it masked, so a resume without it is refused (2) before anything starts, in a dry run too."""
    monkeypatch.setenv("API_KEY", "geheim-1234")
    what = job(step("1", "echo {key}; exit 1"), params={"key": ""}, secrets=("API_KEY",))
    fire(what, state, params={"key": "geheim-1234"})
    for request in ("run", "dry run"):
        with pytest.raises(UsageError, match="had a secret in its parameter key"):
            (engine_fire.fire if request == "run" else engine_fire.plan_of)(
                what, engine_fire.Request(state_dir=str(state), selection=RESUME)
            )
    found = fire(what, state, selection=RESUME, params={"key": "geheim-1234"})
    assert (found["run_id"], (state / "runs/2/1-2.log").read_text()) == (2, "geheim-1234\n")


def test_a_functions_earlier_parameters_are_checked(state: Path, tmp_path: Path) -> None:
    """A resume keeps what the command line gave the first time, so the function can be called with it again."""
    (tmp_path / "steps.py").write_text("def work(limit):\n    raise SystemExit(limit)\n")
    what = job(step("1", None, function="steps:work", cwd=str(tmp_path)))
    assert fire(what, state, params={"limit": 5})["code"] == 1
    assert resumed(what, state)["steps"][0]["exit_code"] == 5


def snapshot(place: Path) -> dict[str, bytes | None]:
    """Return every file below a directory with its content."""
    return {str(path.relative_to(place)): path.read_bytes() if path.is_file() else None for path in place.rglob("*")}


_CONFIG = """
[jobs.x]
[[jobs.x.steps]]
id = "31"
group = "하나"
run = "true"
[[jobs.x.steps]]
id = "32"
run = "exit 1"
retries = 1
timeout = "6h"
[[jobs.x.steps]]
id = "33"
run = "true"
"""


def test_a_dry_run_says_what_will_be_done_and_changes_nothing(state: Path, tmp_path: Path) -> None:
    """No state directory is made, and one that is there is byte for byte the same afterwards."""
    config = tmp_path / "c.toml"
    config.write_text(_CONFIG)
    os.utime(config, (0, 0))
    options = ("--config", str(config), "--state", str(state))
    fresh = batchctl(*options, "run", "x", "--dry-run")
    assert (fresh.returncode, fresh.stderr) == (0, "")
    assert fresh.stdout.splitlines() == [
        "x would start now",
        "",
        "plan:",
        "  > 31 [하나]: true",
        "  > 32: exit 1, timeout 6h 00m, 1 retry",
        "  > 33: true",
    ]
    assert not state.exists()
    assert batchctl(*options, "run", "x").returncode == 1
    before = snapshot(state)
    resume = batchctl(*options, "run", "x", "--dry-run", "--resume")
    assert resume.stdout.splitlines() == [
        "x would start now",
        "continues run 1",
        "",
        "plan:",
        "  - 31 [하나]: done in run 1",
        "  > 32: exit 1, timeout 6h 00m, 1 retry, again after 2 attempts",
        "  > 33: true",
    ]
    plan = json.loads(batchctl(*options, "run", "x", "--dry-run", "--only", "33", "--json").stdout)
    assert (plan["verdict"], plan["reason"], plan["resumes"]) == ("start", None, None)
    assert [(one["id"], one["status"], one["why"]) for one in plan["steps"]] == [
        ("31", "skipped", "not selected"),
        ("32", "skipped", "not selected"),
        ("33", "pending", None),
    ]
    assert snapshot(state) == before


def test_a_dry_run_beside_a_running_run_says_skip(state: Path, tmp_path: Path) -> None:
    """It neither waits nor writes, and the running run does not notice."""
    up, go = tmp_path / "up", tmp_path / "go"
    process = start(job(step("1", f"touch {up}; while ! test -e {go}; do sleep 0.01; done"), name="x"), state)
    wait_for(up.exists, "the step")
    config = tmp_path / "c.toml"
    config.write_text(_CONFIG)
    done = batchctl("--config", str(config), "--state", str(state), "run", "x", "--dry-run")
    assert "would be skipped now: already_running (run 1 is still running" in done.stdout
    go.touch()
    assert ended(process)["code"] == 0
    assert rows(state, "select count(*) from skips") == [(0,)]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--only", "3"], 2),  # unknown
        (["--from", "nowhere"], 2),
        (["--resume"], 2),  # nothing to resume
        (["--only", "31", "--from", "33"], 2),  # nothing left
        (["--param", "limit"], 2),  # no value
        (["--only", "\u1112\u1161\u1102\u1161"], 0),  # a group; decomposed letters mean the same name
        (["--only", "33", "--only", "31"], 0),
    ],
)
def test_the_command_line_of_a_selection(state: Path, tmp_path: Path, arguments: list[str], code: int) -> None:
    """What cannot be is exit 2 with a remedy on stderr, and nothing starts."""
    config = tmp_path / "c.toml"
    config.write_text(_CONFIG)
    done = batchctl("--config", str(config), "--state", str(state), "run", "x", *arguments)
    assert done.returncode == code, done.stderr
    if code:
        assert "→" in done.stderr
        assert not (state / "runs").exists()
