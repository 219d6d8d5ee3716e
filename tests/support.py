"""What several tests need: jobs built in memory, a state directory, waiting for a condition."""

from __future__ import annotations

import _sqlite3
import os
import pty
import select
import sqlite3
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from batchctl.core.model import Job, Rules, Step
from batchctl.core.time.cron import Schedule
from batchctl.core.time.zones import NamedZone
from batchctl.crontab import firing

if TYPE_CHECKING:
    from collections.abc import Callable


SEOUL = NamedZone("Asia/Seoul")


def rules(**changes: Any) -> Rules:
    """Return rules in Seoul's time, with these changes."""
    return Rules(**{"zone": SEOUL, **changes})


def step(step_id: str = "1", run: str | None = "true", **changes: Any) -> Step:
    """Return a step that runs a shell line."""
    return Step(**{"id": step_id, "run": None if changes.get("argv") else run, **changes})


def job(*steps: Step, name: str = "작업", **changes: Any) -> Job:
    """Return a job of these steps, by default one that succeeds at once."""
    own_rules = {key: changes.pop(key) for key in list(changes) if key in Rules._fields}
    return Job(
        **{
            "name": name,
            "schedule": Schedule(),
            "rules": rules(**own_rules),
            "steps": steps or (step(),),
            **changes,
        }
    )


def wait_for(condition: Callable[[], Any], what: str, limit: float = 20.0) -> Any:
    """Return what the condition returns once it is true; fail with `what` after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            message = f"waited {limit} s in vain for: {what}"
            raise AssertionError(message)
        time.sleep(0.01)


def patience(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list that grows by the seconds which each connection made from now on waits for others."""
    found: list[float] = []
    connect = _sqlite3.connect

    def noting(*arguments: Any, **options: Any) -> sqlite3.Connection:
        found.append(options.get("timeout", 5.0))
        connection: sqlite3.Connection = connect(*arguments, **options)
        return connection

    for module in (sqlite3, _sqlite3):
        monkeypatch.setattr(module, "connect", noting)
    return found


def rows(state: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Return what a query on the history says."""
    connection = sqlite3.connect(state / "batchctl.db")
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


@cache
def _no_terminal() -> str:
    """Return why tests cannot have a terminal; empty where they can."""
    try:
        master, slave = pty.openpty()
    except OSError as error:
        return f"no terminal can be had: {error.strerror}"
    with open(master, "rb", buffering=0) as terminal:
        os.write(slave, b"x")
        os.close(slave)
        seen = b""
        while select.select([terminal], [], [], 5.0)[0]:
            try:
                seen += terminal.read(64)
            except OSError:  # EIO: the last process has let go of it
                return "" if seen == b"x" else f"a terminal passes on {seen!r} for 'x'"
    return "a terminal does not tell when the last process lets go of it"


def open_terminal() -> tuple[int, int]:
    """Return the descriptors of a new terminal, ours and the program's; skip the test where none can be had."""
    if reason := _no_terminal():
        pytest.skip(reason)
    return pty.openpty()


def cron_fires_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every job be fired by a running cron, whatever the machine of the tests has."""
    monkeypatch.setattr(
        firing,
        "look",
        lambda config, _state: firing.Firing(cron="running", block="installed", jobs=frozenset(config.jobs)),
    )


def children() -> set[int]:
    """Return the children of this process, zombies too, whoever started them."""
    return {int(pid) for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


def alive(pid: int) -> bool:
    """Say whether a process lives; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def batchctl(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the real command line in a process of its own, without a terminal."""
    options.setdefault("timeout", 120)
    return subprocess.run(
        [sys.executable, "-m", "batchctl", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )


def start_batchctl(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start the real command line and return at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "batchctl", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **options,
    )


def cron_environment(home: Path) -> dict[str, str]:
    """Return what Debian's cron gives a job: crontab(5)."""
    return {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "SHELL": "/bin/sh",
        "LOGNAME": os.environ.get("LOGNAME", "root"),
    }
