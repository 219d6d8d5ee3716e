"""A run and a status that somebody watches: as many whole lines as there is room for, at 80 and at 200 columns."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from history_rows import DAY, HOUR, Rows
from rich.cells import cell_len
from support import batchctl, job, step, wait_for

from batchctl.answers import status as answer
from batchctl.answers.site import Site
from batchctl.base import clock
from batchctl.core import model
from batchctl.core.run import Attempt, Identity, Run, StepRun
from batchctl.present import live, watch
from batchctl.present.text import console
from batchctl.process import identity
from batchctl.store.history import RunRow
from batchctl.watch.underway import Current, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import RenderableType

BATCH = "일괄-작업"
NOW = 1_795_500_000.0


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak English in Unicode."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def lines(picture: RenderableType, width: int) -> list[str]:
    """Return what a terminal of this width would show."""
    out = console()
    rendered = out.render_lines(picture, out.options.update(width=width, height=None), pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in rendered]


@pytest.fixture
def owner() -> Iterator[Identity]:
    """Return the identity of a process that lives as long as the test."""
    with subprocess.Popen(["sleep", "600"]) as process:
        stat = identity.read_stat(process.pid)
        assert stat is not None
        yield Identity(host=identity.host(), boot_id=clock.boot_id(), pid=process.pid, start_ticks=stat.start_ticks)
        process.kill()


@pytest.fixture
def site(tmp_path: Path, owner: Identity) -> Site:
    """Make thirty jobs, of which the last two run."""
    text = 'timezone = "Asia/Seoul"\n'
    for name in [*(f"job-{number:02d}" for number in range(28)), BATCH, "zz"]:
        text += f'[jobs.{json.dumps(name, ensure_ascii=False)}]\nschedule = "0 1 * * *"\nrun = "true"\n'
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    rows = Rows(tmp_path / "state")
    for name in (BATCH, "zz"):
        rows.run(name, clock.now() - 2 * DAY, 26 * HOUR)
        run = rows.run(name, clock.now() - HOUR, None, owner=owner)
        rows.step(run, 1, "31", "running", started_at=clock.now() - HOUR)
    return Site(str(tmp_path / "c.toml"), str(tmp_path / "state"))


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("height", [3, 10, 24, 60, 200])
def test_the_jobs_fit_the_screen(site: Site, width: int, height: int) -> None:
    """A clock, running jobs first, as many others as there is room for, and how many more there are."""
    found = answer.status(site)
    shown = lines(watch.fitting(found, width, height), width)
    assert len(shown) <= height
    assert all(cell_len(line) <= width for line in shown)
    assert shown[0].endswith(" · 2 running · 30 jobs")
    named = [line.split()[0] for line in shown if line.split()[:1] and line.split()[0] in {*site.config.jobs}]
    assert named == [BATCH, "zz", *sorted({*site.config.jobs} - {BATCH, "zz"})][: len(named)]
    if len(named) < 30:
        assert shown[-1] == f"{30 - len(named)} more"
        if height > 20:
            assert len(shown) > height - 8  # room is used: a block takes at most seven lines
    else:
        assert not shown[-1].endswith(" more")


def _run(count: int, running: int) -> tuple[Run, Current]:
    """Return a run of `count` steps of which one is under way, and what is known of it."""
    steps = [StepRun(seq, step(str(30 + seq), group="키워드-검색")) for seq in range(1, count + 1)]
    for one in steps[: running - 1]:
        one.status, one.duration = model.SUCCEEDED, HOUR
    now = steps[running - 1]
    now.status, now.started_at = model.RUNNING, NOW - HOUR
    now.attempts = [Attempt(1, "log", NOW - HOUR)]
    run = Run(7, BATCH, NOW - 6 * HOUR, "token", steps)
    row = RunRow(7, BATCH, "running", NOW - 6 * HOUR, None, None, None, None, None)
    current = Current(
        run=row,
        steps=(),
        step=None,
        steps_done=running - 1,
        progress=None,
        elapsed_s=6 * HOUR,
        expected_end_at=NOW + 2 * HOUR,
        expected_end_span=(NOW + HOUR, NOW + 3 * HOUR),
        progresses={running: Progress(done=25, total=100)},
        typical_s={running: 2 * HOUR},
        note=None,
    )
    return run, current


def test_a_run_at_80_columns() -> None:
    """A bar for the whole with percent, time left and expected end, one for the step under way, every line whole."""
    run, current = _run(3, 2)
    assert lines(live.picture(job(name=BATCH), run, NOW, current, 24), 80) == [
        "일괄-작업  run 7  running  6h 00m",
        "███████████████░░░░░ 75%  2h 00m left, ends ~Tue 2026-11-24 17:00 ±1h 00m",
        "step  group        status     time",
        "31    키워드-검색  succeeded  1h 00m",
        "32    키워드-검색  running    1h 00m  ████░░░░░░░░░░░░ 25% 25/100",
        "33    키워드-검색  pending",
    ]


def test_a_run_at_200_columns_that_goes_by_earlier_ones() -> None:
    """A step that says nothing of its progress has a bar by its usual duration, marked as a guess."""
    run, current = _run(3, 2)
    quiet = current.__class__(**{**current.__dict__, "progresses": {}})
    shown = lines(live.picture(job(name=BATCH), run, NOW, quiet, 24), 200)
    assert shown[1] == "███████████████░░░░░ 75%  2h 00m left, ends ~Tue 2026-11-24 17:00 ±1h 00m"
    assert shown[4] == "32    키워드-검색  running    1h 00m  ████████░░░░░░░░ ~50%"


def test_a_first_run_has_no_end_in_sight() -> None:
    """Without history the bar counts steps, and says why."""
    run, _ = _run(4, 2)
    assert lines(live.picture(job(), run, NOW, None, 24), 80)[1] == "█████░░░░░░░░░░░░░░░ 1/4  no history yet"


@pytest.mark.parametrize(("running", "first"), [(1, 1), (500, 494), (1000, 981)])
def test_of_many_steps_those_around_the_running_one_are_shown(running: int, first: int) -> None:
    """And how many are left out; never more lines than there is room for."""
    run, current = _run(1000, running)
    shown = lines(live.picture(job(), run, NOW, current, 24), 80)
    assert len(shown) == 23
    assert shown[-1] == "981 more steps"
    assert any(line.startswith(str(30 + running)) and "25%" in line for line in shown)
    assert abs(int(shown[3].split()[0]) - 30 - first) <= 1


@pytest.mark.parametrize("words", ["run batch", "status --watch", "status batch --watch"])
def test_a_change_of_size_leaves_whole_lines(tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a real terminal, made narrower and lower while it is drawn on: nothing of the old picture is left."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed (tests/ensure_packages.sh installs it where it can)")
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)  # they would say that the size never changes
    steps = ", ".join(f'{{ id = "step-{number:02d}", run = "sleep 60" }}' for number in range(40))
    (tmp_path / "c.toml").write_text(f"[jobs.batch]\nsteps = [{steps}]\n", encoding="utf-8")
    where = ("--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state"))
    tmux = ["tmux", "-L", f"test-{os.getpid()}", "-f", "/dev/null", "-u"]

    def screen() -> list[str]:
        done = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    line = [sys.executable, "-m", "batchctl", *where, *words.split()]
    subprocess.run([*tmux, "new-session", "-d", "-x", "150", "-y", "40", "-e", "LC_ALL=C.UTF-8", *line], check=True)
    try:
        wait_for(lambda: "batch" in "\n".join(screen()), "the first picture")
        subprocess.run([*tmux, "resize-window", "-x", "40", "-y", "12"], check=True)
        shown = wait_for(lambda: (now := screen()) and len(now) <= 12 and _is_whole(now) and now, "a whole picture")
        assert sum(each.startswith("batch") for each in shown) == 1
    finally:
        batchctl(*where, "stop", "batch")  # it would outlive its terminal
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)


def _is_whole(shown: list[str]) -> bool:
    """Say whether a picture begins on the screen, and is the only one."""
    text = "\n".join(shown)
    return text.count("batch") == 1 and all(len(line) <= 40 for line in shown)
