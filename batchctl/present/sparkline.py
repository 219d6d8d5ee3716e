"""Small pictures made of letters: how values went, and how large a share is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.present.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = "_.:-=+*#"
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEAST_SPREAD = 0.2
"""Share of the largest value that the picture spans at least, so that noise does not look like a change."""


def sparkline(values: Sequence[float | None], width: int | None = None) -> str:
    """Return one sign per value, oldest first; the newest `width` of them. None leaves a gap."""
    shown = list(values if width is None else values[max(0, len(values) - width) :])
    known = [value for value in shown if value is not None]
    if not known:
        return " " * len(shown)
    signs = _ASCII_LEVELS if plain() else _LEVELS
    top = max(known)
    bottom = min(*known, top - _LEAST_SPREAD * abs(top))
    spread = (top - bottom) or 1.0
    return "".join(" " if value is None else _sign(signs, (value - bottom) / spread) for value in shown)


def _sign(signs: str, share: float) -> str:
    return signs[min(len(signs) - 1, int(share * len(signs)))]


def bar(share: float, width: int) -> str:
    """Return a bar of `share` (0 to 1) of `width` columns, to the eighth of a column where the terminal can show it."""
    share = min(1.0, max(0.0, share))
    if plain():
        return "#" * (max(1, round(share * width)) if share else 0)
    eighths = max(1, round(share * width * 8)) if share else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")
