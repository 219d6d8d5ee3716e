"""Steps that run although something failed, timed out or was stopped, and steps that run only then."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from firing import ended, fire, start
from support import batchctl, job, rows, step, wait_for

from batchctl.base.errors import ConfigError
from batchctl.config import load
from batchctl.core.model import Selection

if TYPE_CHECKING:
    from pathlib import Path

    from batchctl.core.model import Step


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


def clean(run: str = "true", step_id: str = "clean", **changes: Any) -> Step:
    """Return a step that runs whatever happens before it."""
    return step(step_id, run, when="always", **changes)


def notify(run: str = "true", step_id: str = "notify", **changes: Any) -> Step:
    """Return a step that runs only after a failure."""
    return step(step_id, run, when="on_failure", **changes)


@pytest.mark.parametrize(
    ("steps", "more", "status", "code", "statuses"),
    [
        # all is well: what is only for failures is not needed
        ([step("a"), clean(), notify()], {}, "succeeded", 0, "succeeded succeeded skipped"),
        # a failure: both run, and change nothing
        ([step("a", "exit 3"), step("b"), clean(), notify()], {}, "failed", 1, "failed blocked succeeded succeeded"),
        # they fail as well: still the status of what failed first
        ([step("a", "sleep 9", timeout=0.1), clean("exit 3")], {}, "timed_out", 124, "timed_out failed"),
        # they fail where everything else succeeded
        ([step("a"), clean("exit 3")], {}, "failed", 1, "succeeded failed"),
        ([step("a"), clean("sleep 9", timeout=0.1)], {}, "timed_out", 124, "succeeded timed_out"),
        # in the midst of the chain: they hold nothing back
        ([step("a"), clean("exit 3"), step("b")], {}, "failed", 1, "succeeded failed succeeded"),
        ([notify(), step("a", "exit 3"), notify(step_id="n")], {}, "failed", 1, "skipped failed succeeded"),
        # after a failure that the chain goes on from
        (
            [step("a", "exit 3", continue_on_failure=True), notify(), step("b")],
            {},
            "failed",
            1,
            "failed succeeded succeeded",
        ),
        # one failed clean-up is a failure for what follows failures
        ([step("a"), clean("exit 3"), notify()], {}, "failed", 1, "succeeded failed succeeded"),
        # the job's budget ends the chain, and not what cleans up
        ([step("a", "sleep 9"), step("b"), clean("sleep 0.3")], {"timeout": 0.2}, "timed_out", 124,
         "timed_out blocked succeeded"),
        ([step("a"), clean("sleep 0.5")], {"timeout": 0.3}, "succeeded", 0, "succeeded succeeded"),
        # … it is spent all the same for what is left of the chain
        ([step("a"), clean("sleep 0.5"), step("b")], {"timeout": 0.3}, "timed_out", 124, "succeeded succeeded blocked"),
    ],
)  # fmt: skip
def test_when_a_step_runs(
    state: Path, steps: list[Step], more: dict[str, Any], status: str, code: int, statuses: str
) -> None:
    """Status and exit code are those of the chain, unless all of that succeeded."""
    found = fire(job(*steps, **more), state)
    assert [each["status"] for each in found["steps"]] == statuses.split()
    assert (found["status"], found["code"]) == (status, code)


def test_all_that_failed_is_named_the_chain_first(state: Path) -> None:
    """A clean-up that fails beside the chain does not hide what it was to clean up after."""
    fire(job(clean("exit 4", "before"), step("a", "exit 3"), clean("exit 5", "after")), state)
    said = "step a: exit code 3; step before: exit code 4; step after: exit code 5"
    assert rows(state, "select why from runs") == [(said,)]


def waiting(tmp_path: Path) -> tuple[Any, Path, Path, Path]:
    """Return a job whose step hangs and whose clean-up waits, the files that say so, and the file that it waits for."""
    up, cleaning, go = tmp_path / "up", tmp_path / "cleaning", tmp_path / "go"
    what = job(
        step("a", f"touch {up}; sleep 60"),
        step("b"),
        clean(f"touch {cleaning}; while ! test -e {go}; do sleep 0.01; done"),
    )
    return what, up, cleaning, go


def test_a_stopped_run_cleans_up(state: Path, tmp_path: Path) -> None:
    """The signal ends the step under way and blocks the chain; the clean-up goes on to its own end."""
    what, up, cleaning, go = waiting(tmp_path)
    process = start(what, state)
    wait_for(up.exists, "the step")
    process.send_signal(signal.SIGTERM)
    wait_for(cleaning.exists, "the clean-up")
    go.touch()
    found = ended(process)
    assert [each["status"] for each in found["steps"]] == ["cancelled", "blocked", "succeeded"]
    assert (found["status"], found["code"]) == ("cancelled", 143)


def test_a_second_signal_ends_the_cleaning_up_too(state: Path, tmp_path: Path) -> None:
    """Whoever insists is obeyed: no further step is started, and the exit code is that of the first signal."""
    what, up, cleaning, _ = waiting(tmp_path)
    process = start(job(*what.steps, clean(step_id="last")), state)
    wait_for(up.exists, "the step")
    process.send_signal(signal.SIGINT)
    wait_for(cleaning.exists, "the clean-up")
    process.send_signal(signal.SIGTERM)
    found = ended(process)
    assert [each["status"] for each in found["steps"]] == ["cancelled", "blocked", "cancelled", "blocked"]
    assert (found["status"], found["code"]) == ("cancelled", 130)


def test_stop_waits_for_the_cleaning_up(tmp_path: Path) -> None:
    """`batchctl stop` does not take a batchctl that cleans up for a deaf one."""
    config, state, up = tmp_path / "c.toml", tmp_path / "state", tmp_path / "up"
    config.write_text(
        f"""[[jobs.a.steps]]
