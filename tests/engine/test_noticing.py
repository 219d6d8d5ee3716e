"""`alert_on_output` is looked for while the step still runs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support import batchctl, rows, wait_for

from batchctl.engine import outputs

if TYPE_CHECKING:
    from pathlib import Path

_OFTEN = "from batchctl.engine import noticing; noticing.EVERY = 0.1; from batchctl.__main__ import entry; entry()"
"""batchctl, looking ten times a second instead of once a minute."""
_CONFIG = """
[jobs."검색"]
alert_on_output = ["실패", "ERROR"]
on_alert = ["sh", "-c", "cat >> {place}/told"]
run = "{run}"
"""


def write(tmp_path: Path, run: str) -> list[str]:
    """Write the configuration and return the options that use it."""
    config = tmp_path / "c.toml"
    config.write_text(_CONFIG.format(place=tmp_path, run=run), encoding="utf-8")
    return ["--config", str(config), "--state", str(tmp_path / "state")]


def told(tmp_path: Path) -> list[dict[str, Any]]:
    """Return the alerts that were sent."""
    text = (tmp_path / "told").read_text(encoding="utf-8")
    found, decoder = [], json.JSONDecoder()
    while text:
        alert, end = decoder.raw_decode(text)
        found.append(alert)
        text = text[end:].lstrip()
    return found


def test_told_while_it_runs_and_once(tmp_path: Path) -> None:
    """The alert comes before the end, `check` finds it meanwhile, and the end counts without telling it again."""
    state = tmp_path / "state"
    waits = f"while ! test -e {tmp_path}/go; do sleep 0.05; done"
    where = write(tmp_path, f"echo 상품 17 업로드 실패; {waits}; echo 또 실패; echo 끝")
    with subprocess.Popen([sys.executable, "-c", _OFTEN, *where, "run", "검색"], stdin=subprocess.DEVNULL) as process:
        wait_for(lambda: (tmp_path / "told").exists() and told(tmp_path), "the alert")
        found = json.loads(batchctl(*where, "check", "--format", "json").stdout)["findings"]
        assert [(each["kind"], each["severity"], each["run_id"]) for each in found] == [("output", "warning", 1)]
        assert "상품 17 업로드 실패" in found[0]["text"]
        assert rows(state, "select status from runs") == [("running",)]
        (tmp_path / "go").touch()
        assert process.wait(60) == 0
    (alert,) = told(tmp_path)
    assert (alert["kind"], alert["run_id"]) == ("output", 1)
    assert "still running" in alert["body"]
    ((text,),) = rows(state, "select text from warnings")
    assert text == "step 1 wrote '실패' 2 times: 상품 17 업로드 실패"


def test_a_history_that_is_away_does_not_hurt(tmp_path: Path) -> None:
    """What cannot be told while the step runs is told at its end."""
    state = tmp_path / "state"
    where = write(
        tmp_path, f"mv {state}/batchctl.db {state}/away; echo ERROR 1; sleep 1; mv {state}/away {state}/batchctl.db"
    )
    done = subprocess.run([sys.executable, "-c", _OFTEN, *where, "run", "검색"], check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0
    (alert,) = told(tmp_path)
    assert (alert["kind"], alert["run_id"]) == ("output", 1)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        # in what is new
        ("a\n", "b 실패 c\n", {"실패": "b 실패 c"}),
        # across the place where the last look ended
        ("a 실", "패 c\n", {"실패": "a 실패 c"}),
        # not what was there before
        ("a 실패\n", "b\n", {}),
    ],
)
def test_only_what_is_new_is_looked_at(tmp_path: Path, first: str, then: str, expected: dict[str, str]) -> None:
    """Each look goes on where the last one ended."""
    log = tmp_path / "log"
    log.write_text(first, encoding="utf-8")
    _, read = outputs.since(["실패"], str(log), 0)
    assert read == len(first.encode())
    log.write_text(first + then, encoding="utf-8")
    assert outputs.since(["실패"], str(log), read) == (expected, len((first + then).encode()))


def test_no_log_no_word(tmp_path: Path) -> None:
    """A log that is not there has nothing to say, and is looked at from its beginning later."""
    assert outputs.since(["x"], str(tmp_path / "none"), 0) == ({}, 0)
