"""The app: what it lists, and what a command may load before it answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from history_rows import Rows
from support import batchctl, wait_for

from batchctl.base import clock
from batchctl.commands.cli import COMMANDS, SUMMARIES, main

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[jobs.nightly]
run = "true"
[jobs.dated]
preset = "tables-daily"
[jobs.own]
run = "test {n} = 1"
params = { n = 1 }
[jobs.by-function]
function = "shop:main"
cwd = "."
params = { days = 1 }
"""
SHOP = """
def main(days: int, rate: float = 1.0, names: list[str] | None = None, label: str = "", **more: int) -> None:
    open("ran", "w").close()
"""


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Write the configuration and return the global options."""
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stauts", "did you mean `batchctl status`?"),
        ("list", "did you mean `batchctl jobs list`?"),
        ("help", "did you mean `batchctl --help`?"),
        ("version", "did you mean `batchctl --version`?"),
        ("frobnicate", "`batchctl --help` lists the commands"),
    ],
)
def test_a_command_that_is_none_is_answered_with_what_was_meant(
    typed: str, meant: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, one line and the likely command."""
    assert main([typed]) == 2
    assert capfd.readouterr().err == f"batchctl: there is no command {typed!r}\n  → {meant}\n"


@pytest.mark.parametrize("line", ["-h", "status -h", "jobs -h", "jobs add -h"])
def test_a_short_h_is_help(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    """As with most programs."""
    assert main(line.split()) == 0
    shown = capfd.readouterr().out
    assert shown.startswith("Usage: batchctl")
    assert "bool" not in shown.lower()


@pytest.mark.parametrize(
    "line", ["status nightly OPTIONS", "jobs OPTIONS list", "jobs list OPTIONS", "run nightly OPTIONS"]
)
def test_global_options_stand_after_the_command_too(
    options: list[str], line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--config` and `--state` mean the same wherever they stand."""
    done = batchctl(*line.replace("OPTIONS", " ".join(options)).split())
    assert (done.returncode, done.stderr) == (0, "")
    assert main(["status", "--version"]) == 0
    assert capfd.readouterr().out.splitlines()[-1].startswith("batchctl ")


def test_a_word_that_looks_like_a_global_option_stays_what_it_is(options: list[str], tmp_path: Path) -> None:
    """A value of another option, and what follows `--`, are no options."""
    assert main([*options, "jobs", "add", "words", "--argv", "prog", "--argv=--config", "--argv", "--state"]) == 0
    assert 'argv = ["prog", "--config", "--state"]' in (tmp_path / "jobs.d/words.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "simulate --duration 26 --every 24h",
        "simulate --duration 20h..26 --every 24h",
        "simulate --every 26 --duration 1h",
        "simulate --duration 1h --every 24h --min-gap 26",
        "pause --for 26",
        "jobs add x --run true --every 26",
        "jobs add x --run true --timeout 26",
    ],
)
def test_a_duration_without_unit_is_refused(options: list[str], line: str, capfd: pytest.CaptureFixture[str]) -> None:
    """26 of what? The remedy names the likely one."""
    assert main([*options, *line.split()]) == 2
    assert "'26' has no unit\n  → did you mean 26h?" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("job", "param", "code", "said"),
    [
        ("dated", "nosuch=1", 2, "is no parameter of this job\n  → its parameters: days, prefix, template"),
        ("dated", "dayz=1", 2, "did you mean days?"),
        ("dated", "days=abc", 2, "must be a number, not 'abc'\n  → write for example days=7"),
        ("dated", "days=true", 2, "must be a number, not True"),
        ("by-function", "days=abc", 2, "TypeError: days must be int, not 'abc'"),
        ("by-function", "days=true", 2, "days must be int, not True"),
        ("by-function", "names=x", 2, "names must be list or NoneType, not 'x'"),
        ("by-function", "rate=2", 0, ""),  # a whole number is a number
        ("by-function", "label=7", 0, ""),  # text may look like a number
        ("by-function", "names=null", 0, ""),
        ("own", "whatever=1", 0, ""),  # the program may read it from BATCHCTL_PARAMS
    ],
)
def test_a_parameter_that_nothing_takes_is_refused_before_anything_starts(
    options: list[str], tmp_path: Path, job: str, param: str, code: int, said: str
) -> None:
    """Exit 2 for the command line, and no run in the history."""
    done = batchctl(*options, "run", job, "--param", param, "--json")
    assert done.returncode == code
    assert said in done.stderr
    assert (done.stdout == "") == bool(code)
    assert not (tmp_path / "ran").exists() or (job, code) == ("by-function", 0)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("{ dayz = 1 }", "c.toml:4: jobs.dated.params.dayz: is no parameter of this job\n  → did you mean days?"),
        ('{ days = "abc" }', "c.toml:4: jobs.dated.params.days: must be a number, not 'abc'"),
    ],
)
def test_a_configured_parameter_that_the_preset_does_not_take_is_refused(
    options: list[str], tmp_path: Path, params: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 78 with file and line; a job with steps of its own may have any."""
    wrong = f'[jobs.dated]\npreset = "tables-daily"\ntimeout = "1h"\nparams = {params}\n'
    (tmp_path / "c.toml").write_text(wrong, encoding="utf-8")
    assert main([*options, "config"]) == 78
    assert said in capfd.readouterr().err
    (tmp_path / "c.toml").write_text(f'{wrong}run = "true"\n', encoding="utf-8")
    assert main([*options, "config"]) == 0


def test_a_function_that_the_configuration_cannot_call_stays_a_configuration_error(
    options: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 78 where `--param` is not to blame."""
    (tmp_path / "c.toml").write_text(CONFIG.replace("days = 1", 'days = "x"'), encoding="utf-8")
    assert main([*options, "run", "by-function", "--param", "rate=2"]) == 78
    assert "days must be int, not 'x'" in capfd.readouterr().err


@pytest.mark.parametrize("job", ["a", "작업"])
def test_a_table_of_steps_is_told_from_a_list_of_them(
    options: list[str], tmp_path: Path, job: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The remedy is the header as it must be written, which then works."""
    name = job if job.isascii() else f'"{job}"'
    text = f'[jobs.{name}]\n[jobs.{name}.steps]\nid = "1"\nrun = "true"\n'
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    assert main([*options, "config"]) == 78
    header = f"[[jobs.{name}.steps]]"
    assert f"write {header}, in double brackets, before each step" in capfd.readouterr().err
    (tmp_path / "c.toml").write_text(text.replace(f"[jobs.{name}.steps]", header), encoding="utf-8")
    assert main([*options, "config"]) == 0


_UNREADABLE = ("setpriv", "--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.parametrize("words", ["status", "report", "logs nightly", "alerts list", "explain nightly", "check"])
@pytest.mark.parametrize("what", ["state", "state/batchctl.db"])
def test_what_cannot_be_read_is_never_shown_as_empty(options: list[str], tmp_path: Path, words: str, what: str) -> None:
    """Exit 74 for a history that this user may not read, even where not one of its files can be seen."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root reads everything, and setpriv is not there to take that from it")
    Rows(tmp_path / "state").run("nightly", clock.now() - 100)
    (tmp_path / what).chmod(0)
    line = [*(_UNREADABLE if os.geteuid() == 0 else ()), sys.executable, "-m", "batchctl", *options, *words.split()]
    try:
        done = subprocess.run(line, capture_output=True, text=True, check=False)
    finally:
        (tmp_path / what).chmod(0o700)
    assert done.returncode == 74, done.stderr
    assert "check owner and mode" in done.stderr or "make it a directory" in done.stderr


_HEAVY = {"apprise", "croniter", "jinja2", "msgspec", "pydantic", "sqlite_utils", "tomlkit", "tomllib"}


def test_every_command_is_listed_with_a_whole_sentence() -> None:
    """At 80 columns no line of the list is cut."""
    assert list(SUMMARIES) == list(COMMANDS)
    shown = batchctl("--help", env={**os.environ, "COLUMNS": "80"}).stdout
    assert [name for name, text in SUMMARIES.items() if f"{name:<15}{text}\n" not in shown] == []


def test_examples_keep_their_lines() -> None:
    """The examples of a command's help stand a line each, at whatever width."""
    shown = batchctl("status", "--help", env={**os.environ, "COLUMNS": "40"}).stdout
    assert "  Examples:\n  * `batchctl status`\n  * `batchctl status daily-batch`\n" in shown


@pytest.mark.parametrize("command", ["status", "explain", "simulate", "report", "logs"])
def test_a_question_loads_nothing_that_its_answer_does_not_need(command: str, tmp_path: Path) -> None:
    """Once a fire has compiled the configuration, looking reads no TOML and imports none of the large libraries."""
    config, state = tmp_path / "batchctl.toml", tmp_path / "state"
    config.write_text('[jobs.x]\nschedule = "0 1 * * *"\nrun = "true"\n')
    where = ["--config", str(config), "--state", str(state)]
    wait_for(
        lambda: batchctl(*where, "run", "x").returncode == 0 and list(state.glob("config-*.bin")),
        "the compiled configuration",
    )
    line = [sys.executable, "-X", "importtime", "-m", "batchctl", *where, command, "x"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    loaded = {row.rpartition("|")[2].strip().partition(".")[0] for row in done.stderr.splitlines()}
    assert "typer" in loaded
    assert sorted(loaded & _HEAVY) == []
