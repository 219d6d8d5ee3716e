"""The documents are executed: what README.md and docs/catalogue.md show is what batchctl does today.

A ```console block is run line by line in a terminal of 100 columns (`columns=N` behind the word console sets others),
and all blocks of one scene share a home, in the order of the page. Scenes: a fresh installation (no further word),
`story` (ten days of a batch of 26 hours, fired daily, the sixth run of it under way), `mail` (a job whose first step
fails), `steer` (a chain that lacks a file), `told` (a job that missed three nights, and one whose results are poor),
`cron` (no configuration yet, and a crontab with one line of the operator's own) and `catalogue` (fresh as well, for
docs/catalogue.md).

Shown and real output must have the same words in the same order. What no two days have in common is levelled first:
points in time, durations with seconds in them, bars, on a line that tells of a run under way all its figures, and the
paths of home and program. A line that is `…` alone stands for any lines.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import termios
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from history_rows import DAY, HOUR, Rows
from support import batchctl, open_terminal

from batchctl.base import clock, errors
from batchctl.commands.cli import COMMANDS, app, main
from batchctl.config import load
from batchctl.config.alerting import CONDITIONS
from batchctl.config.schema import FileTable, GroupTable, JobTable, SourceTable, StepTable, keys_of
from batchctl.config.starter import STARTER
from batchctl.core.guard.decide import NAMES
from batchctl.core.model import RUN_STATUSES
from batchctl.core.run import Identity
from batchctl.core.time import zones
from batchctl.process import identity

ROOT = Path(__file__).parents[2]
PAGES = sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))
DOCUMENTS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", *PAGES]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CATALOGUE = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
PROGRAM = "/usr/local/bin/batchctl"
"""Where the README has batchctl; and it has the reader's home in /home/shop."""

pytestmark = pytest.mark.xdist_group("docs")  # one worker prepares the scenes once

_FENCE = re.compile(r"^```(\w*) ?(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COLUMNS = 100
_SCENES = ("fresh", "story", "mail", "steer", "told", "cron")
_CATALOGUE = "catalogue"
_TABLE = "table"
"""The scene of the examples in the table of commands: the starter configuration, run once."""
_STEPS = (("31", 5.5), ("32", 4.0), ("33", 4.0), ("61", 4.5), ("62", 4.0), ("63", 4.0))
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

_TELLING = 'on_alert = ["cat"]\n'


def fences(language: str, document: str = README) -> list[tuple[str, str]]:
    """Return a document's blocks of one language: the words after it, and the text."""
    return [(words, text) for found, words, text in _FENCE.findall(document) if found == language]


class Shown:
    """One command of the README and the output it shows."""

    def __init__(self, scene: str, columns: int, command: str, output: str) -> None:
        """Keep what stands there."""
        self.scene, self.columns, self.command, self.output = scene, columns, command, output

    def __repr__(self) -> str:
        """Return the command, which names the test's case."""
        return self.command


def shown(document: str = README) -> list[Shown]:
    """Return every command of every console block, in the order of the page."""
    found = []
    for words, text in fences("console", document):
        options = dict(word.split("=") for word in words.split() if "=" in word)
        scene = next((word for word in words.split() if word in {*_SCENES, _CATALOGUE}), "fresh")
        for piece in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, output = piece.partition("\n")
            found.append(Shown(scene, int(options.get("columns", _COLUMNS)), command, output))
    return found


class Scene:
    """A home in which commands of the README are run."""

    def __init__(self, name: str, place: Path) -> None:
        """Make the home, with what the scene needs in it."""
        self.home = place / name
        self.program = place / "bin" / "batchctl"
        config = self.home / ".config" / "batchctl" / "batchctl.toml"
        self.state = self.home / ".local" / "state" / "batchctl"
        config.parent.mkdir(parents=True)
        self.state.parent.mkdir(parents=True)
        text = {"story": _STORY, "mail": _MAIL, "steer": _STEER, "told": _TOLD, _TABLE: _TELLING + STARTER}.get(name)
        if text:
            config.write_text(text, encoding="utf-8")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("BATCHCTL_", "XDG_", "LC_"))}
        for key in ("TZ", "COLUMNS", "LINES", "NO_COLOR"):
            kept.pop(key, None)
        self.env = kept | {
            "HOME": str(self.home),
            "PATH": f"{place / 'bin'}:/usr/bin:/bin",
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "FAKE_CRONTAB": str(self.home / "crontab"),
            "EDITOR": "true",
        }
        if name in {"fresh", "told"}:
            # Far from the nightly fires, so that min_gap, and what was missed, are every day the same.
            self.env["TZ"] = f"Etc/GMT{-_east():+d}"
        if name == "told":
            miss_three_nights(config, self.state)
        if name in {"cron", _TABLE}:
            (self.home / "crontab").write_text("30 4 * * * /home/shop/bin/backup\n")

    def run(self, command: str, columns: int = _COLUMNS) -> tuple[int, str]:
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
        return process.returncode, text.replace(str(self.home), "/home/shop").replace(str(self.program), PROGRAM)


