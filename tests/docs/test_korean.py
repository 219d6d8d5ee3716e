"""The Korean pages keep step with the English ones: the same blocks, the same commands and keys, the same links."""

from __future__ import annotations

import os
import re
from collections import Counter

import pytest
from pages import KOREAN, blocks, links, prose, rows

_CODE = re.compile(r"`([^`]+)`")
_INDENTED = re.compile(r"^ {4}\S.*$", re.MULTILINE)

pages = pytest.mark.parametrize(("korean", "english"), KOREAN.items(), ids=KOREAN)


def headings(page: str) -> list[int]:
    """Return the level of each heading."""
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(page), re.MULTILINE)]


def sections(page: str) -> list[str]:
    """Return the text below each heading of the second level."""
    return re.split(r"^## ", prose(page), flags=re.MULTILINE)[1:]


@pages
def test_the_blocks_are_the_same(korean: str, english: str) -> None:
    """Blocks of code are equal to the byte, under headings of the same levels."""
    assert headings(korean) == headings(english)
    assert blocks(korean) == blocks(english)
    assert _INDENTED.findall(prose(korean)) == _INDENTED.findall(prose(english))


@pages
def test_the_words_in_code_are_the_same(korean: str, english: str) -> None:
    """Section by section the Korean page names the commands, keys and files of the English one, in as many rows."""
    for theirs, ours in zip(sections(korean), sections(english), strict=True):
        title = ours.partition("\n")[0]
        assert set(_CODE.findall(theirs)) == set(_CODE.findall(ours)), title
        assert [len(table) for table in rows(theirs)] == [len(table) for table in rows(ours)], title


@pages
def test_the_links_are_the_same(korean: str, english: str) -> None:
    """Both pages lead to the same places; a link to a page that there is in both languages may lead to either."""

    def places(page: str) -> Counter[str]:
        folder = os.path.dirname(page)
        found = [os.path.normpath(os.path.join(folder, link)) for link in links(page)]
        return Counter(KOREAN.get(place, place) for place in found)

    assert places(korean) == places(english)


@pages
def test_it_is_korean(korean: str, english: str) -> None:
    """No paragraph was left untranslated."""
    for paragraph in re.split(r"\n\n+", prose(korean)):
        plain = re.sub(r"<!--.*?-->|`[^`]*`|\]\([^)]*\)|^ {4}.*$|^\|.*$", "", paragraph, flags=re.MULTILINE)
        assert re.search("[가-힣]", plain) or len(plain) < 30, paragraph
