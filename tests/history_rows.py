"""Histories for tests: databases made by the real migrations, and rows put into them."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from batchctl.base import clock
from batchctl.core.run import Identity
from batchctl.process import identity
from batchctl.store.migrations import migrations

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600.0
DAY = 86400.0
DEAD = Identity(host=identity.host(), boot_id="00000000-another-boot", pid=1, start_ticks=1)


class Rows:
    """A history in a state directory of its own."""

    def __init__(self, state: Path) -> None:
        """Make the empty history."""
        state.mkdir(mode=0o700, exist_ok=True)
        self.state = state
        database = Database(state / "batchctl.db", execute_plugins=False)
        migrations.apply(database)
        database.conn.execute("pragma journal_mode = wal")
        database.close()

    def insert(self, table: str, **values: Any) -> int:
        """Insert one row and return its id."""
        connection = sqlite3.connect(self.state / "batchctl.db", isolation_level=None)
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        row = connection.execute(f"insert into {table} ({names}) values ({marks})", tuple(values.values()))  # noqa: S608
        connection.close()
        return int(row.lastrowid or 0)

    def change(self, query: str, *values: object) -> None:
        """Change rows."""
        connection = sqlite3.connect(self.state / "batchctl.db", isolation_level=None)
        connection.execute(query, values)
        connection.close()

    def run(
        self,
        job: str,
        started: float,
        duration: float | None = 60.0,
        status: str = "succeeded",
        owner: Identity = DEAD,
    ) -> int:
        """Insert a run; one without duration is running, by `owner`."""
        return self.insert(
            "runs",
            job=job,
            status="running" if duration is None else status,
            started_at=started,
            ended_at=None if duration is None else started + duration,
            duration_s=duration,
            exit_code=None if duration is None else int(status != "succeeded"),
            host=owner.host,
            boot_id=owner.boot_id,
            pid=owner.pid,
            start_ticks=owner.start_ticks,
            started_mono_s=clock.monotonic() - max(0.0, clock.now() - started),
            token="0" * 24,
        )

    def step(self, run: int, seq: int, step: str, status: str = "succeeded", **values: Any) -> None:
        """Insert a step of a run."""
        if "result" in values:
            values["result"] = json.dumps(values["result"], ensure_ascii=False)
        self.insert("steps", **{"run_id": run, "seq": seq, "step": step, "status": status, "attempts": 1} | values)

    def log(self, run: int, seq: int, attempt: int, output: bytes) -> Path:
        """Insert an attempt and write its log."""
        name = f"runs/{run}/{seq}.{attempt}.log"
        path = self.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(output)
        self.insert(
            "attempts", run_id=run, seq=seq, attempt=attempt, status="succeeded", started_at=clock.now(), log=name
        )
        return path

    def skip(
        self, job: str, at: float, reason: str = "already_running", count: int = 1, run: int | None = None
    ) -> None:
        """Insert a row of skips, the last of them an hour after the first where there is more than one."""
        last = at + (HOUR if count > 1 else 0.0)
        self.insert("skips", job=job, reason=reason, run_id=run, count=count, first_at=at, last_at=last)


def in_c_locale() -> dict[str, str]:
    """Return the environment of this process with the C locale."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}
