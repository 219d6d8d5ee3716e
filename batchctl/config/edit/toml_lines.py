"""A TOML text as its statements, so that one can be changed while every byte of the others stays."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from batchctl.base.record import Record
from batchctl.config.source import key_count

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]

_CLOSING = ('"""', "'''", "]", "}")
"""One of these is in the last line of every value that goes over several."""


class Statement(Record):
    """A header, a key with its value, or a line that says nothing (blank or comment: neither header nor key)."""

    text: str
    """Its lines, as they stand in the file."""
    path: Path = ()
    """The key or header from the top of the file; places in arrays of tables left out."""
    table: Path = ()
    """The header that it stands under; its own for a header."""
    is_header: bool = False
    is_key: bool = False


def parse(text: str) -> dict[str, Any]:
    """Return what a TOML text says; ValueError where it is none."""
    return tomllib.loads(text)


def statements(text: str) -> list[Statement]:
    """Return the statements of a TOML text; their texts, joined, are that text again.

    Raises:
        ValueError: if it is not TOML.
    """
    found: list[Statement] = []
    table: Path = ()
    lines = _lines(text)
    for line in lines:
        start = line.strip(" \t\r\n")[:1]
        if start in {"", "#"}:
            found.append(Statement(text=line, table=table))
        elif start == "[":
            table = _keys(parse(line))
            found.append(Statement(text=line, path=table, table=table, is_header=True))
        else:
            whole, value = _whole(line, lines)
            path = (*table, *_keys(value, key_count(whole)))
            found.append(Statement(text=whole, path=path, table=table, is_key=True))
    return found


def _lines(text: str) -> Iterator[str]:
    # Not splitlines(), which also ends a line where TOML does not.
    *whole, rest = text.split("\n")
    yield from (line + "\n" for line in whole)
    if rest:
        yield rest


def _whole(text: str, following: Iterator[str]) -> tuple[str, dict[str, Any]]:
    """Return a key's statement with all its lines, and what it says: no part of a longer one is TOML by itself."""
    while True:
        try:
            return text, parse(text)
        except ValueError:
            more = ""
            for line in following:
                more += line
                if any(mark in line for mark in _CLOSING):
                    break
            if not more:
                raise
            text += more


def _keys(value: Any, depth: int = -1) -> Path:
    """Return the first keys of nested tables, down to `depth` or as far as they go."""
    found: list[str] = []
    while depth and isinstance(value, dict | list) and value:
        if isinstance(value, list):
            value = value[0]
            continue
        ((key, value),) = value.items()
        found.append(key)
        depth -= 1
    return tuple(found)