id = "1"
run = "touch {up}; sleep 60"
[[jobs.a.steps]]
id = "2"
run = "sleep 7"
when = "always"
"""
    )
    given = ["--config", str(config), "--state", str(state)]
    process = start(load(str(config)).jobs["a"], state)
    wait_for(up.exists, "the step")
    assert batchctl(*given, "stop", "a").returncode == 0
    assert ended(process)["status"] == "cancelled"
    assert rows(state, "select status from steps order by seq") == [("cancelled",), ("succeeded",)]


def test_a_resumed_run_cleans_up_again(state: Path, tmp_path: Path) -> None:
    """What succeeded in the chain is not run again; what follows the chain follows the rest of it as well."""
    trace, fixed = tmp_path / "trace", tmp_path / "fixed"
    what = job(
        step("a", f"echo a >> {trace}"),
        step("b", f"echo b >> {trace}; test -e {fixed}"),
        clean(f"echo clean >> {trace}"),
        notify(f"echo notify >> {trace}"),
    )
    assert fire(what, state)["code"] == 1
    fixed.touch()
    found = fire(what, state, selection=Selection(resume=True))
    assert found["code"] == 0
    assert [each["status"] for each in found["steps"]] == ["skipped", "succeeded", "succeeded", "skipped"]
    assert trace.read_text().split() == ["a", "b", "clean", "notify", "b", "clean"]


def test_a_clean_up_alone_can_be_resumed(state: Path, tmp_path: Path) -> None:
    """Where it was all that failed, it is all that is left."""
    what = job(step("a"), clean(f"test -e {tmp_path}/fixed"))
    assert fire(what, state)["code"] == 1
    (tmp_path / "fixed").touch()
    found = fire(what, state, selection=Selection(resume=True))
    assert ([each["status"] for each in found["steps"]], found["code"]) == (["skipped", "succeeded"], 0)


_KEYS = """[jobs.a.groups.g]
parallel = {parallel}
[[jobs.a.steps]]
id = "1"
run = "true"
{first}
[[jobs.a.steps]]
id = "2"
group = "g"
run = "true"
{second}
"""


@pytest.mark.parametrize(
    ("second", "timeout"),
    [
        ('when = "always"', 300.0),  # a stopped run must not go on for ever
        ('when = "on_failure"', 300.0),
        ('when = "always"\ntimeout = "1h"', 3600.0),
        ('when = "on_success"', None),
    ],
)
def test_the_budget_of_such_a_step(tmp_path: Path, second: str, timeout: float | None) -> None:
    """It is five minutes unless the step says otherwise; other steps have none."""
    path = tmp_path / "c.toml"
    path.write_text(_KEYS.format(parallel="false", first="", second=second))
    assert load(str(path)).jobs["a"].steps[1].timeout == timeout


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"second": 'when = "sometimes"'}, "jobs.a.steps.2.when: 'sometimes' is not one of its values"),
        ({"parallel": "true", "second": 'when = "always"'}, "jobs.a.groups.g.parallel: one of its steps has `when`"),
        ({"first": 'when = "always"', "second": 'when = "on_failure"'}, "every step only follows others"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    """The configuration says which key, and what to do."""
    path = tmp_path / "c.toml"
    path.write_text(_KEYS.format(**{"parallel": "false", "first": "", "second": ""} | changes))
    with pytest.raises(ConfigError, match=re.escape(said)) as raised:
        load(str(path))
    assert raised.value.remedy


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_plan_says_when(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """`run --dry-run` and `jobs show` say of such a step that it is one, at every width."""
    monkeypatch.setenv("COLUMNS", columns)
    path = tmp_path / "c.toml"
    path.write_text(_KEYS.format(parallel="false", first="", second='when = "always"'))
    given = ["--config", str(path), "--state", str(tmp_path / "s")]
    plan = ["  > 1: true", "  > 2 [g]: true, whatever happens before it, timeout 5m 00s"]
    said = batchctl(*given, "run", "a", "--dry-run").stdout
    assert said.splitlines() == ["a would start now", "", "plan:", *plan]
    assert '"when": "always"' in batchctl(*given, "run", "a", "--dry-run", "--json").stdout
    assert 'when = "always"' in batchctl(*given, "jobs", "show", "a").stdout


def test_a_run_that_needed_no_clean_up_is_a_whole_run(state: Path) -> None:
    """What only a failure starts, and none came, makes no part of the run: for alerts, recovery and what follows."""
    from batchctl.store import database, ends, following, recovery

    what = job(step("a"), notify("exit 3"))
    assert fire(job(step("a", "exit 3"), notify("exit 3")), state)["code"] == 1
    assert fire(what, state)["code"] == 0
    with database.Opened(str(state), create=False) as connection:
        found = ends.end_of(connection, what.name, 2)
        assert found is not None
        assert not found.partial
        assert following.is_whole(connection, 2)
        assert recovery.last_good(connection, what.name) == 2, "a clean-up that failed and is not needed is mended"