def _east() -> int:
    """Return how many hours east of Greenwich it is between 11 and 12 o'clock now."""
    return 11 - int(clock.now() % DAY // HOUR)


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:
        return b""  # the last process let go of the terminal


def miss_three_nights(config: Path, state: Path) -> None:
    """Write a history of three nights that ended three nights ago, for a configuration that is older than it."""
    os.utime(config, (clock.now() - 20 * DAY,) * 2)
    rows = Rows(state)
    last = clock.now() - (clock.now() + (_east() - 2.5) * HOUR) % DAY
    for back in (5, 4, 3):
        rows.run("nightly-import", last - back * DAY + 1, 600)


def tell_story(state: Path, owner: Identity) -> None:
    """Write the story's history: a run every other night, a skip in each night between, the last run under way."""
    rows = Rows(state)
    now, seoul = clock.now(), zones.NamedZone("Asia/Seoul")
    tonight = now - (now + seoul.offset(now) - HOUR) % DAY
    for back in range(10, 0, -2):
        started = tonight - back * DAY
        run = rows.run("daily-batch", started, 26 * HOUR)
        for seq, (step, hours) in enumerate(_STEPS, 1):
            rows.step(run, seq, step, duration_s=hours * HOUR)
        rows.skip("daily-batch", started + DAY, run=run)
    run = rows.run("daily-batch", tonight, None, owner=owner)
    begun = tonight
    for seq, (step, hours) in enumerate(_STEPS, 1):
        ended = begun + hours * HOUR
        if ended <= now:
            rows.step(run, seq, step, started_at=begun, ended_at=ended, duration_s=hours * HOUR)
        elif begun <= now:
            rows.step(run, seq, step, "running", started_at=begun)
        else:
            rows.step(run, seq, step, "pending")
        begun = ended


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Scene]]:
    """Make the homes, with batchctl and a stand-in for crontab(1) on PATH."""
    place = tmp_path_factory.mktemp("docs")
    (place / "bin").mkdir()
    script = place / "bin" / "batchctl"
    script.write_text(f"#!{sys.executable}\nfrom batchctl.__main__ import entry\n\nentry()\n")
    script.chmod(0o755)
    shutil.copy(ROOT / "tests" / "cron" / "fake_crontab.sh", place / "bin" / "crontab")
    with subprocess.Popen(["sleep", "600"]) as process:
        stat = identity.read_stat(process.pid)
        assert stat is not None
        found = {name: Scene(name, place) for name in (*_SCENES, _CATALOGUE, _TABLE)}
        owner = Identity(host=identity.host(), boot_id=clock.boot_id(), pid=process.pid, start_ticks=stat.start_ticks)
        tell_story(found["story"].state, owner)
        found[_TABLE].run("batchctl run daily-batch")
        yield found
        process.kill()


_TIME = re.compile(  # with any space between its parts: a line may have been broken there
    r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+)?\d{4}-\d\d-\d\d(?:(?:T|\s+)\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[+-]\d\d:\d\d)?)?"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+(?:\d\d-\d\d|\d\d:\d\d)|\b\d{8}T\d{6}\S*"
)
_SECONDS = re.compile(r"\b(?:\d+m )?\d+(?:\.\d+)? ?m?s\b")
_ZONE = re.compile(r"\((?:[A-Z]\w+/)?[A-Z][\w+/-]+\)$", re.MULTILINE)
_RULE = re.compile(r"([─━·])\1+")
_BARS = re.compile(r"[▁-▏]+")  # as long as its duration, which no two runs share
_UNDER_WAY = re.compile(r"so far\s*$|^\S+ +running  |still running")
_FIGURES = re.compile(r"<s>|\b\d+[dhm]?(?: \d+[hm])*\b")


