"""Fires in processes of their own, and what they leave behind."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, finalize

from support import alive, rows

if TYPE_CHECKING:
    from batchctl.core.model import Job

_ERRORS: WeakKeyDictionary[subprocess.Popen[bytes], int] = WeakKeyDictionary()
"""What each fire says on stderr."""
PROGRAMS = Path(__file__).parent / "faults" / "programs"


def start(what: Job, state: Path, *, wrapped: tuple[str, ...] = (), **options: Any) -> subprocess.Popen[bytes]:
    """Start a fire and return at once; `wrapped` is the command that starts it in turn, for example nohup."""
    # Away from the terminal of whoever runs the tests: what SIGHUP means depends on it.
    errors = os.memfd_create("errors")  # no pipe: what a step leaves behind would keep that open
    popen: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": errors, "start_new_session": True}
    popen |= {name: options.pop(name) for name in ("env", "pass_fds") if name in options}
    command = [*wrapped, sys.executable, str(PROGRAMS / "fire.py")]
    process: subprocess.Popen[bytes] = subprocess.Popen(command, stdin=subprocess.PIPE, **popen)
    assert process.stdin
    process.stdin.write(pickle.dumps((what, str(state), options)))
    process.stdin.close()
    process.stdin = None
    _ERRORS[process] = errors
    finalize(process, os.close, errors)
    return process


def ended(process: subprocess.Popen[bytes], limit: float = 60) -> dict[str, Any]:
    """Wait for a fire and return the contract's object with the exit code as `code`; without one, `said` is why."""
    out, _ = process.communicate(timeout=limit)
    if out:
        found: dict[str, Any] = json.loads(out)
        return found | {"code": process.returncode}
    return {"code": process.returncode, "said": os.pread(_ERRORS[process], 1 << 16, 0).decode(errors="replace")}


def fire(what: Job, state: Path, **options: Any) -> dict[str, Any]:
    """Fire, wait, and return the contract's object."""
    return ended(start(what, state, **options))


def with_argument(token: str) -> list[int]:
    """Return every living process that has the token in its command line, which no `env -i` takes away."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and token.encode() in Path("/proc", name, "cmdline").read_bytes() and alive(int(name)):
                found.append(int(name))
        except OSError:
            continue
    return found


def pid_of_attempt(state: Path) -> int | None:
    """Return the pid of the first attempt that the history knows."""
    if not (state / "history-began").exists():
        return None
    found = rows(state, "select pid from attempts where pid is not null")
    return int(found[0][0]) if found else None


def execute(state: Path, change: str) -> None:
    """Change the history behind batchctl's back."""
    import sqlite3

    connection = sqlite3.connect(state / "batchctl.db", timeout=20)
    with connection:
        connection.execute(change)
    connection.close()


def make_stale(state: Path) -> None:
    """Let the running run look 100,000 seconds older."""
    execute(state, "update runs set started_mono_s = started_mono_s - 100000 where status = 'running'")
