"""The spool's format: its fields are its own, what 0.1 wrote is read, what a later batchctl writes is left to it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from firing import fire
from support import job, rows

from batchctl.base.state_dir import StateDir
from batchctl.core.model import Step
from batchctl.core.run import Attempt, Identity, Run, StepRun
from batchctl.store import spool_format
from batchctl.store.runs import Birth

_OF_0_1 = Path(__file__).parent / "spooled" / "0.1.json"
"""The end of a run as batchctl 0.1 left it, when its history was locked: a step with a result and a text that was
looked for, one that was tried twice, one that was killed, one that was blocked."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory with a history, and so a spool."""
    fire(job(), tmp_path / "state")
    return tmp_path / "state"


def a_run() -> tuple[Run, Identity, Birth]:
    """Return a run in which every field has a value of its own."""
    run = Run(7, "수집", 1.5, "token", [])
    run.status, run.ended_at, run.duration, run.exit_code, run.why = "failed", 9.5, 8.0, 1, "step 31: exit code 3"
    run.warnings = [(1, "output", "wrote it")]
    step = StepRun(1, Step(id="31", group="keyword-search", run="true"))
    step.status, step.attempts_before, step.started_at, step.ended_at = "failed", 2, 2.5, 8.5
    step.duration, step.result, step.why = 6.0, {"건수": 300}, "exit code 3"
    attempt = Attempt(3, "runs/7/1-3.log", 3.5)
    attempt.status, attempt.pid, attempt.start_ticks, attempt.ended_at = "failed", 11, 12, 4.5
    attempt.duration, attempt.exit_code, attempt.signal = 1.0, 3, 9
    attempt.cpu_s, attempt.max_rss_bytes = 0.5, 4096
    step.attempts.append(attempt)
    run.steps.append(step)
    birth = Birth(started_mono=99.5, scheduled_for=1.0, pool="p", resumed_from=6, forced="min_gap", params="{}")
    return run, Identity(host="h", boot_id="b", pid=10, start_ticks=13), birth


def everything(run: Run) -> dict[str, Any]:
    """Return all that a run says, comparable."""
    steps = [
        step.__dict__
        | {"step": (step.step.id, step.step.group), "attempts": [attempt.__dict__ for attempt in step.attempts]}
        for step in run.steps
    ]
    return run.__dict__ | {"steps": steps}


def test_what_is_written_is_read_again() -> None:
    """Every field comes back, of run, step, attempt, owner and birth."""
    run, owner, birth = a_run()
    read = spool_format.read(spool_format.as_bytes(run, owner, birth))
    assert read[:2] == (owner, birth)
    assert everything(read[2]) == everything(run)
    assert spool_format.read(spool_format.as_bytes(run, owner, None))[1].started_mono == 0.0


def test_the_fields_are_those_of_version_2() -> None:
    """A renamed attribute must not rename a field: files outlive the batchctl that wrote them."""
    written = json.loads(spool_format.as_bytes(*a_run()))
    assert written["version"] == 2
    assert written.keys() == {"version", "owner", "birth", "run"}
    assert " ".join(sorted(written["owner"])) == "boot_id host pid start_ticks"
    assert " ".join(sorted(written["birth"])) == "forced params pool resumed_from scheduled_for started_mono_s"
    run = written["run"]
    fields = "duration_s ended_at exit_code id job started_at status steps token warnings why"
    assert " ".join(sorted(run)) == fields
    fields = "attempts attempts_before duration_s ended_at group id result seq started_at status why"
    assert " ".join(sorted(run["steps"][0])) == fields
    fields = "cpu_s duration_s ended_at exit_code log max_rss_bytes number pid signal start_ticks started_at status"
    assert " ".join(sorted(run["steps"][0]["attempts"][0])) == fields
    assert run["warnings"] == [{"seq": 1, "kind": "output", "text": "wrote it"}]


def test_what_says_nothing_of_usage_is_read() -> None:
    """The two fields came after version 2 did: without them an attempt does not know."""
    written = json.loads(spool_format.as_bytes(*a_run()))
    for field in ("cpu_s", "max_rss_bytes"):
        del written["run"]["steps"][0]["attempts"][0][field]
    attempt = spool_format.read(json.dumps(written).encode())[2].steps[0].attempts[0]
    assert (attempt.cpu_s, attempt.max_rss_bytes, attempt.signal) == (None, None, 9)


def test_what_0_1_wrote_is_imported(state: Path) -> None:
    """An upgrade between the end of a run and the next fire loses nothing of it."""
    shutil.copy(_OF_0_1, state / "spool" / "5.json")
    assert fire(job(), state)["code"] == 0
    assert os.listdir(state / "spool") == []
    run = rows(
        state, "select id, status, duration_s, exit_code, why, host, pool, params from runs where job = '일일-배치'"
    )
    number = run[0][0]
    assert run == [(number, "failed", 0.853666859000441, 1, "step 32: exit code 3", "shop-1", "collectors",
                    '{"limit": 50}')]  # fmt: skip
    steps = rows(
        state, "select step, step_group, status, attempts, result from steps where run_id = ? order by seq", number
    )
    assert steps == [
        ("31", "keyword-search", "succeeded", 1, '{"건수": 300, "율": 0.5}'),
        ("32", "keyword-search", "failed", 2, None),
        ("61", None, "failed", 1, None),
        ("62", None, "blocked", 0, None),
    ]
    assert rows(state, "select seq, kind from warnings where run_id = ?", number) == [(1, "output")]
    attempts = "select seq, attempt, exit_code, signal, log from attempts where run_id = ? order by seq, attempt"
    assert rows(state, attempts, number) == [
        (1, 1, 0, None, "runs/1/1-1.log"),
        (2, 1, 3, None, "runs/1/2-1.log"),
        (2, 2, 3, None, "runs/1/2-2.log"),
        (3, 1, None, 9, "runs/1/3-1.log"),
    ]


@pytest.mark.parametrize("version", [3, 99])
def test_what_a_newer_batchctl_wrote_is_left_to_it(state: Path, version: int) -> None:
    """After a downgrade the file stays as it is, fires go on, and it is neither imported nor called damaged."""
    content = json.dumps({"version": version, "run": "in a form that is not known yet"})
    (state / "spool" / "5.json").write_text(content)
    assert fire(job(), state)["code"] == 0
    assert (state / "spool" / "5.json").read_text() == content
    assert StateDir(str(state)).waiting() == ["5.json"]
    assert rows(state, "select count(*) from runs") == [(2,)]


@pytest.mark.parametrize("version", [0, -1, "2", None, 2.5])
def test_a_version_that_is_none_is_set_aside(state: Path, version: object) -> None:
    """Nobody wrote such a file on purpose; it is kept for the operator to look at."""
    content = json.loads(spool_format.as_bytes(*a_run())) | {"version": version}
    (state / "spool" / "5.json").write_text(json.dumps(content))
    assert fire(job(), state)["code"] == 0
    assert os.listdir(state / "spool") == ["5.damaged"]
