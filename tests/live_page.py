"""A report of a moment in which something runs, something is broken, and something is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from history_rows import DAY, HOUR, Rows

from batchctl.base import clock
from batchctl.process import identity

if TYPE_CHECKING:
    from pathlib import Path

_STEPS = (("31", 5.5), ("32", 4.0), ("33", 4.0), ("61", 4.5), ("62", 4.0), ("63", 4.0))
_CONFIG = """
timezone = "Asia/Seoul"
[jobs."일괄-수집"]
schedule = "0 %d * * *"
timeout = "30h"
steps = [
  { id = "31", run = "true" }, { id = "32", run = "true" }, { id = "33", run = "true" },
  { id = "61", run = "true" }, { id = "62", run = "true" }, { id = "63", run = "true" },
]
[jobs."재고-동기화"]
schedule = "*/10 * * * *"
run = "true"
[jobs.after-all]
after = "일괄-수집"
run = "true"
"""


def write(place: Path) -> list[str]:
    """Write configuration and history; the running run is 11.8 hours old, in its third step at 57 of 100."""
    rows, now = Rows(place / "state"), clock.now()
    soon = int((now + (9 + 3) * HOUR) // HOUR % 24)  # in Seoul: the next fire falls into the run, at any hour
    (place / "c.toml").write_text(_CONFIG % soon, encoding="utf-8")
    for day in range(10, 0, -2):
        run = rows.run("일괄-수집", now - day * DAY - HOUR, 26 * HOUR)
        for seq, (step, hours) in enumerate(_STEPS, 1):
            rows.step(run, seq, step, duration_s=hours * HOUR)
    run, began = rows.run("일괄-수집", now - 11.8 * HOUR, None, owner=identity.myself()), now - 11.8 * HOUR
    for seq, (step, hours) in enumerate(_STEPS, 1):
        status = "succeeded" if seq < 3 else "running" if seq == 3 else "pending"
        rows.step(run, seq, step, status, duration_s=hours * HOUR if seq < 3 else None, started_at=began)
        began += hours * HOUR
    (place / "state" / "runs" / str(run)).mkdir(parents=True)
    (place / "state" / "runs" / str(run) / "3.progress").write_text("57/100\n")
    broken = rows.run("재고-동기화", now - 1000, 40.0, "failed")
    rows.step(broken, 1, "1", "failed", duration_s=40.0, exit_code=3)
    rows.change("update runs set why = 'step 1: <exit> code 3' where id = ?", broken)
    rows.insert(
        "outbox",
        event_id=f"failed:{broken}",
        job="재고-동기화",
        run_id=broken,
        kind="failed",
        severity="warning",
        title="재고-동기화: run 7 failed",
        body="-",
        created_at=now - 960,
        lasting=1,
    )
    (place / "state" / "history-began").touch(0o600)
    return ["--config", str(place / "c.toml"), "--state", str(place / "state")]
