"""What this machine says of a running row: whether its owner lives, whether its steps left anything behind."""

from __future__ import annotations

from batchctl import clock, locking
from batchctl.core.decide import Running
from batchctl.process import identity, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.store.guard import RunningRow


def judged(row: RunningRow, state_dir: str, *, lock_is_mine: bool = False) -> Running:
    """Return the running row with the machine's verdict on its owner and on what its steps left behind.

    A lock that is held by the asking fire itself (`lock_is_mine`) is held by nothing that was left behind.
    """
    owner = identity.life(row.owner)
    same_boot = row.owner.boot_id == clock.boot_id()
    return Running(
        run_id=row.run_id,
        started_at=row.started_at,
        owner=owner,
        # Looked for only where it decides: a living owner blocks anyway, and after a reboot nothing can be left.
        left_behind=owner == "dead"
        and same_boot
        and ((not lock_is_mine and locking.is_held(state_dir, row.job)) or bool(tree.marked(row.token))),
        age=max(0.0, clock.monotonic() - row.started_mono) if same_boot else None,
    )
