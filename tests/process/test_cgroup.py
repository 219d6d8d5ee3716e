"""Control groups: what they find and end of a batchctl that was killed, and what they limit where they may.

The groups are real ones of the unified hierarchy. The kernel's controllers are not to be had on every machine: what is
written for them is shown on a directory that looks like a group which has them.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from firing import ended, fire, make_stale, pid_of_attempt, start
from support import alive, job, rows, step, wait_for

from batchctl.base import clock
from batchctl.base.errors import CannotStartError
from batchctl.base.record import replace
from batchctl.core.attempt import Command, Exit, Usage
from batchctl.core.limits import Limits
from batchctl.engine import stop
from batchctl.process import cgroup, scope
from batchctl.process.bounds import Bounds
from batchctl.process.remains import left_behind

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = "0123456789abcdef01234567"  # noqa: S105 - what a run is marked with
_LIMITS = Limits(memory_max=64 << 20, cpu_max=1.5, tasks_max=20)

_HIDES = """
import os, sys
if os.fork():
    os._exit(0)
os.setsid()
os.closerange(3, 1024)
code = "import os, time; open('{place}', 'w').write(str(os.getpid())); time.sleep(600)"
os.execve(sys.executable, [sys.executable, "-c", code], {{}})
"""
"""Leaves a process without environment, without any inherited descriptor, in a session of its own."""


def _hidden(place: Path) -> str:
    (place.parent / "hides.py").write_text(_HIDES.format(place=place))
    return f"sleep 0.5; python3 {place.parent}/hides.py"


@pytest.fixture
def _groups() -> Iterator[None]:
    """Skip where no group can be made; afterwards there is none of a test's left."""
    group = cgroup.make(_TOKEN, 0)
    if group is None:
        pytest.skip("this process may not make control groups of the unified hierarchy (cgroup2 mounted? root?)")
    group.remove()
    yield
    for left in cgroup.find(_TOKEN):
        left.kill()
        wait_for(lambda left=left: not left.pids(), "the end of what the test left")  # type: ignore[misc]
        left.remove()


def _token(state: Path) -> str:
    return str(rows(state, "select token from runs order by id desc limit 1")[0][0])


def _orphaned(state: Path, place: Path) -> int:
    """Start a run, let its step hide a process, and kill its batchctl and its step; return the hidden process's pid."""
    process = start(job(step("1", f"{_hidden(place)}; sleep 600")), state)
    hidden = int(wait_for(lambda: place.exists() and place.read_text(), "the hidden process"))
    wait_for(lambda: hidden in cgroup.members(_token(state)), "the group")
    process.kill()
    process.communicate()
    leader = pid_of_attempt(state)
    assert leader is not None
    os.killpg(leader, signal.SIGKILL)
    wait_for(lambda: not alive(leader), "the end of the step")
    assert alive(hidden)
    return hidden


@pytest.mark.usefixtures("_groups")
@pytest.mark.parametrize("how", ["stop", "takeover", "its own end"])
def test_what_hides_from_all_else_is_found(tmp_path: Path, how: str) -> None:
    """No environment, no descriptor, its own session: the next fire sees it and skips; it is ended with the run."""
    state, place = tmp_path / "state", tmp_path / "pid"
    hidden = _orphaned(state, place)
    found = fire(job(), state)
    assert (found["code"], found["reason"]) == (75, "already_running")
    if how == "stop":
        assert stop.stop(job(grace=0.2), str(state)).status == "cancelled"
        assert not alive(hidden)
    elif how == "takeover":
        make_stale(state)
        assert fire(job(stale_after=3600.0, grace=0.2), state)["code"] == 0
        assert rows(state, "select status from runs where id = 1") == [("stale",)]
        assert not alive(hidden)
    else:
        os.kill(hidden, signal.SIGKILL)
        wait_for(lambda: not alive(hidden), "its end")
        assert fire(job(), state)["code"] == 0
        assert rows(state, "select status from runs where id = 1") == [("lost",)]
    token = rows(state, "select token from runs where id = 1")[0][0]
    assert cgroup.find(token) == []


