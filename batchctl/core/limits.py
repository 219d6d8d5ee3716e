"""What a step may use, and as whom it runs."""

from __future__ import annotations

from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    IoClass = Literal["idle", "best-effort", "realtime"]


class Limits(Record):
    """What a job or a step says of it; None is no limit, and the user that batchctl itself runs as."""

    memory_max: int | None = None
    """Bytes."""
    cpu_max: float | None = None
    """Processors: 1.5 is one and a half."""
    tasks_max: int | None = None
    """Processes and threads."""
    nice: int | None = None
    io_class: IoClass | None = None
    user: str | None = None

    @property
    def of_the_tree(self) -> bool:
        """Whether there is anything to limit that only a control group limits for all processes together."""
        return (self.memory_max, self.cpu_max, self.tasks_max) != (None, None, None)


NONE = Limits()


def effective(job: Limits, step: Limits) -> Limits | None:
    """Return the limits of a step within its job, None where there are none."""
    if job == NONE == step:
        return None
    own = {name: value for name, value in step.__dict__.items() if value is not None}
    return Limits(**{**job.__dict__, **own})
