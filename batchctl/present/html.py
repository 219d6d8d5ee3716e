"""Pages that stand alone: one file, no script, no network, readable in light and dark, on a desk and on a phone."""

from __future__ import annotations

import os
from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from batchctl.base import language
from batchctl.base.version import VERSION
from batchctl.present.text import human, one_line, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jinja2 import Environment
    from markupsafe import Markup

    from batchctl.core.time.zones import Zone
    from batchctl.present.svg import Drawing

WIDE, MIDDLE, NARROW = 1030.0, 650.0, 340.0
"""Pixels that a picture across the page has on a desk, in a small window, and on a phone of 400."""
HALF = 490.0
TEMPLATES = os.path.join(os.path.dirname(__file__), "templates")
_ROWS = 60
_HANGUL = (range(0x1100, 0x1200), range(0x3130, 0x3190), range(0xAC00, 0xD7B0))


class Sizes(NamedTuple):
    """A picture for each width, since letters that shrink with it cannot be read; the style sheet shows one of them."""

    wide: Markup
    middle: Markup
    narrow: Markup


class DataTable(NamedTuple):
    """What a picture shows, as a table."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: str


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalized,
    )
    made.globals["_"] = say
    return made


def finalized(value: Any) -> Any:
    """Return data as a template may show it: harmless and on one line, unless it is markup or has lines of its own."""
    if not isinstance(value, str) or value.isprintable() or hasattr(value, "__html__") or "\n" in value:
        return value  # no letter that can be printed does any harm, and a browser folds blanks by itself
    return one_line(value)


@cache
def _style(name: str) -> str:
    with open(os.path.join(TEMPLATES, name), encoding="utf-8") as file:
        return file.read()


def chart_style() -> str:
    """Return the style sheet that a picture on its own needs."""
    return _style("style.css")


def page(template: str, title: str, made: float, zone: Zone, **values: Any) -> str:
    """Return a whole page; only its own style sheet, known by its hash, is let in by its policy."""
    from markupsafe import Markup

    style = _style("style.css") + _style("page.css")
    return (
        _environment()
        .get_template(template)
        .render(
            title=one_line(title),
            style=Markup(style),  # noqa: S704 - our own file
            style_hash="sha256-" + b64encode(sha256(style.encode()).digest()).decode(),
            made=human(made, zone),
            zone=zone.name,
            version=VERSION,
            lang=language.current(),
            **values,
        )
    )


def drawn(drawing: Drawing) -> Markup:
    """Return a picture as it stands in a page; `Drawing` has escaped whatever data it shows."""
    from markupsafe import Markup

    return Markup(drawing.svg())  # noqa: S704


def sizes(draw: Callable[[float, str], Drawing | None], key: str, most: float = WIDE) -> Sizes | None:
    """Draw a picture for each width, none wider than `most`; None where there is nothing to draw."""
    widths = (most, min(most, MIDDLE), NARROW)
    made = [draw(width, f"{key}{letter}") for width, letter in zip(widths, "wmn", strict=True)]
    shown = [drawn(drawing) for drawing in made if drawing is not None]
    return Sizes(*shown) if len(shown) == len(made) else None


def data_table(
    title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], total: int | None = None
) -> DataTable:
    """Return the first rows of what a picture shows, and how many there are beyond them, `total` in all."""
    more = (len(rows) if total is None else total) - _ROWS
    names = [say(header) for header in headers]
    return DataTable(say(title), names, rows[:_ROWS], say("and %s more", f"{more:,}") if more > 0 else "")


def lang_of(text: str) -> Markup:
    """Return the attribute that names the language of a text with Hangul in it, for those who have it read out."""
    from markupsafe import Markup

    korean = any(ord(letter) in letters for letter in text for letters in _HANGUL)
    return Markup(' lang="ko"') if korean else Markup("")