@pytest.mark.usefixtures("_groups")
def test_a_long_step_is_in_a_group_and_leaves_none(tmp_path: Path) -> None:
    """With all that it starts, side by side each in its own; a short step is spared it; in the end none is left."""
    state, gate = tmp_path / "state", tmp_path / "gate"
    line = f"sleep 600 & setsid --fork sleep 600; while ! test -e {gate}; do sleep 0.02; done; kill %1"
    process = start(job(step("1", f"{line}; true")), state)
    wait_for(lambda: pid_of_attempt(state), "the step")
    token = _token(state)
    inside = wait_for(lambda: len(cgroup.members(token)) >= 4 and cgroup.members(token), "all of its processes")
    assert pid_of_attempt(state) in inside
    assert process.pid not in inside
    gate.touch()
    assert ended(process)["code"] == 0
    assert cgroup.find(token) == []


@pytest.mark.usefixtures("_groups")
def test_what_others_have_put_apart_stays_there() -> None:
    """An inner batchctl, or a container's keeper, relies on it; the end of the run is the end of all the same."""
    inner = cgroup.make(_TOKEN, 1)
    outer = cgroup.make(_TOKEN, 2)
    assert inner is not None
    assert outer is not None
    pids = [os.posix_spawn("/bin/sleep", ["sleep", "600"], os.environ) for _ in range(2)]
    assert inner.adopt(pids[0])
    assert cgroup.gather(outer, pids)
    assert (inner.pids(), outer.pids()) == ([pids[0]], [pids[1]])
    assert not cgroup.gather(outer, pids), "nothing is left to be put anywhere"
    assert cgroup.members(_TOKEN) == set(pids)
    cgroup.kill_all(_TOKEN)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [-9, -9]
    cgroup.remove_all(_TOKEN)
    assert cgroup.find(_TOKEN) == []


@pytest.mark.usefixtures("_groups")
def test_empty_groups_of_long_ago_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batchctl that was killed and never fired again leaves its group; what is in use, or new, stays."""
    empty, used = cgroup.make(_TOKEN, 1), cgroup.make(_TOKEN, 2)
    assert empty is not None
    assert used is not None
    child = os.posix_spawn("/bin/sleep", ["sleep", "600"], os.environ)
    assert used.adopt(child)
    third = cgroup.make(_TOKEN, 3)
    assert third is not None
    assert len(cgroup.find(_TOKEN)) == 3
    real = clock.now
    # Later, for those of this test alone: others may be making theirs.
    monkeypatch.setattr(cgroup, "NAME", f"batchctl-{_TOKEN}")
    monkeypatch.setattr(clock, "now", lambda: real() + 4000)
    cgroup._sweep(os.path.dirname(used.path))
    monkeypatch.undo()
    assert [found.path for found in cgroup.find(_TOKEN)] == [used.path]
    used.kill()
    os.waitpid(child, 0)


@pytest.mark.usefixtures("_groups")
def test_who_is_in_it_does_not_end_itself() -> None:
    """A batchctl that a step of the very run started is no leftover of it, and survives ending what is."""
    group = cgroup.make(_TOKEN, 1)
    assert group is not None
    child = os.fork()
    if child == 0:
        code = 1
        try:
            group.adopt(os.getpid())
            group.kill()
            code = int(left_behind(_TOKEN, {}))
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    group.remove()


@pytest.mark.usefixtures("_groups")
def test_a_limited_step_is_in_its_group_from_the_start(tmp_path: Path) -> None:
    """Its own first process sees it, whatever of the limits is in force here; its processor time is the group's."""
    burn = "python3 -c 'import time\nwhile time.process_time() < 0.3: pass'"
    line = f"cat /proc/self/cgroup; {burn}; setsid --fork {burn}; sleep 0.1"
    found = fire(job(step("1", line, limits=_LIMITS, grace=10.0)), tmp_path / "state")
    assert found["code"] == 0
    said = (tmp_path / "state/runs/1/1-1.log").read_text()
    assert f"/batchctl-{_token(tmp_path / 'state')}-1\n" in said
    assert found["steps"][0]["cpu_s"] > 0.3
    assert cgroup.find(_token(tmp_path / "state")) == []


def _command(tmp_path: Path, *argv: str, limits: Limits | None = _LIMITS) -> Command:
    env = {"BATCHCTL_RUN_TOKEN": _TOKEN, "PATH": "/usr/bin:/bin"}
    return Command(argv=argv, env=env, cwd=None, log=str(tmp_path / "log"), limits=limits)


def _looks_like_a_group(path: Path, shared_out: str = "memory cpu pids") -> Path:
    path.mkdir(parents=True)
    texts = {"cgroup.procs": "", "cgroup.controllers": "memory cpu pids", "cgroup.subtree_control": shared_out}
    for name, text in texts.items():
        (path / name).write_text(text)
    return path


