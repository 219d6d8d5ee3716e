"""What of a job is broken, and what mends it: recovered means that what failed has succeeded.

Pure. `run JOB --only 33` after step 31 has failed mends nothing; a whole run that succeeds does, as does `--resume`.
"""

from __future__ import annotations

from batchctl.core.model import BLOCKED, CANCELLED, FAILURES, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def broken_after(before: frozenset[str], status: str, steps: Mapping[str, str]) -> frozenset[str]:
    """Return the steps that have failed and not succeeded since, once a run has ended so; `steps` are its statuses.

    A step that the run does not know any more is forgotten. Where no step failed (the batchctl vanished between two, or
    the results were not as expected), what was not reached or else what was done is to be done again.
    """
    done = frozenset(step for step, how in steps.items() if how == SUCCEEDED)
    left = (before & steps.keys()) - done
    if status in {SUCCEEDED, CANCELLED}:
        return left
    failed = frozenset(step for step, how in steps.items() if how in FAILURES)
    return left | (failed or frozenset(step for step, how in steps.items() if how == BLOCKED) or done)
