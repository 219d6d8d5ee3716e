"""The page on moving from the old tools is tried.

Every command of the page runs in a home of its own: jobs by the names that the page uses, an old crontab, and behind
it one run of `daily-batch` and a collection of a supplier. Every key is given to a job; the Python of a section runs in
its order, in one program; SQL is asked of the history. What stands below a `$` line is what it prints without a
terminal, on 80 columns.
"""

from __future__ import annotations

import json
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

PAGE = "docs/migration.md"

_CODE = re.compile(r"`([^`]+)`")
_KEY = re.compile(r"(?!ctl )[a-z_]+ = .")
_PYTHON = re.compile(r"ctl\b|\[|[a-z.]+\(")
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
[jobs.collect-zentrade]
preset = "collect-zentrade"
"""
_FUNCTIONS = """
def my_custom_job(days: int) -> dict[str, int]:
    return {"days": days}

def refresh(market: str = "", limit: int = 0) -> None:
    pass
"""
_INSTALLED = ("tables-daily", "tables-monthly", "tables-cleanup", "tmdb-hourly", "tmdb-daily")
"""Presets that a row installs, and others of its table speak of."""
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
PYTHON = {
    heading: found
    for heading, _, text in (part.partition("\n") for part in re.split(r"^## ", read(PAGE), flags=re.MULTILINE))
    if (found := [code for rows_of in rows(text) for row in rows_of for code in spans(row[1:2]) if _PYTHON.match(code)])
}
"""What the sections' tables say in Python."""
KEYS = list(dict.fromkeys(code for code in NOW if _KEY.match(code)))
SHOWN = [case for block in blocks(PAGE, "console") for case in shown(block.text)]
SCRIPTS = [block.text for block in blocks(PAGE, "sh")]
QUERIES = [block.text for block in blocks(PAGE, "sql")]
PRELUDE = blocks(PAGE, "python")[0].text


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
    (config.parent / "shop").mkdir()
    (config.parent / "shop" / "jobs.py").write_text(_FUNCTIONS, encoding="utf-8")
    for command in ("run daily-batch", "run collect-zentrade"):
        done = shell(f"batchctl {command}", home, programs)
        assert done.returncode == 0, done.stdout
    for command in ("pause collect-zentrade", "run collect-zentrade", "resume collect-zentrade"):  # a fire is skipped
        assert shell(f"batchctl {command}", home, programs).returncode in {0, 75}
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
        for name in (word for word in command.split() if word in _INSTALLED and "--install" not in command):
            assert shell(f"batchctl jobs presets --install {name}", fresh, programs).returncode == 0
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
    """No row of a table leaves the reader without a command, a key, Python, or the word that nothing is to be done."""
    for row in ROWS:
        useful = any(code.startswith("batchctl ") or code in KEYS or _PYTHON.match(code) for code in spans(row[1:2]))
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


def program(text: str, home: Path, programs: Path) -> str:
    """Run Python of the page as it stands; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"{PRELUDE}\n{text}"],
        env=environment(home, programs) | {"PYTHONPATH": str(home / ".config" / "batchctl")},
        cwd=home,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, ""), text
    return done.stdout


def test_the_python_of_batch_scheduler(fresh: Path, programs: Path) -> None:
    """The rows run in their order, and what they make is a job that cron fires and that has run with its parameters."""
    text = "\n".join(PYTHON["`BatchScheduler`"])
    text += "\nctl.resume()\nprint(ctl.run('custom').steps[0].result, *ctl.jobs('analysis'))"
    said = program(text, fresh, programs)
    assert "{'days': 7} ListedJob(" in said
    assert "job='custom'" in said
    assert " run custom\n" in (fresh / "crontab").read_text(encoding="utf-8")
    assert 'my_custom_job = "shop.jobs:my_custom_job"' in (fresh / ".config/batchctl/batchctl.toml").read_text()
    listed = shell("batchctl jobs list", fresh, programs).stdout
    assert [name for name in ("collect-wholesale", "process-images", "analyze-trends") if name not in listed] == []


def test_the_decorated_function_is_a_job(fresh: Path, programs: Path) -> None:
    """The module as it stands there, named in `modules`, is a job, in the crontab too, and takes its parameters."""
    config = fresh / ".config" / "batchctl" / "batchctl.toml"
    config.write_text(f'modules = ["shop.jobs"]\n{config.read_text(encoding="utf-8")}', encoding="utf-8")
    (config.parent / "shop" / "jobs.py").write_text(blocks(PAGE, "python")[1].text, encoding="utf-8")
    (command,) = re.findall(r"`(batchctl run my_custom_job [^`]+)`", read(PAGE))
    assert shell(f"{command} && batchctl crontab install", fresh, programs).returncode == 0
    assert shell("batchctl run my_custom_job --param days=soon", fresh, programs).returncode == 2
    assert " run my_custom_job\n" in (fresh / "crontab").read_text(encoding="utf-8")
    said = shell("batchctl report my_custom_job --json", fresh, programs).stdout
    assert [run["steps"][0]["result"] for run in json.loads(said)["runs"]] == [{"days": 1}]


def test_the_python_of_scheduler_service(fresh: Path, programs: Path) -> None:
    """The rows run in their order; a ScheduleJob's fields end up in the job, which has run before it is removed."""
    rows_of = PYTHON["`SchedulerService` and `ScheduleJob`"]
    (removal,) = (code for code in rows_of if "delete_job" in code)
    first, fields = rows_of[: rows_of.index(removal)], rows_of[rows_of.index(removal) + 1 :]
    text = "\n".join([*first, 'print(ctl.run("prices").status)', *fields, 'print(ctl.job("prices"))', removal])
    said = program(text, fresh, programs)
    assert said.startswith("succeeded\n")
    for part in ("schedule='*/15 9-18 * * 1-5'", "title='가격 갱신'", "enabled=False", "timeout=3600.0", "300"):
        assert part in said
    assert "prices'" not in shell("batchctl jobs list --json", fresh, programs).stdout


def test_all_python_of_the_tables_is_run() -> None:
    """No other section has Python that nobody tries."""
    assert list(PYTHON) == ["`BatchScheduler`", "`SchedulerService` and `ScheduleJob`"]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_the_sql_finds_the_collection(query: str, fresh: Path) -> None:
    """Each query answers beside whatever runs, with the supplier that was collected and the fire that was skipped."""
    path = fresh / ".local" / "state" / "batchctl" / "batchctl.db"
    done = subprocess.run(
        ["sqlite3", "-readonly", "-csv", "-header", str(path), query], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(",") for line in done.stdout.splitlines()]
    found = [dict(zip(lines[0], line, strict=True)) for line in lines[1:] if "collect-zentrade" in line]
    assert found
    assert all(row.get(column, "295") == "295" for row in found for column in ("products", "collected"))


def test_the_page_uses_no_other_fences() -> None:
    """What stands in a block of the page is tried by one of these tests, or with all pages: toml."""
    assert {block.language for block in blocks(PAGE)} == {"console", "sh", "toml", "python", "sql"}
    assert len(blocks(PAGE, "python")) == 2
    assert len(SHOWN) > 1
    assert len(SCRIPTS) > 1
