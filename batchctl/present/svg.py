"""Drawing inline SVG: shapes by class, so that one style sheet colours them for light and dark.

Nothing here carries a `style` attribute, a script or an address: the pages forbid all three.
"""

from __future__ import annotations

import itertools
import math
from html import escape
from typing import TYPE_CHECKING

from batchctl.present.text import one_line, width_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NICE = (1, 2, 2.5, 5, 10)
_TIME_STEPS = (
    *(0.1, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 14400, 21600, 36000, 43200),
    *(86400, 172800, 345600, 604800),
)
_EM = 6.3
"""Width of a column of text in the 11 px that the style sheet gives labels; a Hangul syllable takes two."""


def text_width(text: str) -> float:
    """Return about how many pixels a label takes."""
    return width_of(text) * _EM


def safe(text: str) -> str:
    """Return data as it may stand in SVG and HTML: on one line, harmless, escaped."""
    return escape(one_line(text))


class Drawing:
    """One picture of a fixed size, with a name and a description for those who do not see it."""

    def __init__(
        self, width: float, height: float, *, key: str, title: str, desc: str, stretched: bool = False
    ) -> None:
        """Begin an empty picture; `key` must be unique within its page; a stretched one takes all room there is."""
        self._stretched = stretched
        self.width, self.height = width, height
        self._key, self._title, self._desc = key, title, desc
        self._parts: list[str] = []

    def rect(
        self, x: float, y: float, width: float, height: float, css: str, *, tip: str = "", radius: float = 0
    ) -> None:
        """Draw a rectangle; `tip` is what a pointer that rests on it shows."""
        round_off = f' rx="{_n(radius)}"' if radius else ""
        self._shape(f'rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{round_off}', css, tip)

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> None:
        """Draw a line."""
        self._shape(f'line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"', css, "")

    def circle(self, x: float, y: float, radius: float, css: str, tip: str = "") -> None:
        """Draw a disc."""
        self._shape(f'circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"', css, tip)

    def cross(self, x: float, y: float, arm: float, css: str, tip: str = "") -> None:
        """Draw a cross: what failed or was skipped is told by shape, not by colour alone."""
        left, right, top, bottom = _n(x - arm), _n(x + arm), _n(y - arm), _n(y + arm)
        self._shape(f'path d="M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}"', f"cross {css}", tip)

    def path(self, points: Sequence[tuple[float, float]], css: str, *, closed: bool = False) -> None:
        """Draw a line through points, or the area within them."""
        if points:
            way = "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
            self._shape(f'path d="M{way}{"Z" if closed else ""}"', css, "")

    def text(self, x: float, y: float, text: str, css: str = "", anchor: str = "start") -> None:
        """Write a label."""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        named = f' class="{css}"' if css else ""
        self._parts.append(f'<text x="{_n(x)}" y="{_n(y)}"{where}{named}>{safe(text)}</text>')

    def _shape(self, tag: str, css: str, tip: str) -> None:
        inside = f"><title>{safe(tip)}</title></{tag.split(' ', 1)[0]}>" if tip else "/>"
        self._parts.append(f'<{tag} class="{css}"{inside}')

    def svg(self) -> str:
        """Return the picture as it stands in a page."""
        key, size = self._key, _size(self.width, self.height)
        if self._stretched:
            size = f'viewBox="0 0 {_n(self.width)} {_n(self.height)}" preserveAspectRatio="none"'
        return (
            f'<svg class="chart" {size} role="img" aria-labelledby="{key}-t {key}-d">'
            f'<title id="{key}-t">{safe(self._title)}</title><desc id="{key}-d">{safe(self._desc)}</desc>'
            f"{''.join(self._parts)}</svg>"
        )

    def part(self, x: float, y: float) -> str:
        """Return the picture as a part of another, below its title."""
        desc = f"<desc>{safe(self._desc)}</desc>"
        return f'<g transform="translate({_n(x)} {_n(y)})">{desc}{"".join(self._parts)}</g>'

    @property
    def title(self) -> str:
        """What the picture is called."""
        return self._title


_MARGIN, _HEADING = 20, 28


def beneath(drawings: Sequence[Drawing], *, style: str) -> str:
    """Return a file of its own with these pictures one below the other, each under its title."""
    parts, y = list[str](), float(_MARGIN)
    for drawing in drawings:
        parts.append(f'<text class="heading" x="{_MARGIN}" y="{_n(y + 12)}">{safe(drawing.title)}</text>')
        parts.append(drawing.part(_MARGIN, y + _HEADING))
        y += _HEADING + drawing.height + _MARGIN
    width = max((drawing.width for drawing in drawings), default=0.0) + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {_size(width, y)} role="img">'
        f"<title>{safe(', '.join(drawing.title for drawing in drawings))}</title><style>{style}</style>"
        f'<rect class="ground" width="{_n(width)}" height="{_n(y)}"/>{"".join(parts)}</svg>\n'
    )


def _size(width: float, height: float) -> str:
    return f'viewBox="0 0 {_n(width)} {_n(height)}" width="{_n(width)}" height="{_n(height)}"'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def number_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most about `most` round numbers within the bounds."""
    return list(_multiples(low, high, _nice_step((high - low) / max(1, most))))


def duration_ticks(high: float, most: int) -> list[float]:
    """Return at most `most` round durations from 0 to `high` seconds, beyond 0."""
    step = next((step for step in _TIME_STEPS if high / step <= most), None)
    return list(_multiples(step or 1, high, step or _nice_step(high / most / 86400) * 86400))


def _nice_step(rough: float) -> float:
    if rough <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(rough))
    return next(nice * scale for nice in _NICE if nice * scale >= rough * 0.999)


def _multiples(low: float, high: float, step: float) -> Iterator[float]:
    for count in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        yield count * step


def apart(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Return the places moved so far that neighbours lie `least` apart, within the bounds where there is room."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for before, after in itertools.pairwise(order):
        moved[after] = max(moved[after], moved[before] + least)
    over = (moved[order[-1]] - high) if order else 0
    if over > 0:
        moved[order[-1]] = high
        for after, before in zip(reversed(order), list(reversed(order))[1:], strict=False):
            moved[before] = min(moved[before], moved[after] - least)
    return [max(low, place) for place in moved]
