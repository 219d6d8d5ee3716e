"""In which order a run's steps go, and side by side with which."""

from __future__ import annotations

from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.model import Group
    from batchctl.core.run import StepRun


class Stage(Record):
    """Steps that may run at the same time, at most `limit` of them; stages follow one another."""

    steps: tuple[StepRun, ...]
    limit: int


def stages(steps: Sequence[StepRun], groups: Sequence[Group]) -> list[Stage]:
    """Return the stages of these steps: each step alone, but neighbours of one parallel group together."""
    parallel = {group.name: group for group in groups if group.parallel}
    found: list[list[StepRun]] = []
    for step in steps:
        group = parallel.get(step.step.group or "")
        before = found[-1] if found else []
        if group is not None and before and before[-1].step.group == group.name:
            before.append(step)
        else:
            found.append([step])
    limits = (None if len(steps) == 1 else parallel[steps[0].step.group or ""].max_parallel for steps in found)
    return [
        Stage(steps=tuple(steps), limit=min(limit or len(steps), len(steps)))
        for steps, limit in zip(found, limits, strict=True)
    ]


def retry_delay(delay: float, backoff: float, longest: float | None, failures: int) -> float:
    """Return the seconds before the next attempt after `failures` failed ones: delay * backoff^(failures-1), capped."""
    try:
        wait = delay * backoff ** (failures - 1)
    except OverflowError:
        wait = float("inf")
    wait = wait if longest is None else min(wait, longest)
    return min(wait, 86400.0 * 365)
