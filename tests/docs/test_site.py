"""The site is built strictly: no page is missing, no link leads nowhere, nothing is fetched from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pages import ROOT

_BUILD = [sys.executable, "-m", "zensical", "build", "--strict"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what the site is made of."""
    found = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", found / "docs")
    shutil.copy(ROOT / "zensical.toml", found)
    return found


def build(place: Path) -> subprocess.CompletedProcess[str]:
    """Build the site there."""
    return subprocess.run(_BUILD, cwd=place, capture_output=True, text=True, check=False, timeout=120)


def test_the_site_is_built_strictly(place: Path) -> None:
    """It builds without a warning, every page of docs/ is on it, and its pages ask no other host for anything."""
    done = build(place)
    assert done.returncode == 0, done.stdout + done.stderr
    sources = [page.relative_to(place / "docs") for page in (place / "docs").rglob("*.md")]
    assert len(sources) > 20
    for source in sources:
        folder = source.parent if source.stem == "index" else source.with_suffix("")
        html = (place / "site" / folder / "index.html").read_text(encoding="utf-8")
        assert (
            re.findall(r'<(?:script|img|link)[^>]+(?:src|href)="?https?://[^>]*(?:\.js|\.css|\.png|fonts)[^>]*', html)
            == []
        )


def test_every_page_is_in_the_navigation() -> None:
    """The navigation names each page, but those that only say where a page has gone."""
    nav = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    pages = [str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")]
    moved = [page for page in pages if (ROOT / "docs" / page).read_text(encoding="utf-8").startswith("# Moved\n")]
    named = re.findall(r'"([\w/-]+\.md)"', nav)
    assert tomllib.loads(nav)["project"]["docs_dir"] == "docs"
    assert sorted(named) == sorted(set(pages) - set(moved))


@pytest.mark.parametrize("fault", ["[x](nowhere.md)", "[x](index.md#nowhere)"])
def test_a_broken_link_fails_the_build(fault: str, place: Path) -> None:
    """A page or an anchor that is not there is an error, not a warning to scroll past."""
    page = place / "docs" / "broken.md"
    page.write_text(f"# Broken\n\n{fault}\n")
    done = build(place)
    page.unlink()
    assert done.returncode != 0, done.stdout
