"""Output of steps as markup: colours as classes, and nothing else of what a terminal would obey."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from batchctl.core.text.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

_SGR = re.compile("\x1b\\[([0-9;:]*)m")
_NORMAL, _BRIGHT = range(30, 38), range(90, 98)
_BOLD, _DIM, _UNDERLINED, _DEFAULT, _EXTENDED = 1, 2, 4, 39, (38, 48, 58)


def as_markup(output: bytes) -> Markup:
    """Return output as a page shows it: every line harmless, what a carriage return overwrote gone."""
    from markupsafe import Markup

    screen = Screen(colours=True)
    text = screen.feed(output.decode("utf-8", "replace")) + screen.rest()
    parts, at, classes = [], 0, frozenset[str]()
    for found in _SGR.finditer(text):
        parts.append(_span(text[at : found.start()], classes))
        classes, at = _after(classes, found[1]), found.end()
    parts.append(_span(text[at:], classes))
    return Markup("".join(parts))  # noqa: S704 - every part was escaped


def _span(text: str, classes: frozenset[str]) -> str:
    shown = escape(text, quote=False)
    return f'<span class="{" ".join(sorted(classes))}">{shown}</span>' if classes and text.strip() else shown


def _after(classes: frozenset[str], codes: str) -> frozenset[str]:
    found, waiting = set(classes), iter([int(code or 0) for code in codes.replace(":", ";").split(";")])
    for code in waiting:
        if code == 0:
            found.clear()
        elif code in _EXTENDED:
            _skip_colour(waiting)
        elif code in {_BOLD, _DIM, _UNDERLINED}:
            found.add({_BOLD: "bold", _DIM: "dim", _UNDERLINED: "under"}[code])
        elif code in _NORMAL or code in _BRIGHT or code == _DEFAULT:
            found -= {each for each in found if each.startswith("a")}
            found |= set() if code == _DEFAULT else {f"a{code % 10}"}
    return frozenset(found)


def _skip_colour(waiting: Iterator[int]) -> None:
    """Leave out the numbers of a colour that the style sheet does not have."""
    kind = next(waiting, 0)
    for _ in range({5: 1, 2: 3}.get(kind, 0)):
        next(waiting, 0)
