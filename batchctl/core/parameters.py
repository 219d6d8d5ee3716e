"""Which parameters the programs of the catalogue take, and what may stand for each."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from batchctl.core.model import Job


LONGEST_WORD = 131_071
"""Bytes of one word or variable that execve(2) hands to a program: 32 pages, with the zero at its end."""


def known(job: Job) -> Mapping[str, Any] | None:
    """Return every parameter that a job's programs take, with what it is; None where they may take any.

    A line or program of the operator's own may read whatever it likes from BATCHCTL_PARAMS, and a function says itself
    what it takes; a program of the catalogue has the parameters that its preset names.
    """
    if not all(step.argv is not None and step.argv[2:3] and _of_catalogue(step.argv[2]) for step in job.steps):
        return None
    found = dict(job.params)
    for step in job.steps:
        found.update(step.params)
    return found


def _of_catalogue(module: str) -> bool:
    return module.startswith("batchctl.jobs.")


def misfit(key: str, value: Any, takes: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what is wrong with a parameter, and what to do; None where it may stand."""
    if key not in takes:
        from difflib import get_close_matches

        close = get_close_matches(key, takes, n=1)
        there = ", ".join(sorted(takes)) or "none"
        return "is no parameter of this job", f"did you mean {close[0]}?" if close else f"its parameters: {there}"
    model = takes[key]
    wanted = _kind(model)
    # Words of a command line are text anyhow, and a list may be written as text, with commas.
    fits = {"text": {"text", "a number", "a list"}, "a list": {"a list", "text"}}.get(wanted, {wanted})
    if _kind(value) in fits:
        return None
    shown = "true" if wanted == "true or false" else model if wanted == "a number" else ""
    return f"must be {wanted}, not {value!r}", f"write for example {key}={shown}" if shown != "" else f"give {wanted}"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a table" if isinstance(value, dict) else "nothing"
