"""How a run ends: from what its steps did to its status and exit code."""

from __future__ import annotations

from batchctl.base.errors import EXIT_FAILED, EXIT_OK, EXIT_SIGNAL_BASE, EXIT_TIMED_OUT
from batchctl.core import model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def run_status(step_statuses: Sequence[str], *, timed_out: bool, stopped_by: int | None) -> str:
    """Return the status of a run that has no step left to do.

    `timed_out` means the job's own budget; `stopped_by` is the signal that ended it. A step that exceeded its own
    budget after its retries makes the run `timed_out`, unless another step simply failed first.
    """
    if stopped_by is not None:
        return model.CANCELLED
    if timed_out:
        return model.TIMED_OUT
    for status in step_statuses:
        if status in {model.FAILED, model.TIMED_OUT, model.CANCELLED}:
            return status
    return model.SUCCEEDED


def exit_code(status: str, *, stopped_by: int | None = None) -> int:
    """Return what `batchctl run` exits with for a run that ended so."""
    if stopped_by is not None:
        return EXIT_SIGNAL_BASE + stopped_by
    return {model.SUCCEEDED: EXIT_OK, model.TIMED_OUT: EXIT_TIMED_OUT}.get(status, EXIT_FAILED)
