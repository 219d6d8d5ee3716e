"""What `doctor` learns of the limits: what is in force here, tried for real, and why the rest is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from batchctl.process import cgroup, means, scope
from batchctl.process.means import Means


def _by_key() -> dict[str, Means]:
    return {one.key: one for one in means.means()}


def test_what_is_said_is_what_a_group_does() -> None:
    """As a group of this very process shows; nothing of the trial is left."""
    group = cgroup.make("test-means", 0)
    found = _by_key()
    assert list(found) == ["memory_max", "cpu_max", "tasks_max", "user", "leftovers"]
    assert found["leftovers"].in_force == (group is not None)
    assert found["user"].in_force == (os.geteuid() == 0)
    if group is not None:
        has = (Path(group.path) / "memory.max").exists()
        assert found["memory_max"].in_force == has or scope.can_be_had()
        group.remove()
    assert cgroup.find(f"trial{os.getpid()}") == []


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (None, "no cgroup2 hierarchy"),  # version 1 alone
        ("read-only", "may make no group in"),  # a container
        ("no controllers", "the kernel's controllers are not given to groups below"),
    ],
)
def test_why_it_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None, says: str) -> None:
    """Each reason, and what is done instead."""
    here = tmp_path / "group"
    here.mkdir()
    if own == "no controllers":
        (here / "cgroup.procs").touch()
    place = None if own is None else cgroup.Place(top=str(here), own=str(here))
    monkeypatch.setattr(cgroup, "place", lambda: place)
    found = _by_key()
    assert [one.in_force for one in list(found.values())[:3]] == [False] * 3
    assert found["memory_max"].text.startswith("RLIMIT_DATA limits each process by itself: ")
    assert found["tasks_max"].text.startswith("not limited: ")
    assert all(says in found[key].text for key in ("memory_max", "cpu_max", "tasks_max"))
    assert found["leftovers"].in_force == (own == "no controllers")


def test_a_scope_of_ones_own_systemd_is_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where batchctl may make no group that limits, but the user's systemd does."""
    monkeypatch.setattr(cgroup, "place", lambda: None)
    monkeypatch.setattr(scope, "can_be_had", lambda: True)
    found = _by_key()
    assert found["memory_max"] == Means(
        key="memory_max", in_force=True, text="of all processes of a step together, by systemd-run --user --scope"
    )
    assert not found["leftovers"].in_force


def test_another_user_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root can become another user, and it is said who asks."""
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert _by_key()["user"] == Means(
        key="user", in_force=False, text="batchctl runs as uid 12345, and only root can become another"
    )