def words(text: str) -> list[str]:
    """Return the words of an output, levelled."""
    found: list[str] = []
    for line in _TIME.sub("<time>", text).splitlines():
        level = _ZONE.sub("(Zone)", _SECONDS.sub("<s>", line))
        if _UNDER_WAY.search(line):
            level = _FIGURES.sub("0", level)
        found += _BARS.sub("█", _RULE.sub(r"\1", level)).split()
    return found


def pattern(output: str) -> str:
    """Return the regular expression that the words of a real output must match."""
    parts = re.split(r"^…$", output, flags=re.MULTILINE)
    return "(?: .*?)?".join("".join(f" {re.escape(word)}" for word in words(part)) for part in parts)


def wrong(case: Shown, scene: Scene) -> str:
    """Return how the README and batchctl differ on one command; empty where they agree."""
    code, output = scene.run(case.command, case.columns)
    wanted, real = pattern(case.output), "".join(f" {word}" for word in words(output))
    # A run draws its steps again and again; what stays on the terminal is the last picture.
    picture = re.search(f"{wanted}$", real) if " run " in case.command else re.fullmatch(wanted, real)
    return "" if code == 0 and picture else f"$ {case.command}\nexit {code}\nshown:{wanted}\nreal: {real}\n\n{output}"


def test_every_console_line_is_true(scenes: dict[str, Scene]) -> None:
    """Each `$` line of the README prints what is shown below it and exits 0; another exit code is shown by `echo`."""
    cases = shown()
    assert {case.scene for case in cases} == set(_SCENES)
    assert "\n".join(filter(None, (wrong(case, scenes[case.scene]) for case in cases))) == ""


def test_every_console_line_of_the_catalogue_is_true(scenes: dict[str, Scene]) -> None:
    """So does each of docs/catalogue.md, where the extra is installed that its programs need."""
    pytest.importorskip("httpx")
    pytest.importorskip("defusedxml")
    cases = shown(CATALOGUE)
    assert {case.scene for case in cases} == {_CATALOGUE}
    assert "\n".join(filter(None, (wrong(case, scenes[case.scene]) for case in cases))) == ""


def test_the_catalogue_names_every_preset(tmp_path: Path) -> None:
    """The table of docs/catalogue.md has every ready-made job but daily-batch, each with its schedule."""
    done = batchctl(
        "--state", str(tmp_path / "state"), "jobs", "list", "--json", env={**os.environ, "HOME": str(tmp_path)}
    )
    listed = {job["job"]: job["schedule"] for job in json.loads(done.stdout)["jobs"]}
    del listed["daily-batch"]
    assert {code_in(row[0]): code_in(row[1]) for row in table("The jobs", CATALOGUE)} == listed


def table(heading: str, document: str = README) -> list[list[str]]:
    """Return the rows of the first table below a heading of a document, head and rule left out."""
    below = document.partition(f"\n## {heading}\n")[2]
    lines = re.search(r"(?:^\|.*\|\n)+", below, re.MULTILINE)
    assert lines is not None, heading
    rows = lines[0].splitlines()[2:]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def code_in(cell: str) -> str:
    """Return the first `code` of a table's cell."""
    found = re.search(r"`([^`]+)`", cell)
    assert found is not None, cell
    return found[1]


def test_the_table_of_commands_is_complete() -> None:
    """The README's table names every command, in the order in which batchctl lists them, and no other."""
    named = [code_in(row[0]).split()[0] for row in table("Commands")]
    assert list(dict.fromkeys(named)) == list(COMMANDS)


@pytest.mark.parametrize("row", table("Commands"), ids=lambda row: code_in(row[0]))
def test_the_examples_of_the_table_work(row: list[str], scenes: dict[str, Scene]) -> None:
    """Each example is carried out; it may find something (1) or skip (75), but is never misunderstood."""
    example = code_in(row[2])
    assert example.startswith(f"batchctl {code_in(row[0]).partition(' ')[0]}")
    if example == "batchctl sample-server":
        serves(scenes[_TABLE])
        return
    code, output = scenes[_TABLE].run(example)
    assert code in {errors.EXIT_OK, errors.EXIT_FAILED, errors.EXIT_SKIPPED}, output


