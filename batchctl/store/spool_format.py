"""How a spool file says what became of a run: JSON with fields of its own, whatever the attributes are called inside.

Version 2, explicit:

    {"version": 2,
     "owner": {"host", "boot_id", "pid", "start_ticks"},
     "birth": {"started_mono_s", "scheduled_for", "pool", "resumed_from", "forced", "params"} or null,
     "run": {"id", "job", "token", "status", "started_at", "ended_at", "duration_s", "exit_code", "why",
             "warnings": [{"seq", "kind", "text"}],
             "steps": [{"seq", "id", "group", "status", "attempts_before", "started_at", "ended_at", "duration_s",
                        "result", "why",
                        "attempts": [{"number", "log", "status", "pid", "start_ticks", "started_at", "ended_at",
                                      "duration_s", "exit_code", "signal", "cpu_s", "max_rss_bytes"}]}]}}

The last two of an attempt came later; a file without them is read as one that does not know. What 0.1 wrote has no
version, and the attributes of then as its fields; it is read as well.
"""

from __future__ import annotations

import json

from batchctl.core.model import Step
from batchctl.core.run import Attempt, Identity, Run, StepRun
from batchctl.store.runs import Birth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 2

# Field: attribute, where they are not the same word.
_OWNER = dict.fromkeys(("host", "boot_id", "pid", "start_ticks"), "")
_BIRTH = {"started_mono_s": "started_mono"} | dict.fromkeys(
    ("scheduled_for", "pool", "resumed_from", "forced", "params"), ""
)
_RUN_START = dict.fromkeys(("id", "job", "started_at", "token"), "")
_RUN_END = {"duration_s": "duration"} | dict.fromkeys(("status", "ended_at", "exit_code", "why"), "")
_STEP = {"duration_s": "duration"} | dict.fromkeys(
    ("status", "attempts_before", "started_at", "ended_at", "result", "why"), ""
)
_ATTEMPT = {"duration_s": "duration"} | dict.fromkeys(
    ("number", "log", "status", "pid", "start_ticks", "started_at", "ended_at", "exit_code", "signal"), ""
)
_USAGE = dict.fromkeys(("cpu_s", "max_rss_bytes"), "")


class NewerError(Exception):
    """The file was written by a newer batchctl, and is for that one to read."""


def as_bytes(run: Run, owner: Identity, birth: Birth | None) -> bytes:
    """Return what stands in the file; ValueError where a result has no form in JSON."""
    content = {
        "version": VERSION,
        "owner": _fields_of(owner, _OWNER),
        "birth": None if birth is None else _fields_of(birth, _BIRTH),
        "run": {
            **_fields_of(run, _RUN_START),
            **_fields_of(run, _RUN_END),
            "warnings": [{"seq": seq, "kind": kind, "text": text} for seq, kind, text in run.warnings],
            "steps": [
                {
                    "seq": step.seq,
                    "id": step.step.id,
                    "group": step.step.group,
                    **_fields_of(step, _STEP),
                    "attempts": [_fields_of(attempt, _ATTEMPT | _USAGE) for attempt in step.attempts],
                }
                for step in run.steps
            ],
        },
    }
    return json.dumps(content, ensure_ascii=False).encode()


def read(content: bytes) -> tuple[Identity, Birth, Run]:
    """Return whose run it was, what was written of it when it started, and how it ended.

    Raises:
        NewerError: if a newer batchctl wrote it.
        ValueError, KeyError, TypeError, AttributeError, RecursionError: if it says nothing of the kind.
    """
    data = json.loads(content)
    version = data.get("version", 1)
    if not isinstance(version, int) or version < 1:
        message = f"no version: {version!r}"
        raise ValueError(message)
    if version > VERSION:
        raise NewerError
    if version == 1:
        _bring_up_to_date(data)
    birth: dict[str, Any] = data["birth"] or dict.fromkeys(_BIRTH) | {"started_mono_s": 0.0}
    return (
        Identity(**{field: data["owner"][field] for field in _OWNER}),
        Birth(**{attribute or field: birth[field] for field, attribute in _BIRTH.items()}),
        _run(data["run"]),
    )


def _run(data: dict[str, Any]) -> Run:
    run = Run(data["id"], data["job"], data["started_at"], data["token"], [])
    _set(run, data, _RUN_END)
    run.warnings = [(warning["seq"], warning["kind"], warning["text"]) for warning in data["warnings"]]
    for given in data["steps"]:
        step = StepRun(given["seq"], Step(id=given["id"], group=given["group"]))
        _set(step, given, _STEP)
        for kept in given["attempts"]:
            attempt = Attempt(kept["number"], kept["log"], kept["started_at"])
            _set(attempt, kept, _ATTEMPT)
            _set(attempt, dict.fromkeys(_USAGE) | kept, _USAGE)
            step.attempts.append(attempt)
        run.steps.append(step)
    return run


def _fields_of(thing: object, fields: dict[str, str]) -> dict[str, Any]:
    return {field: getattr(thing, attribute or field) for field, attribute in fields.items()}


def _set(thing: object, data: dict[str, Any], fields: dict[str, str]) -> None:
    for field, attribute in fields.items():
        setattr(thing, attribute or field, data[field])


def _bring_up_to_date(data: dict[str, Any]) -> None:
    """Give what 0.1 wrote the fields of version 2."""
    run = data["run"]
    for timed in (run, *run["steps"], *(attempt for step in run["steps"] for attempt in step["attempts"])):
        timed["duration_s"] = timed.pop("duration")
    for step in run["steps"]:
        step.update(step.pop("step"))
    run["warnings"] = [{"seq": seq, "kind": kind, "text": text} for seq, kind, text in run.get("warnings", ())]
    birth = data.setdefault("birth", None)
    if birth is not None:
        birth["started_mono_s"] = birth.pop("started_mono")
