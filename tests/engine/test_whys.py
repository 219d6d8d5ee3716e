"""Each step says how it ended, wherever somebody reads of it, and none that failed is left unnamed."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from firing import fire
from history_rows import Rows
from support import batchctl, job, rows, step

from batchctl.core.model import Selection

if TYPE_CHECKING:
    from pathlib import Path

_TWO_FAIL = """[jobs."작업"]
on_alert = ["sh", "-c", "cat > {told}"]
[jobs."작업".groups.g]
parallel = true
[[jobs."작업".steps]]
id = "31"
group = "g"
run = "exit 3"
[[jobs."작업".steps]]
id = "32"
group = "g"
run = "sleep 9"
timeout = 0.2
[[jobs."작업".steps]]
id = "61"
run = "true"
"""


def test_all_that_failed_is_named(tmp_path: Path) -> None:
    """In the report for cron's mail, in the alert, in the history, in `check` and in `status JOB`: 31 and 32."""
    config, told = tmp_path / "c.toml", tmp_path / "told"
    config.write_text(_TWO_FAIL.format(told=told))
    given = ["--config", str(config), "--state", str(tmp_path / "state")]
    done = batchctl(*given, "run", "작업")
    assert done.returncode == 1
    assert "step 31: exit code 3" in done.stderr
    assert "step 32: timed out" in done.stderr
    body = json.loads(told.read_text())["body"]
    assert "why: step 31: exit code 3; step 32: timed out" in body
    assert "step 31: exit code 3; step 32: timed out" in batchctl(*given, "check").stdout
    for columns in ("80", "200"):
        shown = batchctl(*given, "status", "작업", env=os.environ | {"COLUMNS": columns}).stdout
        lines = [" ".join(line.split()) for line in shown.splitlines()]
        assert any(line.startswith("31 g failed 1 ") and line.endswith(" exit code 3") for line in lines), shown
        assert any(line.startswith("32 g timed out 1 ") and line.endswith(" timed out") for line in lines), shown


def test_json_says_why(tmp_path: Path) -> None:
    """`run --json` and `report --json` have it of every step, null where there is nothing to say."""
    config, state = tmp_path / "c.toml", tmp_path / "state"
    config.write_text(_TWO_FAIL.format(told=tmp_path / "told"))
    given = ["--config", str(config), "--state", str(state)]
    ran: dict[str, Any] = json.loads(batchctl(*given, "run", "작업", "--json").stdout)
    reported: dict[str, Any] = json.loads(batchctl(*given, "report", "--json").stdout)["runs"][0]
    for found in (ran, reported):
        assert [each["why"] for each in found["steps"]] == ["exit code 3", "timed out", None]
    assert rows(state, "select why from step_history order by seq") == [("exit code 3",), ("timed out",), (None,)]


def test_what_was_left_out_says_why(tmp_path: Path) -> None:
    """A step that was done before, or not selected, names the run or says so."""
    state, fixed = tmp_path / "state", tmp_path / "fixed"
    what = job(step("a"), step("b", f"test -e {fixed}"), step("c"))
    fire(what, state)
    fixed.touch()
    fire(what, state, selection=Selection(resume=True))
    fire(what, state, selection=Selection(only=("c",)))
    whys = [why for (why,) in rows(state, "select why from steps where run_id > 1 order by run_id, seq")]
    assert whys == ["done in run 1", None, None, "not selected", "not selected", None]


def test_steps_of_a_vanished_batchctl_say_why(tmp_path: Path) -> None:
    """The step under way ended with its batchctl, and not by itself."""
    history = Rows(tmp_path / "state")
    run_id = history.run("작업", time.time() - 100, None)
    for seq, status in enumerate(("succeeded", "running", "pending"), 1):
        history.step(run_id, seq, str(seq), status)
    assert fire(job(), history.state)["code"] == 0
    found = rows(history.state, "select status, why from steps where run_id = ? order by seq", run_id)
    assert found[1] == ("lost", "batchctl vanished (crash, kill -9 or reboot)")
    assert [why for _, why in (found[0], found[2])] == [None, None]
