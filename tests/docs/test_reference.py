"""The reference is the code's own word: each generated page is what its tool would write now."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import draw_rooms
import pytest
import reference
from helps import found, helps
from package_source import read as read_house
from pages import ROOT, anchors, code_in, read, table

from batchctl.base.state_dir import StateDir, log_name
from batchctl.config import keys
from batchctl.config.schema import (
    EventsTable,
    FileTable,
    GroupTable,
    JobTable,
    SourceTable,
    StartIfTable,
    StepTable,
    WebTable,
    keys_of,
)

CONFIGURATION = "docs/reference/configuration.md"


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    """`python tools/reference.py` would change nothing."""
    assert read(f"docs/reference/{name}.md") == reference.PAGES[name]()


def test_every_key_has_its_meaning() -> None:
    """Each key that a table of the configuration may have is described, and no other; each stands on the page."""
    known = {
        key
        for struct in (FileTable, JobTable, StartIfTable, StepTable, GroupTable, SourceTable, EventsTable, WebTable)
        for key in keys_of(struct)
    }
    assert {key.rpartition(".")[2] for key in keys.KEYS} == known
    assert all(meaning for _, meaning in keys.KEYS.values())
    assert [key for key in sorted(known) if f"| `{key}` |" not in read(CONFIGURATION)] == []


def test_defaults_are_those_in_force() -> None:
    """The page takes a default from the model where the table leaves it open."""
    rows = {
        code_in(row[0]): row[2] for title in ("A job", "What is told and kept") for row in table(CONFIGURATION, title)
    }
    assert rows["grace"] == '`"10s"`'
    assert rows["catch_up_window"] == '`"24h"`'
    assert rows["long_factor"] == "`1.5`"
    assert rows["keep_days"] == "`30`"
    assert rows["min_gap"] == ""


def test_every_command_is_there() -> None:
    """Each command has its section."""
    assert {"-".join(words) for words in helps()} <= anchors("docs/reference/commands.md")


def test_every_command_with_json_is_there() -> None:
    """The page of the JSON has a section for each command that can print it."""
    able = {" ".join(words) for words in helps() if any("--json" in param.opts for param in found(words).params)}
    sections = re.findall(r"^## ([a-z -]*[a-z])", read("docs/reference/json.md"), re.MULTILINE)
    assert able
    assert able <= {section.partition(" --")[0] for section in sections}


def test_keys_are_named_as_jq_takes_them() -> None:
    """A key below lists and names is shown with its way from the top, and a time as what it is."""
    rows = {code_in(row[0]): row[1] for row in table("docs/reference/json.md", "report --json")}
    assert rows["runs[].steps[].id"] == "text"
    assert rows["runs[].started_at"] == "time"
    assert rows["stats.NAME.p50_s"] == "seconds or null"
    assert rows["periods"] == "list of objects, or not there"


def test_every_place_of_the_state_directory_is_there() -> None:
    """What StateDir makes paths of is described in the page."""
    place = StateDir("")
    paths = [
        *(place.history, place.marker, place.schema_lock, place.health, place.crontab_backup("TIME")),
        *(place.lock("JOB").decode(), place.result(7, 2), place.progress(7, 2), place.compiled("0a")),
        *(place.spooled(7, "json"), f"/{log_name(7, 2, 3)}"),
    ]
    patterns = [
        re.sub(r"\bID\b|STEP|ATTEMPT|KEY", r"\\w+", re.escape(code_in(row[0]))).replace("KIND", "json")
        for row in table("docs/reference/state-directory.md", "State directory")
    ]
    missing = [path for path in paths if not any(re.fullmatch(f"/{pattern}", path) for pattern in patterns)]
    assert missing == []


def test_the_rooms_are_drawn_from_the_imports() -> None:
    """`python tools/draw_rooms.py` would change neither picture nor list."""
    house = read_house(ROOT / "batchctl")
    assert draw_rooms.PICTURE.read_text(encoding="utf-8") == draw_rooms.picture(house)
    assert draw_rooms.PAGE.read_text(encoding="utf-8") == draw_rooms.page(house)


def test_the_picture_shows_every_arrow(tmp_path: Path) -> None:
    """An import between rooms becomes an arrow, and one within a room does not."""
    for name, text in {
        "__init__": "",
        "base/__init__": '"""The ground."""',
        "base/clock": "from batchctl.base import __init__",
        "core/__init__": '"""The domain."""\nfrom batchctl.base import clock',
    }.items():
        file = tmp_path / "batchctl" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    house = read_house(tmp_path / "batchctl")
    assert draw_rooms.arrows(house) == {("core", "base")}
    assert "core imports from base" in draw_rooms.picture(house)
    assert "| `core` | The domain. |\n| `base` | The ground. |" in draw_rooms.listed(house)


@pytest.mark.parametrize("tool", ["reference", "draw_rooms"])
def test_the_tools_can_be_called(tool: str) -> None:
    """Each tool runs as its docstring says, from anywhere, and changes nothing that is up to date."""
    done = subprocess.run([sys.executable, ROOT / "tools" / f"{tool}.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