def test_limits_are_those_of_the_whole_tree(tmp_path: Path) -> None:
    """Each key where its controller is there; whoever lacks memory takes the whole step with it."""
    path = _looks_like_a_group(tmp_path / "g")
    group = cgroup.Group(str(path))
    for name in ("memory.max", "cpu.max", "pids.max", "memory.oom.group"):
        (path / name).touch()
    assert group.limit(_LIMITS) == {"memory_max", "cpu_max", "tasks_max"}
    said = [(path / name).read_text() for name in ("memory.max", "cpu.max", "pids.max", "memory.oom.group")]
    assert said == ["67108864", "150000 100000", "20", "1"]
    assert cgroup.Group(str(tmp_path / "none")).limit(_LIMITS) == frozenset()


@pytest.mark.parametrize(
    ("near", "far", "made_in"),
    [
        ("memory cpu pids", "memory cpu pids", "near"),  # as near as may be
        ("", "memory cpu pids", "top"),  # where the limits are
        ("memory", "pids memory", "top"),  # where most of them are
        ("pids", "cpu", "near"),  # as many here as there
    ],
)
def test_a_group_is_made_where_it_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, near: str, far: str, made_in: str
) -> None:
    """Between our own group and the top there may be some whose groups have the controllers that are wanted."""
    top = _looks_like_a_group(tmp_path / "top", far)
    (top / "cgroup.controllers").write_text(far)
    own = _looks_like_a_group(top / "near", near)
    monkeypatch.setattr(cgroup, "place", lambda: cgroup.Place(top=str(top), own=str(own)))
    group = cgroup.make(_TOKEN, 3, _LIMITS)
    assert group is not None
    assert Path(group.path) == (own if made_in == "near" else top) / f"batchctl-{_TOKEN}-3"
    plain = cgroup.make(_TOKEN, 4)
    assert plain is not None
    assert Path(plain.path).parent == own
    assert sorted(Path(found.path).name[-1] for found in cgroup.find(_TOKEN)) == ["3", "4"]


def test_where_there_is_no_hierarchy_nothing_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No group, no members; a step with limits runs, its memory limited process by process."""
    monkeypatch.setattr(cgroup, "place", lambda: None)
    assert cgroup.make(_TOKEN, 1) is None
    assert cgroup.members(_TOKEN) == set()
    one = Bounds(_command(tmp_path, "sh", "-c", "ulimit -d"), 1)
    assert not one.gather([os.getpid()])
    pid = one.spawn(_command(tmp_path, "sh", "-c", "ulimit -d"))
    assert os.waitpid(pid, 0)[1] == 0
    assert (tmp_path / "log").read_text() == f"{(64 << 20) // 1024}\n"
    assert one.leave(Usage(cpu_s=1.0)) == Usage(cpu_s=1.0)


@pytest.mark.parametrize(
    ("lines", "mount", "expected"),
    [
        ("0::/a/b\n", "1 2 0:3 / /cg rw - cgroup2 x rw", ("/cg", "/cg/a/b")),  # all of it
        ("4:memory:/m\n0::/\n", "1 2 0:3 / /cg/unified rw shared:1 - cgroup2 x rw", ("/cg/unified", "/cg/unified")),
        ("0::/docker/1/x\n", "1 2 0:3 /docker/1 /cg rw - cgroup2 x rw", ("/cg", "/cg/x")),  # a part is mounted
        ("0::/../other\n", "1 2 0:3 /docker/1 /cg rw - cgroup2 x rw", None),  # ours lies outside of that part
        ("4:memory:/m\n", "1 2 0:3 / /cg rw - cgroup x rw", None),  # version 1 alone
    ],
)
def test_where_we_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, mount: str, expected: tuple[str, str] | None
) -> None:
    """Our own group's directory, from what the kernel says of group and mounts."""
    import builtins

    files: dict[str, Any] = {"/proc/self/cgroup": tmp_path / "cgroup", "/proc/self/mountinfo": tmp_path / "mounts"}
    (tmp_path / "cgroup").write_text(lines)
    (tmp_path / "mounts").write_text(f"9 8 0:1 / / rw - ext4 d rw\n{mount}\n")
    really = builtins.open
    monkeypatch.setattr(builtins, "open", lambda path, *rest: really(files.get(path) or path, *rest))
    found = cgroup.place()
    monkeypatch.undo()
    assert (None if found is None else (found.top, found.own)) == expected


