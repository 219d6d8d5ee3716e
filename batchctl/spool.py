"""The second place for the end of a run: a file reserved on disk before the run begins.

`spool/ID.reserved` holds blocks and no content; `keep` fills it in place and renames it to `spool/ID.json`, which needs
no new block even on a full disk. `import_all` brings it into the history and removes it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from batchctl.core.run import Identity, Run

_RESERVED_BYTES = 128 * 1024


def _path(state_dir: str, run_id: int, kind: str) -> str:
    return f"{state_dir}/spool/{run_id}.{kind}"


def reserve(state_dir: str, run_id: int) -> None:
    """Take the blocks for a run's spool file.

    Raises:
        OSError: if there is no room, in which case the run must not start.
    """
    os.makedirs(f"{state_dir}/spool", mode=0o700, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(_path(state_dir, run_id, "reserved"), flags, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _RESERVED_BYTES)
    except OSError:
        os.unlink(_path(state_dir, run_id, "reserved"))
        raise
    finally:
        os.close(descriptor)


def release(state_dir: str, run_id: int) -> None:
    """Give the reserved blocks back: the history has the end of the run."""
    try:
        os.unlink(_path(state_dir, run_id, "reserved"))
    except OSError:
        return


def keep(state_dir: str, run: Run, owner: Identity) -> None:
    """Write the end of a run into its spool file; where even that fails there is nothing left to do but go on."""
    import json

    content = json.dumps({"owner": owner.__dict__, "run": _as_data(run)}, ensure_ascii=False).encode()
    reserved = _path(state_dir, run.id, "reserved")
    try:
        os.makedirs(os.path.dirname(reserved), mode=0o700, exist_ok=True)
        descriptor = os.open(reserved, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, content)
            os.ftruncate(descriptor, len(content))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(reserved, _path(state_dir, run.id, "json"))
    except OSError:
        return


def waiting(state_dir: str) -> list[str]:
    """Return the spool files that wait for import; one listing, cheap enough for every fire."""
    try:
        return [name for name in os.listdir(f"{state_dir}/spool") if name.endswith(".json")]
    except OSError:
        return []


def import_all(state_dir: str, connection: sqlite3.Connection) -> int:
    """Bring every waiting spool file into the history and return how many there were.

    A file that cannot be read is set aside as `.damaged`, for the operator to look at; it never stops a fire.
    """
    import json

    from batchctl.core.run import Identity
    from batchctl.store import database, guard

    imported = 0
    for name in waiting(state_dir):
        path = f"{state_dir}/spool/{name}"
        try:
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
            owner, run = Identity(**content["owner"]), _from_data(content["run"])
        except (OSError, ValueError, KeyError, TypeError):
            os.rename(path, path.removesuffix(".json") + ".damaged")
            continue
        with database.Immediate(connection):
            guard.save(connection, run, owner)
        os.unlink(path)
        imported += 1
    return imported


def _as_data(run: Run) -> dict[str, Any]:
    data = dict(run.__dict__)
    data["steps"] = [
        {
            **step.__dict__,
            "step": {"id": step.step.id, "group": step.step.group},
            "attempts": [attempt.__dict__ for attempt in step.attempts],
        }
        for step in run.steps
    ]
    return data


def _from_data(data: dict[str, Any]) -> Run:
    from batchctl.core.model import Step
    from batchctl.core.run import Attempt, Run, StepRun

    run = Run(data["id"], data["job"], data["started_at"], data["token"], [])
    for given in data.pop("steps"):
        step = StepRun(given["seq"], Step(**given.pop("step")))
        attempts = given.pop("attempts")
        step.__dict__.update(given)
        for kept in attempts:
            attempt = Attempt(kept["number"], kept["log"], kept["started_at"])
            attempt.__dict__.update(kept)
            step.attempts.append(attempt)
        run.steps.append(step)
    run.__dict__.update(data)
    return run
