"""`after`: the end of one job's run fires another, through its own guard and in a session of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from firing import execute
from support import batchctl, rows, wait_for

from batchctl.store.lockfile import is_held

if TYPE_CHECKING:
    from pathlib import Path

_PAIR = '[jobs."검색"]\nrun = "{first}"\n[jobs."업로드"]\nafter = "검색"\nrun = "{second}"\n'


def write(tmp_path: Path, text: str) -> list[str]:
    """Write a configuration and return the options that use it."""
    path = tmp_path / "batchctl.toml"
    path.write_text(text, encoding="utf-8")
    return ["--config", str(path), "--state", str(tmp_path / "state")]


def pair(tmp_path: Path, first: str = "true", second: str = "true", more: str = "") -> list[str]:
    """Write two jobs, the second after the first."""
    return write(tmp_path, _PAIR.format(first=first, second=second) + more)


def ended(tmp_path: Path, job: str, count: int = 1) -> None:
    """Wait until a job has so many runs that have ended."""
    query = "select count(*) from runs where job = ? and status <> 'running'"
    wait_for(lambda: rows(tmp_path / "state", query, job)[0][0] >= count, f"{count} ended run(s) of {job}")


def fired(tmp_path: Path, job: str) -> int:
    """Return how many fires of a job left a trace, once nothing that was fired lives any more."""
    mark = os.fsencode(str(tmp_path / "state"))

    def living() -> list[str]:
        return [pid for pid in os.listdir("/proc") if pid.isdigit() and mark in _words(pid)]

    wait_for(lambda: not living(), "the end of everything that was fired")
    query = "select (select count(*) from runs where job = ?1) + (select count(*) from skips where job = ?1)"
    return int(rows(tmp_path / "state", query, job)[0][0])


def _words(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def test_a_success_fires_what_comes_after_it(tmp_path: Path) -> None:
    """The second job has its own run, and stands for the fire that the first one stood for."""
    where = pair(tmp_path, second=f"echo $BATCHCTL_SCHEDULED_FOR > {tmp_path}/meant")
    done = batchctl(*where, "run", "검색", "--scheduled-for", "2026-11-01T01:00:00+09:00")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    ended(tmp_path, "업로드")
    assert rows(tmp_path / "state", "select job, status from runs order by id") == [
        ("검색", "succeeded"),
        ("업로드", "succeeded"),
    ]
    first, second = rows(tmp_path / "state", "select scheduled_for from runs order by id")
    assert first == second == (1793462400.0,)
    assert (tmp_path / "meant").read_text() == "2026-10-31T16:00:00+00:00\n"


def test_the_ended_run_waits_for_nothing_and_hands_on_nothing(tmp_path: Path) -> None:
    """Pipe, lock, session and descriptors are free while what was fired still runs."""
    where = pair(tmp_path, second=f"ls -l /proc/$PPID/fd > {tmp_path}/held; sleep 300")
    started = time.monotonic()
    # `capture_output` reads until the last process lets go of the pipe, as cron does for its mail.
    done = subprocess.run([sys.executable, "-m", "batchctl", *where, "run", "검색"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert time.monotonic() - started < 60
    query = "select pid from runs where job = '업로드' and status = 'running'"
    state = tmp_path / "state"
    pid = wait_for(lambda: rows(state, query), "the run that was fired")[0][0]
    wait_for((tmp_path / "held").exists, "the step's look at its supervisor")
    assert os.getsid(pid) == pid
    assert os.getsid(pid) != os.getsid(0)
    assert not is_held(str(state), "검색")
    assert is_held(str(state), "업로드")
    wait_for(lambda: "->" in (tmp_path / "held").read_text(), "the list")
    held = (tmp_path / "held").read_text()
    assert "0 -> /dev/null" in held
    assert "1 -> /dev/null" in held
    assert "2 -> /dev/null" in held
    os.kill(pid, signal.SIGTERM)
    ended(tmp_path, "업로드")


@pytest.mark.parametrize(
    ("more", "code", "fires"),
    [
        # a failure fires nothing
        ("", 1, 0),
        # unless any end counts
        ("after_any = true\n", 1, 1),
    ],
)
def test_what_came_of_it_counts(tmp_path: Path, more: str, code: int, fires: int) -> None:
    """Success by default; with `after_any` whatever came of it."""
    where = pair(tmp_path, first="exit 3", more=more)
    assert batchctl(*where, "run", "검색").returncode == code
    assert fired(tmp_path, "업로드") == fires


_STEPS = (
    '[jobs.a]\n[[jobs.a.steps]]\nid = "1"\nrun = "true"\n[[jobs.a.steps]]\nid = "2"\nrun = "test -e {flag}"\n'
    '[jobs.b]\nafter = "a"\nrun = "true"\n'
)


@pytest.mark.parametrize("selection", [("--only", "2"), ("--from", "2")])
def test_part_of_a_job_fires_nothing(tmp_path: Path, selection: tuple[str, str]) -> None:
    """`--only` and `--from` are repairs, and not the batch; the run that resumes one is no more of it than that."""
    flag = tmp_path / "flag"
    where = write(tmp_path, _STEPS.format(flag=flag))
    assert batchctl(*where, "run", "a", *selection).returncode == 1
    flag.touch()
    assert batchctl(*where, "run", "a", "--resume").returncode == 0
    assert batchctl(*where, "run", "a", *selection).returncode == 0
    assert fired(tmp_path, "b") == 0


def test_a_resumed_run_that_succeeds_fires(tmp_path: Path) -> None:
    """What failed and what finished it are one batch, and its end is the end that counts."""
    flag = tmp_path / "flag"
    where = write(tmp_path, _STEPS.format(flag=flag))
    assert batchctl(*where, "run", "a").returncode == 1
    assert fired(tmp_path, "b") == 0
    flag.touch()
    assert batchctl(*where, "run", "a", "--resume").returncode == 0
    ended(tmp_path, "b")
    assert fired(tmp_path, "b") == 1


_THREE = '[jobs.a]\nrun = "true"\n[jobs.b]\nrun = "{b}"\n[jobs.c]\nafter = ["a", "b"]\nrun = "true"\n'


def test_of_a_list_all_have_to_succeed_since_the_last_start(tmp_path: Path) -> None:
    """One of two is not enough, however often it succeeds; after the start both are waited for anew."""
    where = write(tmp_path, _THREE.format(b="true"))
    state = tmp_path / "state"
    for name, fires in (("a", 0), ("a", 0), ("b", 1), ("b", 1), ("a", 2)):
        assert batchctl(*where, "run", name).returncode == 0
        if fires:
            ended(tmp_path, "c", fires)
        assert fired(tmp_path, "c") == fires
    assert rows(state, "select count(*) from skips") == [(0,)]


def test_two_that_end_together_fire_once(tmp_path: Path) -> None:
    """Ends are told one after the other by the history, and only the later one sees both."""
    where = write(tmp_path, _THREE.format(b="true"))
    for round_ in range(1, 4):
        both = [
            subprocess.Popen([sys.executable, "-m", "batchctl", *where, "run", name], stdin=subprocess.DEVNULL)
            for name in ("a", "b")
        ]
        assert [process.wait(60) for process in both] == [0, 0]
        ended(tmp_path, "c", round_)
        assert fired(tmp_path, "c") == round_


def test_its_own_guard_decides(tmp_path: Path) -> None:
    """What was fired skips for its own reasons, and says so in the history."""
    where = pair(tmp_path, more="enabled = false\n")
    assert batchctl(*where, "run", "검색").returncode == 0
    query = "select job, reason from skips"
    wait_for(lambda: rows(tmp_path / "state", query) == [("업로드", "disabled")], "the skip")


def test_a_run_that_was_killed_counts_when_it_is_found(tmp_path: Path) -> None:
    """With `after_any`, the end of a run whose batchctl vanished is told by the next fire, and fires what follows."""
    where = pair(tmp_path, first=f"test -e {tmp_path}/flag || kill -9 $PPID", more="after_any = true\n")
    assert batchctl(*where, "run", "검색").returncode == -signal.SIGKILL
    (tmp_path / "flag").touch()
    wait_for(lambda: not is_held(str(tmp_path / "state"), "검색"), "the end of the step")
    assert batchctl(*where, "run", "검색").returncode == 0
    wait_for(
        lambda: (
            rows(tmp_path / "state", "select status from runs where job = '검색' order by id")
            == [("lost",), ("succeeded",)]
        ),
        "both runs",
    )
    # One fire for the lost run and one for the success; the second may find the first still running.
    wait_for(lambda: fired(tmp_path, "업로드") == 2, "both fires")


_SPOOLING = """
from batchctl.engine import journal
write = journal.Journal._write
def refuse(self, run, *arguments):
    if run.ended_at is not None:
        raise OSError("no")
    return write(self, run, *arguments)
