"""`guard()`: any Python program under the guard of a job."""

from __future__ import annotations

from batchctl.base.errors import EXIT_SKIPPED, BatchctlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


class Skipped(BatchctlError):  # noqa: N818 - no error of anybody's: the guard did what it is there for
    """The guard let nothing start: `reason` is the check that failed, `until` when it will pass, where it is known."""

    exit_code = EXIT_SKIPPED

    def __init__(self, job: str, reason: str, detail: str, until: datetime | None = None) -> None:
        """Keep why, and until when."""
        super().__init__(f"{job} is skipped: {detail or reason}", remedy=f"see `batchctl explain {job}`")
        self.job, self.reason, self.detail, self.until = job, reason, detail, until
