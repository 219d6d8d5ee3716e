"""Homes in which the commands of the documentation are run, and how what they print is compared with what is shown.

A block names its scene in a comment above it, `<!-- scene: story columns=80 -->`; the blocks of one scene share a home
from the top of their page to its end, and run in a terminal of 100 columns unless `columns=N` says otherwise. A block
with `file=~/bin/collect` in that comment is written to that file first.

Shown and real output must have the same words in the same order. What no two days have in common is levelled first:
points in time, durations with seconds in them, bars, on a line that tells of a run under way all its figures, and the
paths of home and program. A line that is `…` alone stands for any lines.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Any

from history_rows import DAY, HOUR, Rows
from pages import COLUMNS, ROOT, Block, Shown, blocks, shown
from support import open_terminal

from batchctl.base import clock
from batchctl.config.starter import STARTER
from batchctl.core.run import Identity
from batchctl.core.time import zones
from batchctl.process import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = "/usr/local/bin/batchctl"
"""Where the pages have batchctl; and they have the reader's home in /home/shop."""
STEPS = (("31", 5.5), ("32", 4.0), ("33", 4.0), ("61", 4.5), ("62", 4.0), ("63", 4.0))
"""The story's steps and their hours, 26 in all."""

_STORY = """
timezone = "Asia/Seoul"
[jobs.daily-batch]
preset = "daily-batch"
"""
_MAIL = """
[jobs.nightly-import]
schedule = "30 2 * * *"
[[jobs.nightly-import.steps]]
id = "fetch"
run = "echo 'asking the supplier for its price list'; echo 'connection refused' >&2; exit 3"
retries = 1
[[jobs.nightly-import.steps]]
id = "load"
run = "echo load"
"""
_STEER = """
[jobs.price-list]
schedule = "30 2 * * *"
[[jobs.price-list.steps]]
id = "fetch"
run = "echo fetched 1200 prices"
[[jobs.price-list.steps]]
id = "compare"
run = "echo comparing; wc -l yesterday.csv"
[[jobs.price-list.steps]]
id = "publish"
run = "echo published"
"""
_TOLD = """
[jobs.nightly-import]
schedule = "30 2 * * *"
run = "echo imported"
catch_up = true
[jobs.prices]
run = '''echo '{"collected": 120}' >$BATCHCTL_RESULT'''
on_alert = ["sh", "-c", "cat >>told.jsonl"]
[jobs.prices.expect]
collected = ">= 500"
"""
_CRONTAB = "30 4 * * * /home/shop/bin/backup\n"


class Scene:
    """A home in which commands are run; at first there is nothing in it but a crontab stand-in on PATH."""

    def __init__(self, place: Path, programs: Path) -> None:
        """Make the home at `place`; batchctl and crontab are in `programs`."""
        self.home, self.programs = place, programs
        self.config = self.home / ".config" / "batchctl" / "batchctl.toml"
        self.state = self.home / ".local" / "state" / "batchctl"
        self.crontab = self.home / "crontab"
        self.config.parent.mkdir(parents=True)
        self.state.parent.mkdir(parents=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("BATCHCTL_", "XDG_", "LC_"))}
        for key in ("TZ", "COLUMNS", "LINES", "NO_COLOR"):
            kept.pop(key, None)
        self.env = kept | {
            "HOME": str(self.home),
            "PATH": f"{programs}:{self.home / 'bin'}:/usr/bin:/bin",
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "FAKE_CRONTAB": str(self.crontab),
            "EDITOR": "true",
        }

    def write(self, file: str, text: str) -> None:
        """Write a file of the home, named as the reader would name it; a script can be started."""
        path = self.home / file.removeprefix("~/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if text.startswith("#!"):
            path.chmod(0o755)

    def run(self, command: str, columns: int = COLUMNS) -> tuple[int, str]:
        """Run one command line in a terminal; return exit code and output, the terminal's escapes taken out."""
        master, slave = open_terminal()
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": slave, "stderr": slave}
        termios.tcsetwinsize(slave, (50, columns))
        with subprocess.Popen(["/bin/sh", "-c", command], env=self.env, cwd=self.home, **options) as process:
            os.close(slave)
            pieces = []
            while piece := _read(master):
                pieces.append(piece)
        os.close(master)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(pieces).decode())
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        program = str(self.programs / "batchctl")
        return process.returncode, text.replace(str(self.home), "/home/shop").replace(program, PROGRAM)

    def far_from_the_night(self) -> None:
        """Let it be late in the morning, so that min_gap, and what was missed at night, are every day the same."""
        self.env["TZ"] = f"Etc/GMT{-_east():+d}"


