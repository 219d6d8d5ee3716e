"""Ids of runs and jobs as people and addresses write them."""

from __future__ import annotations

_DIGITS = 18
"""That many always fit into the 64 bits that SQLite has for an id."""


def id_of(text: str) -> int | None:
    """Return the id that a text is; None where it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None