journal.Journal._write = refuse
from batchctl.__main__ import entry
entry()
"""


def test_an_end_that_was_spooled_is_asked_about_once_more(tmp_path: Path) -> None:
    """Where the history answers again right after the end, what follows is fired as ever."""
    where = pair(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _SPOOLING, *where, "run", "검색"], check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0
    ended(tmp_path, "업로드")
    assert rows(tmp_path / "state", "select status from runs") == [("succeeded",), ("succeeded",)]


@pytest.mark.parametrize("python_utf8", ["0", "1"])
def test_hangul_in_a_locale_that_knows_none(tmp_path: Path, python_utf8: str) -> None:
    """The name reaches what is fired as UTF-8, whatever the locale says."""
    where = pair(tmp_path)
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "batchctl", *where, "run", "검색"],
        check=False,
        stdin=subprocess.DEVNULL,
        env=bare | {"PYTHONUTF8": python_utf8},
    )
    assert done.returncode == 0
    ended(tmp_path, "업로드")


_EARLIER = (
    "update runs set started_at = started_at - 7200 / id, ended_at = ended_at - 7200 / id,"
    " scheduled_for = scheduled_for - 7200 / id"
)
"""Two hours for the first run, one for the second."""


def test_an_end_that_the_history_did_not_take_is_missed(tmp_path: Path) -> None:
    """Where the history is away at the end nothing is fired; `check` finds that, and `catch-up` makes up for it."""
    where = pair(tmp_path, first=f"mv {tmp_path}/state/batchctl.db {tmp_path}/state/away", more="catch_up = true\n")
    state = tmp_path / "state"
    assert batchctl(*where, "run", "업로드").returncode == 0
    assert batchctl(*where, "run", "검색").returncode == 0
    os.replace(state / "away", state / "batchctl.db")
    assert fired(tmp_path, "업로드") == 1
    assert batchctl(*where, "check").returncode == 0  # imports the end; cron's own delay has not passed yet
    execute(state, _EARLIER)
    found = json.loads(batchctl(*where, "check", "--format", "json").stdout)["findings"]
    assert [(one["kind"], one["job"]) for one in found if one["job"]] == [("missed", "업로드")]
    done = batchctl(*where, "catch-up")
    assert (done.returncode, fired(tmp_path, "업로드")) == (0, 2)
    assert batchctl(*where, "check").returncode == 0


def test_who_follows_is_read_at_the_end(tmp_path: Path) -> None:
    """A job that was written while the other ran is fired by its end."""
    where = write(tmp_path, f'[jobs.a]\nrun = "while ! test -e {tmp_path}/go; do sleep 0.05; done; sleep 1"\n')
    process = subprocess.Popen([sys.executable, "-m", "batchctl", *where, "run", "a"], stdin=subprocess.DEVNULL)
    query = "select 1 from runs where status = 'running'"
    wait_for(lambda: (tmp_path / "state" / "history-began").exists() and rows(tmp_path / "state", query), "the run")
    config = tmp_path / "batchctl.toml"
    config.write_text(config.read_text() + '[jobs.b]\nafter = "a"\nrun = "true"\n')
    (tmp_path / "go").touch()
    assert process.wait(60) == 0
    ended(tmp_path, "b")