class Stage:
    """Where scenes are set up: one place for the programs, and a home for each scene of each page."""

    def __init__(self, place: Path) -> None:
        """Put batchctl and a stand-in for crontab(1) into a directory for PATH."""
        self._place, self._homes = place, dict[tuple[str, str], Scene]()
        self.programs = place / "bin"
        self.programs.mkdir(parents=True)
        script = self.programs / "batchctl"
        script.write_text(f"#!{sys.executable}\nfrom batchctl.__main__ import entry\n\nentry()\n")
        script.chmod(0o755)
        shutil.copy(ROOT / "tests" / "cron" / "fake_crontab.sh", self.programs / "crontab")
        self._owner = subprocess.Popen(["sleep", "600"])

    def scene(self, page: str, name: str) -> Scene:
        """Return the home of a page's scene, made when it is first asked for."""
        key = (page, name)
        if key not in self._homes:
            scene = self._homes[key] = Scene(self._place / f"{len(self._homes)}" / name, self.programs)
            SCENES[name](scene, self)
        return self._homes[key]

    def owner(self) -> Identity:
        """Return a process that lives as long as the stage."""
        stat = identity.read_stat(self._owner.pid)
        assert stat is not None
        return Identity(
            host=identity.host(), boot_id=clock.boot_id(), pid=self._owner.pid, start_ticks=stat.start_ticks
        )

    def close(self) -> None:
        """End that process."""
        self._owner.send_signal(signal.SIGKILL)
        self._owner.wait()


def play(page: str, stage: Stage) -> Iterator[tuple[Block, Shown, int, str]]:
    """Go down a page: write its files, run its commands; yield each with the exit code and output it really has."""
    for block in blocks(page):
        if block.scene is None:
            continue
        scene = stage.scene(page, block.scene)
        if block.file is not None:
            scene.write(block.file, block.text)
            continue
        for case in shown(block.text):
            yield (block, case, *scene.run(case.command, block.columns))


