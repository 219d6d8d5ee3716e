"""The order of steps, retries and outcomes."""

from __future__ import annotations

import pytest
from support import step

from batchctl.core.guard.plan import retry_delay, stages
from batchctl.core.model import Group
from batchctl.core.outcome import exit_code, run_status
from batchctl.core.run import StepRun


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        # no group is parallel: one after another
        ((), [("31", 1), ("32", 1), ("61", 1), ("62", 1)]),
        # one parallel group
        ((Group(name="k", parallel=True),), [("31 32", 2), ("61", 1), ("62", 1)]),
        # a limit
        ((Group(name="k", parallel=True, max_parallel=1),), [("31 32", 1), ("61", 1), ("62", 1)]),
        # two neighbouring parallel groups stay apart
        (
            (Group(name="k", parallel=True), Group(name="u", parallel=True, max_parallel=9)),
            [("31 32", 2), ("61 62", 2)],
        ),
    ],
)
def test_stages(groups: tuple[Group, ...], expected: list[tuple[str, int]]) -> None:
    """Neighbours of one parallel group share a stage; everything else stands alone."""
    chain = [step("31", group="k"), step("32", group="k"), step("61", group="u"), step("62", group="u")]
    found = stages([StepRun(seq, one) for seq, one in enumerate(chain, 1)], groups)
    assert [(" ".join(one.step.id for one in stage.steps), stage.limit) for stage in found] == expected


@pytest.mark.parametrize(
    ("delay", "backoff", "longest", "failures", "expected"),
    [
        (30, 1, None, 3, 30),  # constant
        (30, 2, None, 3, 120),  # doubling
        (30, 2, 60, 3, 60),  # capped
        (0, 2, None, 5, 0),  # at once
        (1, 100, None, 10_000, 86400 * 365),  # absurd numbers stay numbers
    ],
)
def test_retry_delay(delay: float, backoff: float, longest: float | None, failures: int, expected: float) -> None:
    """The delay grows by the backoff up to its cap."""
    assert retry_delay(delay, backoff, longest, failures) == expected


@pytest.mark.parametrize(
    ("steps", "timed_out", "stopped_by", "status", "code"),
    [
        (["succeeded", "skipped"], False, None, "succeeded", 0),
        (["failed", "blocked"], False, None, "failed", 1),
        (["succeeded", "timed_out", "blocked"], False, None, "timed_out", 124),  # a step's own budget
        (["failed", "timed_out"], False, None, "failed", 1),  # the first one counts
        (["timed_out", "blocked"], True, None, "timed_out", 124),  # the job's budget
        (["cancelled", "blocked"], False, 15, "cancelled", 143),
        (["timed_out"], True, 2, "cancelled", 130),  # the operator's word counts most
    ],
)
def test_outcome(steps: list[str], timed_out: bool, stopped_by: int | None, status: str, code: int) -> None:
    """Run status and exit code follow from the steps, the budget and the stop signal."""
    assert run_status(steps, timed_out=timed_out, stopped_by=stopped_by) == status
    assert exit_code(status, stopped_by=stopped_by) == code
