"""The documentation as its tests read it: pages, blocks, commands with the output they show, tables, links."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
KOREAN = {"README.ko.md": "README.md", "docs/ko/tutorial.md": "docs/tutorial.md"}
"""Each Korean page and the English one that it follows."""
ENGLISH = (
    "README.md",
    *(str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("docs/**/*.md")) if page.parent.name != "ko"),
)
COLUMNS = 100
"""The width of the terminal that a block shows, unless it says `columns=N`."""

_BLOCK = re.compile(r"(?:^<!-- scene: ([^>\n]+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its language, its text, and what the comment above it says: scene, width, the file to be made."""

    language: str
    text: str
    scene: str | None
    columns: int
    file: str | None


class Shown(NamedTuple):
    """One command of a block, and the output that stands below it."""

    command: str
    output: str


@cache
def read(page: str) -> str:
    """Return a page's text, by its path from the top of the repository."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str | None = None) -> list[Block]:
    """Return a page's blocks, of one language or of all."""
    found = []
    for words, of, text in _BLOCK.findall(read(page)):
        options = dict(word.split("=") for word in words.split() if "=" in word)
        scene = next((word for word in words.split() if "=" not in word), None)
        found.append(Block(of, text, scene, int(options.get("columns", COLUMNS)), options.get("file")))
    return [block for block in found if language in {None, block.language}]


def shown(text: str) -> list[Shown]:
    """Return the commands of a console block's text."""
    pieces = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [Shown(command, output) for command, _, output in (piece.partition("\n") for piece in pieces)]


def prose(page: str) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", read(page))


def table(page: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, head and rule left out."""
    below = re.split(rf"^#+ {re.escape(heading)}$", read(page), maxsplit=1, flags=re.MULTILINE)[1]
    return rows(below)[0]


def rows(text: str) -> list[list[list[str]]]:
    """Return the rows of each table of a text, heads and rules left out."""
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    return [[_cells(row) for row in found.splitlines()[2:]] for found in tables]


def _cells(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def code_in(cell: str) -> str:
    """Return the first `code` of a table's cell."""
    found = re.search(r"`([^`]+)`", cell)
    assert found is not None, cell
    return found[1]


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: str) -> list[str]:
    """Return where the links and pictures of a page lead."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))