def _east() -> int:
    """Return how many hours east of Greenwich it is between 11 and 12 o'clock now."""
    return 11 - int(clock.now() % DAY // HOUR)


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:
        return b""  # the last process let go of the terminal


def _fresh(scene: Scene, stage: Stage) -> None:
    """Begin where batchctl has just been installed."""
    scene.far_from_the_night()


def _cron(scene: Scene, stage: Stage) -> None:
    """Begin the same, with a crontab that holds one line of the operator's own."""
    scene.far_from_the_night()
    scene.crontab.write_text(_CRONTAB)


def _story(scene: Scene, stage: Stage) -> None:
    """Have ten days of a batch of 26 hours, fired daily: a run every other night, the last of them under way."""
    scene.config.write_text(_STORY)
    scene.run("batchctl crontab install")
    tell_story(Rows(scene.state), stage.owner())


def _on_a_day(scene: Scene, stage: Stage) -> None:
    """Begin with nothing, on a day whose sample data are known."""
    scene.env["BATCHCTL_SAMPLE_DATE"] = "2026-11-24"


def _configured(text: str) -> Callable[[Scene, Stage], None]:
    def make(scene: Scene, stage: Stage) -> None:
        scene.config.write_text(text)

    return make


def _told(scene: Scene, stage: Stage) -> None:
    """Have a job that missed three nights, and one whose results are poor."""
    scene.far_from_the_night()
    scene.config.write_text(_TOLD)
    os.utime(scene.config, (clock.now() - 20 * DAY,) * 2)
    rows = Rows(scene.state)
    last = clock.now() - (clock.now() + (_east() - 2.5) * HOUR) % DAY
    for back in (5, 4, 3):
        rows.run("nightly-import", last - back * DAY + 1, 600)


def _starter(scene: Scene, stage: Stage) -> None:
    """Have the configuration that `init` writes, run once."""
    scene.config.write_text('on_alert = ["cat"]\n' + STARTER, encoding="utf-8")
    scene.crontab.write_text(_CRONTAB)
    scene.run("batchctl run daily-batch")


SCENES: dict[str, Callable[[Scene, Stage], None]] = {
    "fresh": _fresh,
    "cron": _cron,
    "tutorial": _cron,
    "story": _story,
    "mail": _configured(_MAIL),  # a job whose first step fails
    "steer": _configured(_STEER),  # a chain that lacks a file
    "told": _told,
    "catalogue": _on_a_day,
    "starter": _starter,
}


def tell_story(rows: Rows, owner: Identity) -> None:
    """Write the story's history: a run every other night, a skip in each night between, the last run under way."""
    now, seoul = clock.now(), zones.NamedZone("Asia/Seoul")
    tonight = now - (now + seoul.offset(now) - HOUR) % DAY
    for back in range(10, 0, -2):
        started = tonight - back * DAY
        run = rows.run("daily-batch", started, 26 * HOUR)
        for seq, (step, hours) in enumerate(STEPS, 1):
            rows.step(run, seq, step, duration_s=hours * HOUR)
        rows.skip("daily-batch", started + DAY, run=run)
    run = rows.run("daily-batch", tonight, None, owner=owner)
    begun = tonight
    for seq, (step, hours) in enumerate(STEPS, 1):
        ended = begun + hours * HOUR
        if ended <= now:
            rows.step(run, seq, step, started_at=begun, ended_at=ended, duration_s=hours * HOUR)
        elif begun <= now:
            rows.step(run, seq, step, "running", started_at=begun)
        else:
            rows.step(run, seq, step, "pending")
        begun = ended


_TIME = re.compile(  # with any space between its parts: a line may have been broken there
    r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+)?\d{4}-\d\d-\d\d(?:(?:T|\s+)\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[+-]\d\d:\d\d)?)?"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+(?:\d\d-\d\d|\d\d:\d\d)|\b\d{8}T\d{6}\S*"
)
_SECONDS = re.compile(r"\b(?:\d+m )?\d+(?:\.\d+)? ?m?s\b")
_ZONE = re.compile(r"\((?:[A-Z]\w+/)?[A-Z][\w+/-]+\)$", re.MULTILINE)
_RULE = re.compile(r"([─━·])\1+")
_BARS = re.compile(r"[▁-▏]+")  # as long as its duration, which no two runs share
_OF_THE_MACHINE = re.compile("cron is not running|cron: not running|systemctl enable --now cron")
"""What is said where no cron runs, as on most machines that run these tests."""
_UNDER_WAY = re.compile(r"so far\s*$|^\S+ +running  |still running")
_SPAN = re.compile(r" ±\d+[dhms](?: \d+[hms])*\b")
"""A run under way gets one by how far it is, and so by the time of the day."""
_FIGURES = re.compile(r"<s>|\b\d+[dhm]?(?: \d+[hm])*\b")


def words(text: str) -> list[str]:
    """Return the words of an output, levelled."""
    found: list[str] = []
    for line in _SPAN.sub("", _TIME.sub("<time>", text)).splitlines():
        if _OF_THE_MACHINE.search(line):
            continue
        level = _ZONE.sub("(Zone)", _SECONDS.sub("<s>", line))
        if _UNDER_WAY.search(line):
            level = _FIGURES.sub("0", level)
        found += _BARS.sub("█", _RULE.sub(r"\1", level)).split()
    return found


def pattern(output: str) -> str:
    """Return the regular expression that the words of a real output must match."""
    parts = re.split(r"^…$", output, flags=re.MULTILINE)
    return "(?: .*?)?".join("".join(f" {re.escape(word)}" for word in words(part)) for part in parts)


def same(case: Shown, output: str) -> bool:
    """Say whether a command printed what its page shows."""
    wanted, real = pattern(case.output), "".join(f" {word}" for word in words(output))
    # A run draws its steps again and again; what stays on the terminal is the last picture.
    search = wanted and " run " in case.command
    return re.search(f"{wanted}$", real) is not None if search else re.fullmatch(wanted, real) is not None
