"""The page on moving from the old tools is tried.

Every command of the page runs in a home of its own: jobs by the names that the page uses, an old crontab, and one run
of `daily-batch` behind it. Every key is given to a job. What stands below a `$` line is what it prints without a
terminal, on 80 columns.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import blocks, read, rows, shown
from scenes import Stage

from batchctl.config import load

PAGE = "docs/howto/migration.md"

_CODE = re.compile(r"`([^`]+)`")
_KEY = re.compile(r"[a-z_]+ = .")
_JOBS = """
timezone = "Asia/Seoul"
[pools]
collectors = 2
[jobs.daily-batch]
schedule = "0 1 * * *"
run = "echo 배치"
[jobs.collect-ownerclan]
preset = "collect-ownerclan"
[jobs.collect-suppliers]
preset = "collect-suppliers"
[jobs.refresh-prices]
every = "48h"
run = "echo prices"
[jobs.nightly-import]
schedule = "30 2 * * *"
run = "test -e ~/failed-once || (touch ~/failed-once && exit 1)"
"""
_CRONTAB = """\
MAILTO=ops@example.org
# 오너클랜 수집
0 3 * * * flock -n /tmp/ownerclan.lock timeout -k 30s 6h /srv/shop/collect.sh --limit 300 >> /var/log/collect.log 2>&1
"""


def spans(cells: list[str]) -> list[str]:
    """Return the `code` of these cells, in their order."""
    return [code for cell in cells for code in _CODE.findall(cell)]


ROWS = [row for table in rows(read(PAGE)) for row in table]
NOW = [code for row in ROWS for code in spans(row[1:])]
"""What the tables say is used now: commands, keys and words."""
COMMANDS = [found for row in ROWS if (found := [code for code in spans(row[1:]) if code.startswith("batchctl ")])]
KEYS = list(dict.fromkeys(code for code in NOW if _KEY.match(code)))
SHOWN = [case for block in blocks(PAGE, "console") for case in shown(block.text)]
SCRIPTS = [block.text for block in blocks(PAGE, "sh")]


def environment(home: Path, programs: Path) -> dict[str, str]:
    """Return what a login shell of that home would have."""
    return {
        "HOME": str(home),
        "PATH": f"{programs}:{os.path.dirname(sys.executable)}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "COLUMNS": "80",
        "EDITOR": "true",
        "FAKE_CRONTAB": str(home / "crontab"),
    }


def shell(line: str, home: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the page without a terminal; errors join the output."""
    return subprocess.run(
        ["/bin/sh", "-c", line],
        env=environment(home, programs),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory for PATH with batchctl and a stand-in for crontab(1)."""
    stage = Stage(tmp_path_factory.mktemp("programs"))
    stage.close()
    return stage.programs


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Path:
    """Make the home that every command gets a copy of."""
    home = tmp_path_factory.mktemp("moved")
    config = home / ".config" / "batchctl" / "batchctl.toml"
    config.parent.mkdir(parents=True)
    config.write_text(_JOBS, encoding="utf-8")
    (home / "crontab").write_text(_CRONTAB, encoding="utf-8")
    done = shell("batchctl run daily-batch", home, programs)
    assert done.returncode == 0, done.stdout
    return home


@pytest.fixture
def fresh(moved: Path, tmp_path: Path) -> Path:
    """Return a copy of the prepared home, for one command alone."""
    return Path(shutil.copytree(moved, tmp_path / "shop"))


@pytest.mark.parametrize("commands", COMMANDS, ids=lambda commands: commands[0])
def test_commands_of_the_tables_work(commands: list[str], fresh: Path, programs: Path) -> None:
    """The commands of each row succeed on a shop's machine, one after the other."""
    for command in commands:
        if command.endswith(" --resume"):  # something must have broken off before
            assert shell(command.removesuffix(" --resume"), fresh, programs).returncode == 1
        done = shell(command, fresh, programs)
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_the_tables_are_accepted(key: str, tmp_path: Path) -> None:
    """Each `key = value` of the tables is one of the configuration, of its pools, or of a job."""
    name = key.partition(" ")[0]
    file = tmp_path / "batchctl.toml"
    (tmp_path / "shop.env").touch()
    if name in {"collectors", "shop"}:
        text = f"[pools]\n{key}\n"
    elif name == "timezone":
        text = f"{key}\n"
    else:
        pools = "[pools]\ncollectors = 1\nshop = 1\n"
        schedule = "" if name in {"schedule", "every", "daily", "at"} else "daily = '01:00'\n"
        text = f"{pools}[jobs.x]\n{key}\n{schedule}run = 'true'\n"
    file.write_text(text, encoding="utf-8")
    assert load(str(file)).path == str(file)


def test_each_row_says_what_to_do() -> None:
    """No row of a table leaves the reader without a command, a key, or the word that nothing is to be done."""
    for row in ROWS:
        useful = any(code.startswith("batchctl ") or code in KEYS for code in spans(row[1:2]))
        assert useful or row[1] in {"nothing", "three steps"}, row


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[case.command for case in SHOWN])
def test_what_is_shown_is_what_comes(command: str, output: str, fresh: Path, programs: Path) -> None:
    """A `$` line prints what stands below it; only the home is put in."""
    done = shell(command, fresh, programs)
    real = done.stdout.replace(str(fresh), "/home/shop")
    assert done.returncode == 0
    assert [line.rstrip() for line in real.strip().splitlines()] == output.strip().splitlines()


@pytest.mark.parametrize("script", SCRIPTS, ids=range(len(SCRIPTS)))
def test_scripts_read_the_json(script: str, fresh: Path, programs: Path) -> None:
    """Each script of the page finds the job in what batchctl prints."""
    done = shell(script, fresh, programs)
    assert done.returncode == 0, done.stdout
    assert re.search(r"(?:^|\t)daily-batch\t", done.stdout, re.MULTILINE)


def test_the_page_uses_no_other_fences() -> None:
    """What stands in a block of the page is tried by one of these tests: console, sh, or toml."""
    assert {block.language for block in blocks(PAGE)} == {"console", "sh", "toml"}
    assert len(SHOWN) > 1
    assert len(SCRIPTS) > 1