@pytest.mark.parametrize(
    ("events", "most", "words", "note"),
    [
        ("oom 1\noom_kill 2\n", 0, "", "out of memory (memory_max 64.0 MiB)"),  # the kernel says so
        ("oom_kill 0\n", 64 << 20, "MemoryError\n", ""),  # the kernel says it was not
        (None, 60 << 20, "", "out of memory (memory_max 64.0 MiB)"),  # it had nearly all that it may
        (None, 0, "x = bytearray(9)\nMemoryError\n", "out of memory (memory_max 64.0 MiB)"),  # it says so itself
        (None, 9 << 20, "no such table\n", ""),  # it failed for a reason of its own
    ],
)
def test_a_step_that_lacked_memory_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: str | None, most: int, words: str, note: str
) -> None:
    """By the group's count where there is one, else as best known."""
    path = _looks_like_a_group(tmp_path / "g")
    (path / "memory.events").write_text(events or "")
    (tmp_path / "log").write_text(words)
    for end, known in ((Exit(signal=9), note), (Exit(code=1), note), (Exit(code=0), "")):
        one = Bounds(_command(tmp_path, "true"), 1)
        monkeypatch.setattr(one, "_group", cgroup.Group(str(path)))
        monkeypatch.setattr(one, "_judged", events is not None)
        assert one.why(end, Usage(max_rss_bytes=most)).note == known
        assert one.why(end, Usage()) == end, "it is found out once, and kept by who asked"


def test_the_kernels_own_choice_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any limit of ours: a step that got SIGKILL while the kernel killed for memory was probably chosen."""
    counts = [3]
    monkeypatch.setattr(cgroup, "killed_for_memory", lambda: counts[-1])
    notes = []
    for end, kills in ((Exit(signal=9), 3), (Exit(signal=9), 4), (Exit(signal=15), 5), (Exit(code=1), 6)):
        one = Bounds(replace(_command(tmp_path, "true"), limits=None), 1)
        one.gather([])
        counts.append(kills)
        notes.append(one.why(end, Usage()).note)
        one.leave(Usage())
    assert notes == ["", "out of memory (the kernel has killed for want of it)", "", ""]


def test_a_step_beyond_its_memory(tmp_path: Path) -> None:
    """In the history: the step failed, and why."""
    limits = Limits(memory_max=100 << 20)
    found = fire(job(step("1", "python3 -c 'bytearray(500 << 20)'", limits=limits)), tmp_path / "state")
    assert found["code"] == 1
    assert rows(tmp_path / "state", "select why from runs") == [
        ("step 1: out of memory (memory_max 100.0 MiB): exit code 1",)
    ]


def test_a_scope_is_asked_for_where_we_may_not_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd-run gets the limits and the program, found on the step's own PATH; the rest of the step stays as is."""
    monkeypatch.setattr(scope, "can_be_had", lambda: True)
    assert scope.is_better(_LIMITS, {"memory_max"})
    assert not scope.is_better(_LIMITS, {"memory_max", "cpu_max", "tasks_max"})
    assert not scope.is_better(Limits(memory_max=1), {"memory_max"})
    runner, seen = tmp_path / "systemd-run", tmp_path / "seen"
    lines = ("#!/bin/sh", f'for word; do echo "$word"; done > {seen}', 'while test "$1" != --; do shift; done', "shift")
    runner.write_text("\n".join((*lines, 'exec "$@"', "")))
    runner.chmod(0o755)
    monkeypatch.setattr(scope, "_PROGRAM", str(runner))
    monkeypatch.setattr(cgroup, "place", lambda: None)
    command = _command(tmp_path, "sh", "-c", "echo ran; ulimit -d", limits=replace(_LIMITS, nice=1))
    one = Bounds(command, 7)
    assert os.waitpid(one.spawn(command), 0)[1] == 0
    assert (tmp_path / "log").read_text() == "ran\nunlimited\n"
    assert seen.read_text().splitlines()[4:] == [
        f"--unit=batchctl-{_TOKEN}-7",
        "--property=MemoryMax=67108864",
        "--property=CPUQuota=150%",
        "--property=TasksMax=20",
        "--",
        "/usr/bin/sh",
        "-c",
        "echo ran; ulimit -d",
    ]
    with pytest.raises(CannotStartError, match="there is no program 'nope'"):
        one.spawn(replace(command, argv=("nope",)))
