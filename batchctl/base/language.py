"""The language in which people are spoken to: Korean or English. What programs read never changes with it.

The Korean stands in `locale/ko/LC_MESSAGES/batchctl.po`, which `tools/messages.py` compiles; there a fact is
named by its place, `%(1)s`, for the order of words is another one. Nothing is loaded before something is said.
"""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar

from batchctl.base.said import Lasting, Moment, Said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gettext import NullTranslations

_WEEKDAYS = "월화수목금토일"
_UNITS = {"d": "일", "h": "시간", "m": "분", "s": "초"}


class _Chosen:
    """What the configuration says; there is one configuration in a process."""

    lang: str | None = None
    korean: NullTranslations | None = None


_asked: ContextVar[str | None] = ContextVar("asked", default=None)
"""The language of the one request that is being answered."""


def speak(lang: str) -> None:
    """Speak `ko` or `en` for the rest of this context (PEP 567): a server answers people of both at once."""
    _asked.set(lang)


def on_page() -> bool:
    """Say whether it is a browser that is spoken to, which shows every sign whatever the server's own locale is."""
    return _asked.get() is not None


def prefer(lang: str | None) -> None:
    """Keep the language of the configuration."""
    _Chosen.lang = lang


def current() -> str:
    """Return `ko` or `en`: what was asked for, else what BATCHCTL_LANG says, else the configuration, else the locale.

    Any other language is English, and so is Korean where stdout has no Hangul.
    """
    asked = _asked.get()
    if asked is not None:
        return asked
    get = os.environ.get
    wanted = get("BATCHCTL_LANG") or _Chosen.lang or get("LC_ALL") or get("LC_MESSAGES") or get("LANG") or ""
    return "ko" if wanted[:2].lower() == "ko" and _has_hangul() else "en"


def _has_hangul() -> bool:
    try:
        "한글".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def say(template: str, *facts: object) -> str:
    """Return a sentence in the language of whoever reads it, with its facts told in it too."""
    if current() == "en":
        return template % facts if facts else template
    found = _korean().gettext(template) if template else ""
    shown = tuple(told(fact) if isinstance(fact, str) else fact for fact in facts)
    if found == template:
        return template % shown if shown else template
    return found % {str(place): fact for place, fact in enumerate(shown, 1)} if shown else found


def told(text: str) -> str:
    """Return what a sentence made in English says in the language of whoever reads it; other text as it is."""
    if current() == "en" or not isinstance(text, Said):
        return text
    if isinstance(text, Moment):
        return _moment(text)
    if isinstance(text, Lasting):
        return _lasting(text)
    return say(text.template, *text.facts)


def moment(text: str) -> str:
    """Return an instant, written `Sat 2026-11-21 01:00`, as its reader writes it: `2026-11-21(토) 01:00`."""
    return _moment(text) if current() == "ko" else text


def lasting(text: str) -> str:
    """Return a duration, written `26h 05m`, as its reader writes it: `26시간 5분`."""
    return _lasting(text) if current() == "ko" else text


def weekday(text: str) -> str:
    """Return a day of the week, written `Sat`, as its reader writes it."""
    return _weekday(text) if current() == "ko" else text


def _weekday(text: str) -> str:
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    return _WEEKDAYS[names.index(text)] if text in names else text


def _moment(text: str) -> str:
    day, _, rest = text.partition(" ")
    date, _, clock = rest.partition(" ")
    return f"{date}({_weekday(day)}) {clock}" if clock else text


def _lasting(text: str) -> str:
    parts = [(part[:-1], _UNITS.get(part[-1:])) for part in text.split()]
    if not all(unit and number.lstrip("-").replace(".", "").isdigit() for number, unit in parts):
        return text
    shown = [f"{number if '.' in number else int(number)}{unit}" for number, unit in parts]
    return " ".join(part for place, part in enumerate(shown) if place == 0 or not part.startswith("0"))


def _korean() -> NullTranslations:
    if _Chosen.korean is None:
        import gettext

        folder = os.path.join(os.path.dirname(os.path.dirname(__file__)), "locale")
        _Chosen.korean = gettext.translation("batchctl", folder, ["ko"], fallback=True)
    return _Chosen.korean
