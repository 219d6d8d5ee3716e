"""The documents are executed: what a page shows below a `$` line is what batchctl prints today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pages import ENGLISH, blocks
from scenes import SCENES, Stage, pattern, play, same, words

if TYPE_CHECKING:
    from collections.abc import Iterator

MIGRATION = "docs/migration.md"
"""Has a test of its own: its commands run each in a fresh home, without a terminal."""
CATALOGUE = "docs/reference/catalogue.md"
PLAYED = [page for page in ENGLISH if page != MIGRATION and blocks(page, "console")]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Set the stage for all pages."""
    found = Stage(tmp_path_factory.mktemp("docs"))
    yield found
    found.close()


@pytest.mark.parametrize("page", PLAYED)
def test_every_console_line_is_true(page: str, stage: Stage) -> None:
    """Each `$` line prints what is shown below it and exits 0; another exit code is shown by `echo`."""
    if page == CATALOGUE:  # its programs need the extra
        pytest.importorskip("httpx")
        pytest.importorskip("defusedxml")
    wrong = [
        f"$ {case.command}\nexit {code}\nshown:{pattern(case.output)}\nreal: {' '.join(words(output))}\n\n{output}"
        for _, case, code, output in play(page, stage)
        if code != 0 or not same(case, output)
    ]
    assert "\n".join(wrong) == ""


def test_every_console_block_is_played() -> None:
    """No console block is without a scene, and no scene without a page."""
    assert [page for page in PLAYED if any(block.scene is None for block in blocks(page, "console"))] == []
    used = {block.scene for page in PLAYED for block in blocks(page)}
    assert used - {None} == set(SCENES) - {"starter"}