def serves(scene: Scene) -> None:
    """Start the sample server as its example does, and end it as the README says."""
    with subprocess.Popen([scene.program, "sample-server"], env=scene.env, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("sample server at http://127.0.0.1:")
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0


def test_the_crontab_of_the_readme_is_in_the_example() -> None:
    """The lines that the README offers stand in crontab.example as well, where they are tried under cron."""
    example = [line.split() for line in (ROOT / "crontab.example").read_text(encoding="utf-8").splitlines()]
    lines = [line for _, text in fences("crontab") for line in text.splitlines()]
    assert lines
    assert [line for line in lines if line.split() not in example] == []


def helps() -> list[tuple[str, ...]]:
    """Return every command and every command of a group, as words."""
    found: list[tuple[str, ...]] = []
    root: Any = typer.main.get_command(app)
    for name in COMMANDS:
        inner = getattr(root.get_command(None, name), "commands", {})
        found += [(name,), *((name, word) for word in inner)]
    return found


@pytest.mark.parametrize("command", helps(), ids=" ".join)
def test_help_has_examples_that_parse(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each help has Examples, and each of them is a command line that the program takes."""
    monkeypatch.setenv("COLUMNS", "200")  # wide enough for each example to stay on its line
    assert main([*command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Examples:" in text
    examples = re.findall(r"^\W*(batchctl .*?)`?\s*$", text.partition("Examples:")[2].partition("╭")[0], re.MULTILINE)
    assert examples
    for example in examples:
        assert main([*shlex.split(example)[1:], "--help"]) == 0, example


def test_help_reads_anywhere(tmp_path: Path) -> None:
    """The list of commands is shown in the C locale on 80 columns, each command in it, no line longer."""
    environment = {"LC_ALL": "C", "COLUMNS": "80", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = batchctl("--help", env=environment)
    assert done.returncode == 0, done.stderr
    assert all(re.search(rf"\b{name}\b", done.stdout) for name in COMMANDS)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_exit_codes_are_those_of_the_code() -> None:
    """The README's table has the contract's codes, each the value that errors.py gives it."""
    assert [row[0] for row in table("Exit codes")] == [
        str(errors.EXIT_OK),
        str(errors.EXIT_FAILED),
        str(errors.EXIT_USAGE),
        str(errors.EXIT_STATE),
        str(errors.EXIT_SKIPPED),
        str(errors.EXIT_CONFIG),
        str(errors.EXIT_TIMED_OUT),
        f"{errors.EXIT_SIGNAL_BASE}+n",
    ]


def test_every_key_of_the_configuration_is_shown() -> None:
    """Each key that a table of the configuration may have stands in the README or in docs/catalogue.md."""
    keys = {key for table in (FileTable, JobTable, StepTable, GroupTable, SourceTable) for key in keys_of(table)}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}\b", README + CATALOGUE)] == []


def test_every_condition_is_named() -> None:
    """The README lists each condition that somebody can be told of."""
    assert [name for name in CONDITIONS if f"`{name}`" not in README] == []


def test_the_guard_has_these_checks() -> None:
    """The README lists the checks of the decision in their order, and every status that a run can have."""
    assert [code_in(row[1]) for row in table("What the guard checks")] == list(NAMES)
    assert all(f"`{status}`" in README for status in RUN_STATUSES)


@pytest.mark.parametrize(
    "text",
    [text for document in (README, CATALOGUE) for _, text in fences("toml", document)],
    ids=lambda text: text.splitlines()[0][:40],
)
def test_configurations_are_valid(text: str, tmp_path: Path) -> None:
    """Each configuration shown is accepted; one that names its file stands in it, beside an empty main file."""
    named = re.match(r"# (jobs\.d/\S+\.toml)\n", text)
    main_file = tmp_path / "batchctl.toml"
    main_file.touch()
    file = tmp_path / named[1] if named else main_file
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    assert load(str(main_file)).jobs


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Every link to a file of the repository names one that is there, and every anchor a heading."""
    text = (ROOT / document).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif not link.startswith("https://"):
            assert ((ROOT / document).parent / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS)
def test_only_what_exists_is_mentioned(document: str) -> None:
    """No document speaks of a command of batchctl, or of a target of make, that is not there."""
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    options = r"(?:--(?:config|state) \S+ )*"
    named = re.findall(rf"`batchctl {options}([a-z][a-z-]*)(?: ([a-z]+))?", text)
    groups = {words[0] for words in helps() if len(words) > 1}
    assert {command for command, _ in named} <= set(COMMANDS)
    assert {words for words in named if words[0] in groups and words[1]} <= set(helps())
    assert set(re.findall(r"`make (\w+)", text)) <= set(targets)


def test_the_licence_is_the_declared_one() -> None:
    """LICENSE is the licence that pyproject.toml names."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]["text"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith(f"{declared} License\n")
