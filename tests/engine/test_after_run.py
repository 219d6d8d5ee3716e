"""What follows a run: expectations, alerts in the same breath, pings, retention, the lock free before any of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from endpoints import Web, without_proxy
from support import batchctl, rows

if TYPE_CHECKING:
    from pathlib import Path


def write(tmp_path: Path, text: str) -> list[str]:
    """Write a configuration and return the options that use it."""
    path = tmp_path / "batchctl.toml"
    path.write_text(text, encoding="utf-8")
    return ["--config", str(path), "--state", str(tmp_path / "state")]


@pytest.mark.parametrize(("fail", "code", "status"), [("true", 1, "failed"), ("false", 0, "succeeded")])
def test_an_unmet_expectation_warns_or_fails(tmp_path: Path, fail: str, code: int, status: str) -> None:
    """The warning is in the history either way; with `fail = true` the run fails and says why."""
    where = write(
        tmp_path,
        "[jobs.a]\nrun = 'echo {{\"collected\": 12}} > $BATCHCTL_RESULT; echo 업로드 실패'\n"
        f'alert_on_output = ["실패"]\n[jobs.a.expect]\ncollected = ">= 500"\nfail = {fail}\n',
    )
    done = batchctl(*where, "run", "a", "--json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (code, status)
    found = rows(tmp_path / "state", "select kind, text from warnings order by kind")
    assert [kind for kind, _ in found] == ["expect", "output"]
    assert "collected" in found[0][1]
    assert "실패" in found[1][1]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("run = 'echo {{\"n\": 12}} > $BATCHCTL_RESULT'\n", "--force"),  # all succeeded, only their result is wrong
        ("run = 'exit 3'\n", "--resume"),  # a step is left
    ],
)
def test_what_is_said_to_go_on_does_go_on(tmp_path: Path, steps: str, words: str) -> None:
    """Cron's mail, status and the alert end with one command, and it starts a run; `--resume` says it too."""
    where = write(
        tmp_path,
        f'on_alert = ["sh", "-c", "cat >> {tmp_path}/told"]\n[jobs.a]\nmin_gap = "1h"\n{steps}'
        '[jobs.a.expect]\nn = ">= 500"\nfail = true\n',
    )
    done = batchctl(*where, "run", "a")
    assert done.returncode == 1
    command = f"batchctl {' '.join(where)} run a {words}"
    label = "run it again" if words == "--force" else "resume it"
    assert done.stderr.splitlines()[-1] == f"  {label}: {command}"
    assert json.loads((tmp_path / "told").read_text())["body"].splitlines()[-1] == f"{label}: {command}"
    assert f"go on with a: {command}" in batchctl(*where, "status", env={"COLUMNS": "300"}).stdout
    assert batchctl(*command.split()[1:]).returncode == 1, "a run, no refusal"
    assert rows(tmp_path / "state", "select count(*) from runs") == [(2,)]
    if words == "--force":
        refused = batchctl(*where, "run", "a", "--resume")
        assert (refused.returncode, refused.stderr.splitlines()[-1]) == (
            2,
            "  → run all of it again: batchctl run a --force",
        )


def test_a_failure_and_its_recovery_are_told_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint gets one alert for the failure and one for the recovery, and the monitor its pings in order."""
    without_proxy(monkeypatch)
    flag = tmp_path / "ok"
    web = Web()
    try:
        where = write(
            tmp_path,
            f'notify = ["json://127.0.0.1:{web.port}/alert"]\n'
            f'[jobs.a]\nping_url = "http://127.0.0.1:{web.port}/ping"\nrun = "test -e {flag}"\n',
        )
        assert batchctl(*where, "run", "a").returncode == 1
        flag.touch()
        assert batchctl(*where, "run", "a").returncode == 0
        assert batchctl(*where, "run", "a").returncode == 0
    finally:
        web.close()
    assert web.paths.count("/alert") == 2
    pings = [path for path in web.paths if path.startswith("/ping")]
    assert pings == ["/ping/start", "/ping/1", "/ping/start", "/ping", "/ping/start", "/ping"]
    assert rows(tmp_path / "state", "select count(*) from outbox where sent_at is null") == [(0,)]


def test_an_endpoint_that_is_down_changes_nothing(tmp_path: Path) -> None:
    """The exit code is the run's, the alert waits."""
    where = write(tmp_path, 'notify = ["json://127.0.0.1:9/x"]\n[jobs.a]\nrun = "exit 3"\n')
    assert batchctl(*where, "run", "a").returncode == 1
    assert rows(tmp_path / "state", "select kind, sent_at from outbox") == [("failed", None)]


def test_retention_follows_the_run(tmp_path: Path) -> None:
    """With keep_runs = 2 the third run's end removes the first, logs included."""
    where = write(tmp_path, '[jobs.a]\nkeep_runs = 2\nrun = "echo x"\n')
    for _ in range(4):
        assert batchctl(*where, "run", "a").returncode == 0
    assert rows(tmp_path / "state", "select id from runs") == [(3,), (4,)]
    assert sorted(os.listdir(tmp_path / "state" / "runs")) == ["3", "4"]
