"""What the pages say in words holds: links, configurations, commands, tables."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import pytest
from helps import helps
from pages import ENGLISH, KOREAN, ROOT, anchors, blocks, code_in, links, read, rows, table
from support import batchctl

from batchctl.commands.cli import COMMANDS
from batchctl.config import load
from batchctl.config.alerting import CONDITIONS
from batchctl.core.guard.decide import NAMES
from batchctl.core.model import RUN_STATUSES

ARCHITECTURE = "docs/explanation/architecture.md"
ALERTS = "docs/howto/alerts.md"
CATALOGUE = "docs/reference/catalogue.md"
GUARD = "docs/explanation/guard.md"
PAGES = [*ENGLISH, *KOREAN, "CHANGELOG.md", "CONTRIBUTING.md", "benchmarks/README.md"]


@pytest.mark.parametrize("page", ["README.md", "README.ko.md"])
def test_the_readme_stays_short(page: str) -> None:
    """A README is read at one sitting: 200 lines at most."""
    assert len(read(page).splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every link leads to a file of the repository or to a page elsewhere, and every anchor to a heading."""
    for link in links(page):
        file, _, anchor = link.partition("#")
        if link.startswith("https://"):
            continue
        target = os.path.normpath(os.path.join(os.path.dirname(page), file)) if file else page
        assert (ROOT / target).exists(), link
        assert not anchor or anchor in anchors(target), link
        # The site has nothing but docs/.
        assert not page.startswith("docs/") or target.startswith("docs/"), f"{link} is not on the site"


@pytest.mark.parametrize("page", PAGES)
def test_only_what_exists_is_mentioned(page: str) -> None:
    """No page speaks of a command of batchctl, or of a target of make, that is not there."""
    text = read(page)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    options = r"(?:--(?:config|state) \S+ )*"
    named = re.findall(rf"`batchctl {options}([a-z][a-z-]*)(?: ([a-z]+))?", text)
    groups = {words[0] for words in helps() if len(words) > 1}
    assert {command for command, _ in named} <= set(COMMANDS)
    assert {words for words in named if words[0] in groups and words[1]} <= set(helps())
    assert set(re.findall(r"(?:`|^ {4})make (\w+)", text, re.MULTILINE)) <= set(targets)


CONFIGURATIONS = [(page, block.text) for page in ENGLISH for block in blocks(page, "toml") if block.scene is None]


@pytest.mark.parametrize(("page", "text"), CONFIGURATIONS, ids=lambda value: value.splitlines()[0][:40])
def test_configurations_are_valid(page: str, text: str, tmp_path: Path) -> None:
    """Each configuration shown is accepted; one that names its file stands in it, beside an empty main file."""
    named = re.match(r"# (jobs\.d/\S+\.toml)\n", text)
    main_file = tmp_path / "batchctl.toml"
    main_file.touch()
    file = tmp_path / named[1] if named else main_file
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    assert load(str(main_file)).jobs or "[jobs" not in text, page


def test_the_crontab_of_the_pages_is_in_the_example() -> None:
    """The lines that pages offer stand in crontab.example as well, where they are tried under cron."""
    example = [line.split() for line in (ROOT / "crontab.example").read_text(encoding="utf-8").splitlines()]
    lines = [line for page in ENGLISH for block in blocks(page, "crontab") for line in block.text.splitlines()]
    assert lines
    assert [line for line in lines if line.split() not in example] == []


@pytest.mark.parametrize(("page", "heading"), [("README.md", "The guard"), (GUARD, "One decision")])
def test_the_guard_has_these_checks(page: str, heading: str) -> None:
    """The table of the guard has the checks of the decision in their order."""
    assert [code_in(row[1]) for row in table(page, heading)] == list(NAMES)


def test_the_guard_s_page_names_every_status() -> None:
    """Every status that a run can have is explained there."""
    assert [status for status in RUN_STATUSES if f"`{status}`" not in read(GUARD)] == []


def test_every_condition_is_named() -> None:
    """The page on alerts lists each condition that somebody can be told of."""
    assert [name for name in CONDITIONS if f"`{name}`" not in read(ALERTS)] == []


def test_the_catalogue_names_every_preset(tmp_path: Path) -> None:
    """Its table has every ready-made job but daily-batch, each with its schedule."""
    done = batchctl("--state", str(tmp_path / "state"), "jobs", "presets", "--json")
    listed = {job["preset"]: job["schedule"] for job in json.loads(done.stdout)["presets"]}
    del listed["daily-batch"]
    assert {code_in(row[0]): code_in(row[1]) for row in table(CATALOGUE, "The jobs")} == listed


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_tables_of_contents_are_complete(page: str) -> None:
    """README and the site's first page lead to every page of the four kinds."""
    prefix = "docs/" if page == "README.md" else ""
    kinds = [other.removeprefix("docs/") for other in ENGLISH if other.count("/") == 2]
    assert len(kinds) > 10
    assert [other for other in kinds if f"{prefix}{other}" not in links(page)] == []


def test_the_licence_is_the_declared_one() -> None:
    """LICENSE is the licence that pyproject.toml names."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]["text"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith(f"{declared} License\n")


def test_tables_are_whole() -> None:
    """No row of a table has more or fewer cells than its head: a bar in code is escaped."""
    for page in PAGES:
        for found in rows(read(page)):
            assert len({len(row) for row in found}) <= 1, (page, found)


@pytest.mark.parametrize("page", [ARCHITECTURE, "CONTRIBUTING.md"])
def test_the_modules_named_are_there(page: str) -> None:
    """Each file that a page for contributors names is in the package, the tests or the tools."""
    named = set(re.findall(r"`((?:\w+/)+\w+\.\w+|__main__\.py|\w+/)`", read(page)))
    places = (ROOT, ROOT / "batchctl", ROOT / "tests")
    assert len(named) > 5
    assert [
        name for name in sorted(named) if "NAME" not in name and not any((place / name).exists() for place in places)
    ] == []
