"""The engine decides, whatever carries out its steps and keeps its fires apart: adapters known by name only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from firing import PROGRAMS, fire
from support import job, rows, step

from batchctl.core.model import Step
from batchctl.engine import fire as engine_fire

if TYPE_CHECKING:
    from pathlib import Path

_EXECUTOR, _LEASE = "toy_adapters:ToyExecutor", "toy_adapters:ToyLease"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


def toy(step_id: str, *argv: str, **changes: Any) -> Step:
    """Return a step that the toy executor carries out."""
    return step(step_id, argv=argv, executor=_EXECUTOR, **changes)


def told(state: Path) -> list[str]:
    """Return what the toy executor was told beyond starting."""
    place = state / "runs" / "1" / "told"
    return place.read_text().split() if place.exists() else []


@pytest.mark.parametrize(
    ("given", "status", "code", "attempts", "said"),
    [
        (toy("1", "end", "0", "0.05"), "succeeded", 0, 1, []),
        (toy("1", "end", "3", "0"), "failed", 1, 1, []),
        (toy("1", "end", "3", "0", retries=2), "failed", 1, 3, []),  # the engine tries again
        (toy("1", "refuse", "0", "0"), "failed", 1, 1, []),  # what cannot be started has failed
        (toy("1", "end", "0", "60", timeout=0.1), "timed_out", 124, 1, ["terminate"]),  # a budget is the engine's
        (toy("1", "deaf", "0", "60", timeout=0.1, grace=0.1), "timed_out", 124, 1, ["terminate", "kill"]),
        (toy("1", "linger", "0", "60"), "succeeded", 0, 1, ["terminate"]),  # what is left behind is ended
        (toy("1", "linger", "0", "0"), "succeeded", 0, 1, []),
    ],
    ids=["end", "fail", "retry", "refuse", "timeout", "deaf", "linger", "over"],
)
def test_an_executor_does_what_the_engine_decides(
    state: Path, given: Step, status: str, code: int, attempts: int, said: list[str]
) -> None:
    """Retries, budgets, grace and what is left behind are the same for attempts that are no processes of this host."""
    found = fire(job(given, grace=5.0), state)
    assert (found["status"], found["code"]) == (status, code)
    assert [one["attempts"] for one in found["steps"]] == [attempts]
    assert told(state) == said
    assert set(rows(state, "select pid, start_ticks from attempts")) == {(None, None)}


def test_a_jobs_budget_ends_what_others_carry_out(state: Path) -> None:
    """The job's timeout stops the step under way and blocks the rest, here as there."""
    found = fire(job(toy("1", "end", "0", "60"), step("2"), timeout=0.2), state)
    assert (found["status"], found["code"]) == ("timed_out", 124)
    assert [one["status"] for one in found["steps"]] == ["timed_out", "blocked"]
    assert told(state) == ["terminate"]


def test_executors_work_side_by_side(state: Path, tmp_path: Path) -> None:
    """One run may have steps here and elsewhere, one after the other and at the same time."""
    from batchctl.core.model import Group

    together = (step("a", f"sleep 0.1; touch {tmp_path}/a", group="g"), toy("b", "end", "0", "0.1", group="g"))
    found = fire(job(*together, toy("c", "end", "0", "0"), groups=(Group(name="g", parallel=True),)), state)
    assert [one["status"] for one in found["steps"]] == ["succeeded"] * 3
    assert (tmp_path / "a").exists()
    assert [pid is None for (pid,) in rows(state, "select pid from attempts order by seq")] == [False, True, True]


def test_a_lease_of_another_kind_excludes_fires(state: Path) -> None:
    """While it is held a fire skips as `locked`; its fence reaches the steps, and it is left off at the end."""
    what = job(step("1", "echo $BATCHCTL_FENCE; test -e ../../../toy-lease || true"), lease=_LEASE)
    assert fire(what, state)["code"] == 0
    assert (state / "runs/1/1-1.log").read_text() == "7\n"
    assert not (state / "toy-lease").exists()
    (state / "toy-lease").touch()
    skipped = fire(what, state)
    assert (skipped["code"], skipped["reason"]) == (75, "locked")
    assert not (state / "locks").exists()


def test_status_asks_the_same_lease(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only looks is told of the lock that counts."""
    monkeypatch.syspath_prepend(str(PROGRAMS))
    what = job(lease=_LEASE)
    fire(what, state)
    assert not engine_fire.state_of(what, str(state)).lock_held
    (state / "toy-lease").touch()
    assert engine_fire.state_of(what, str(state)).lock_held


@pytest.mark.parametrize(
    "what",
    [
        job(toy("1", "end", "0", "0"), step("2", executor="no_such_module:Executor")),
        job(step("1", executor="toy_adapters:NoSuchExecutor")),
        job(lease="no_such_module:Lease"),
    ],
    ids=["module", "attribute", "lease"],
)
def test_an_adapter_that_is_not_installed_starts_nothing(state: Path, what: Any) -> None:
    """It is missed before the row is written: the extra may have gone with an upgrade, and no step may run without."""
    assert fire(what, state)["code"] == 78
    assert rows(state, "select count(*) from runs") == [(0,)]
    assert rows(state, "select count(*) from skips") == [(0,)]
