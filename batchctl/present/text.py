"""What every view shares: a console that obeys no data, symbols the terminal can show, and text made harmless."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from batchctl.base import duration, language
from batchctl.base.language import say, told
from batchctl.core.text.harmless import harmful, harmless, one_line
from batchctl.core.time import zones

__all__ = ["harmless", "one_line", "say", "told"]  # every view takes them from here, beside the rest of this page

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TextIO

    from rich.console import Console
    from rich.text import Text

    from batchctl.core.time.zones import Zone

_FILE_WIDTH = 200
_SOON = 6 * 86400.0
"""Seconds within which a weekday alone says which day is meant."""


class Symbols(NamedTuple):
    """The few signs that are more than letters."""

    passed: str
    failed: str
    dot: str
    line: str
    ellipsis: str
    about: str
    plus_minus: str
    arrow: str


_UNICODE = Symbols(passed="✓", failed="✗", dot="·", line="──", ellipsis="…", about="~", plus_minus="±", arrow="→")
_ASCII = Symbols(passed="+", failed="x", dot="-", line="--", ellipsis="...", about="~", plus_minus="+-", arrow="->")


FIRST_STEPS = """\
No job is configured yet. The first three steps:
  batchctl jobs add NAME --daily 01:00 --run COMMAND   or: batchctl jobs presets
  batchctl crontab install
  batchctl status"""
"""What is said where there is nothing to show."""


def plain() -> bool:
    """Say whether only ASCII signs are safe: the output's encoding, or the locale, knows no others.

    Python writes UTF-8 in the C locale too, where it either coerces LC_CTYPE to C.UTF-8 or says nothing; what the
    operator's terminal does with it is another matter, so the signs of our own stay ASCII there.
    """
    if language.on_page():
        return False
    if not _utf8():
        return True
    ctype = os.environ.get("LC_CTYPE", "")
    locale = os.environ.get("LC_ALL") or ("" if ctype == "C.UTF-8" else ctype) or os.environ.get("LANG", "")
    return locale in {"", "C", "POSIX"}


def _utf8() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "") == "utf8"


def on_terminal() -> bool:
    """Say whether stdout is a terminal, which can be drawn on again."""
    return sys.stdout.isatty()


def colourful() -> bool:
    """Say whether stdout is a terminal that shows colours, and nobody has asked for none (NO_COLOR, TERM=dumb)."""
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in {None, "dumb"}


def symbols() -> Symbols:
    """Return the signs that the output can show."""
    return _ASCII if plain() else _UNICODE


def width_of(text: str) -> int:
    """Return how many columns a text takes; a Hangul syllable takes two."""
    from rich.cells import cell_len

    return cell_len(text)


def shorten(text: str, width: int) -> str:
    """Return a text that takes at most `width` columns, with a sign where something was left out."""
    from rich.cells import set_cell_size

    if width_of(text) <= width:
        return text
    sign = symbols().ellipsis[:width]
    return set_cell_size(text, width - len(sign)).rstrip() + sign


def console(file: TextIO | None = None) -> Console:
    """Return a console that takes data as data (no markup, no emoji codes, no highlighting), on stdout or into a file.

    A file is no terminal whose width could be known: it gets room for whole rows.
    """
    from rich.console import Console

    forgiving()
    width = None if file is None else _FILE_WIDTH
    return Console(file=file or sys.stdout, width=width, markup=False, emoji=False, highlight=False)


def cell(text: str, style: str = "") -> Text:
    """Return data as a cell: harmless, on one line."""
    from rich.text import Text

    return Text(one_line(told(text)), style=style)


def human(instant: float | None, zone: Zone) -> str:
    """Return an instant as its reader writes it; `-` for None."""
    return language.moment(zones.human(instant, zone))


def format_duration(seconds: float | None) -> str:
    """Return a duration as its reader writes it; `-` for None."""
    return language.lasting(duration.format_duration(seconds))


def forgiving() -> None:
    """Make stdout write what its encoding lacks as an escape instead of raising."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def write(chunks: Iterable[str]) -> None:
    """Write text to stdout, piece by piece and without a newline of its own."""
    forgiving()
    for chunk in chunks:
        sys.stdout.write(chunk)
    sys.stdout.flush()


@cache
def _in_json() -> dict[int, str]:
    return {code: f"\\u{code:04x}" for code in harmful()}


def json_text(value: Any) -> str:
    """Return JSON on one line, non-ASCII unescaped where stdout can take it.

    What a terminal would obey is escaped, as JSON allows for any character: people look at JSON, too.
    """
    import json

    return json.dumps(value, ensure_ascii=not _utf8()).translate(_in_json())


STYLES = {
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "timed_out": "red",
    "cancelled": "yellow",
    "lost": "magenta",
    "stale": "magenta",
    "paused": "yellow",
    "disabled": "dim",
    "skip": "yellow",
    "start": "green",
    "blocked": "dim",
    "pending": "dim",
    "skipped": "dim",
}
"""How a status or verdict looks where the terminal has colours."""


def moment(instant: float, now: float, zone: Zone) -> str:
    """Return `Sat 01:00` for what is a few days away, the date and time for everything else."""
    weekday, date, clock = zones.human(instant, zone).split(" ")
    weekday = language.weekday(weekday)
    return f"{weekday} {clock}" if abs(instant - now) < _SOON else f"{date} {clock}"


def in_words(name: str) -> str:
    """Return a name of the contract as people read it: `already_running` becomes `already running`, or Korean."""
    return say(name.replace("_", " "))


def percent(share: float | None) -> str:
    """Return a share as a percentage; `-` for None."""
    return "-" if share is None else f"{100 * share:.0f}%"


def bar(share: float, width: int) -> str:
    """Return a bar of which a share is filled."""
    filled = round(max(0.0, min(1.0, share)) * width)
    full, empty = "#." if plain() else "█░"
    return full * filled + empty * (width - filled)


def counted(number: int, one: str, many: str) -> str:
    """Return a number with what it counts: `1 success`, `2 successes`."""
    return say(f"%s {one if number == 1 else many}", f"{number:,}")
