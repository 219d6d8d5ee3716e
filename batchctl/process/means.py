"""Which limits and which ways of finding leftovers are in force for whoever asks, and why one is not."""

from __future__ import annotations

import os

from batchctl.base.record import Record
from batchctl.core.limits import Limits
from batchctl.process import cgroup, scope

_TRIAL = Limits(memory_max=2**40, cpu_max=1000.0, tasks_max=2**20)
"""Limits that limit nothing: what a group takes of them is in force."""


class Means(Record):
    """One key of the limits, or `leftovers`: finding by control group what a killed batchctl left."""

    key: str
    in_force: bool
    text: str
    """How it is done, or why it is not and what is done instead."""


def means() -> list[Means]:
    """Return what is in force for this process: a fire by cron may stand elsewhere, so ask as the user cron runs as.

    It is tried: a control group is made, limited and removed.
    """
    group = cgroup.make(f"trial{os.getpid()}", 0, _TRIAL)
    held = frozenset[str]()
    if group is not None:
        held = group.limit(_TRIAL)
        group.remove()
    why = _why_no_group() if group is None else f"the kernel's controllers are not given to groups below {_here()}"
    return [
        _of_tree("memory_max", held, f"RLIMIT_DATA limits each process by itself: {why}"),
        _of_tree("cpu_max", held, f"not limited: {why}"),
        _of_tree("tasks_max", held, f"not limited: {why}"),
        _user(),
        Means(
            key="leftovers",
            in_force=group is not None,
            text="found by control group" if group else f"found by lock, marks and session alone: {why}",
        ),
    ]


def _of_tree(key: str, held: frozenset[str], otherwise: str) -> Means:
    if key in held:
        return Means(key=key, in_force=True, text="of all processes of a step together, by control group")
    if scope.can_be_had():
        return Means(key=key, in_force=True, text="of all processes of a step together, by systemd-run --user --scope")
    return Means(key=key, in_force=False, text=otherwise)


def _user() -> Means:
    root = os.geteuid() == 0
    text = "batchctl runs as root" if root else f"batchctl runs as uid {os.geteuid()}, and only root can become another"
    return Means(key="user", in_force=root, text=text)


def _here() -> str:
    here = cgroup.place()
    return "" if here is None else here.own


def _why_no_group() -> str:
    here = cgroup.place()
    if here is None:
        return "no cgroup2 hierarchy is mounted that holds this process"
    return f"uid {os.geteuid()} may make no group in {here.own} or above it (read-only, or not delegated)"
