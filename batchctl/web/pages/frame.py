"""What all pages have in common: language, time zones, the template around them, entity tags, the way back."""

from __future__ import annotations

import gzip
import os
import re
from functools import cache, wraps
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import RedirectResponse, Response

from batchctl.base import language
from batchctl.base.errors import BatchctlError
from batchctl.base.version import VERSION
from batchctl.core.time.zones import NamedZone
from batchctl.present import html
from batchctl.present.text import format_duration, in_words, moment, one_line, percent, say, told
from batchctl.web.problems import Problem
from batchctl.web.route import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from batchctl.core.time.zones import Zone
    from batchctl.web.route import Call

HOME = "/scheduler"
LANGUAGES = {"en": "English", "ko": "한국어"}
_ROOM = os.path.dirname(os.path.dirname(__file__))
_SAID_FOR = 20
"""Seconds that a sentence waits for the page that shows it."""
_SMALLEST = 1000
"""Bytes below which packing a page saves nothing."""


def page(handler: Callable[[Call], Response]) -> Callable[[Call], Response]:
    """Let a handler speak the language of whoever asks."""

    @wraps(handler)
    def speaking(call: Call) -> Response:
        language.speak(language_of(call.request))
        return handler(call)

    return speaking


def language_of(request: Request) -> str:
    """Return `ko` or `en`: what was chosen on a page, else what the browser prefers."""
    chosen = request.cookies.get("lang", "")
    if chosen in LANGUAGES:
        return chosen
    wanted = request.headers.get("accept-language", "")
    ranked = sorted((_ranked(part) for part in wanted.split(",")), key=lambda each: -each[1])
    return next((name for name, weight in ranked if weight > 0 and name in LANGUAGES), "en")


def _ranked(part: str) -> tuple[str, float]:
    name, _, weight = part.partition(";q=")
    try:
        return name.strip()[:2].lower(), float(weight or 1)
    except ValueError:
        return "", 0.0


class Clock:
    """Says instants in a job's zone, with the browser's beside it where its clock shows another time."""

    def __init__(self, now: float, zone: Zone, here: Zone | None) -> None:
        """Keep the instant of the page (seconds since the epoch), the job's zone and the browser's, if it told it."""
        self.now, self.zone, self.here = now, zone, here

    def __call__(self, instant: float | None) -> Markup:
        """Return an instant as a page shows it."""
        if instant is None:
            return Markup("-")
        shown, there = escape(moment(instant, self.now, self.zone)), self.beside(instant)
        return Markup("{} {}").format(shown, there) if there else shown

    def beside(self, instant: float | None) -> Markup:
        """Return what the browser's clock shows then; empty where that is the same, or not known."""
        if instant is None or self.here is None or self.here.offset(instant) == self.zone.offset(instant):
            return Markup("")
        there = say("%s here", moment(instant, self.now, self.here))
        return Markup('<span class="here">{}</span>').format(there)

    def footer(self) -> str:
        """Say in which zone the times of the page are."""
        if self.here is None or self.here.name == self.zone.name:
            return say("All times in %s.", self.zone.name)
        return say("All times in %s; your browser is in %s.", self.zone.name, self.here.name)

    def of(self, zone: Zone) -> Clock:
        """Return the same clock for a job of another zone."""
        return self if zone == self.zone else Clock(self.now, zone, self.here)


def clock_of(call: Call, now: float, zone: Zone) -> Clock:
    """Return the clock of a page."""
    return Clock(now, zone, here(call.request))


def here(request: Request) -> Zone | None:
    """Return the browser's zone, which its cookie tells; None where it does not, or names none."""
    name = unquote(request.cookies.get("zone", ""))
    return _zone(name) if 0 < len(name) <= 64 else None  # noqa: PLR2004 - the longest name of a zone has 32


@cache
def _zones() -> dict[str, NamedZone | None]:
    return {}


def _zone(name: str) -> NamedZone | None:
    known = _zones()
    if name not in known:
        if len(known) > 1000:  # noqa: PLR2004 - more than there are zones: somebody makes names up
            known.clear()
        try:
            known[name] = NamedZone(name)
        except ValueError:
            known[name] = None
    return known[name]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader([os.path.join(_ROOM, "templates"), html.TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=html.finalized,
        auto_reload=False,
    )
    made.filters["words"] = words
    made.globals.update(
        _=say,
        told=told,
        in_words=in_words,
        duration=format_duration,
        percent=percent,
        lang_of=html.lang_of,
        part=part,
        languages=LANGUAGES,
        static={name: f"/static/{name}?{tag}" for name, (_, _, tag) in static().items()},
        version=VERSION,
    )
    return made


@cache
def static() -> dict[str, tuple[str, bytes, str]]:
    """Return each file that anybody may have: its type, its bytes, and the tag that changes with them."""
    files = {"app.css": "text/css", "app.js": "text/javascript", "icon.svg": "image/svg+xml"}
    found = {}
    for name, kind in files.items():
        with open(os.path.join(_ROOM, "static", name), "rb") as file:
            content = file.read()
        if name == "app.css":
            content = html.chart_style().encode() + content
        found[name] = (kind, content, sha256(content).hexdigest()[:12])
    return found


def show(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page."""
    said, _, kind = request.cookies.get("said", "").partition("!")
    text = (
        _environment()
        .get_template(template)
        .render(
            lang=language.current(),
            path=request.url.path,
            said=one_line(unquote(said)),
            said_kind="bad" if kind == "bad" else "good",
            **values,
        )
    )
    # Its tag is the server's, who knows without asking for the page that nothing has changed.
    content, headers = pack(request, text.encode("utf-8", "replace"))
    answer = Response(content, status, headers, "text/html; charset=utf-8")
    if said:
        answer.delete_cookie("said", httponly=True, samesite="strict")
    return answer


def pack(request: Request, content: bytes) -> tuple[bytes, dict[str, str]]:
    """Return what is sent, packed where the browser takes that, and the headers that say so."""
    headers = {"Vary": "Accept, Accept-Encoding, Accept-Language, Authorization, Cookie"}
    if len(content) <= _SMALLEST or "gzip" not in request.headers.get("accept-encoding", ""):
        return content, headers
    return gzip.compress(content, 4, mtime=0), {**headers, "Content-Encoding": "gzip"}


def back(to: str, said: str = "", *, bad: bool = False) -> Response:
    """Lead back to a page, which says what was done, or why it was not."""
    answer = (Refused if bad else RedirectResponse)(to, 303)
    if said:
        value = quote(one_line(said)[:1000], safe="") + ("!bad" if bad else "")
        answer.set_cookie("said", value, max_age=_SAID_FOR, httponly=True, samesite="strict")
    return answer


def tried(to: str, act: Callable[[], str]) -> Response:
    """Do what a form asks for and lead back, with what it says, or with what was wrong and what to do about it."""
    try:
        return back(to, act())
    except (BatchctlError, Problem) as error:
        return back(to, ". ".join(told(text) for text in (str(error), error.remedy) if text), bad=True)


def field(call: Call, name: str, default: str = "") -> str:
    """Return a field of a form, else of the query."""
    given = call.body.get(name) if call.body else None
    return str(given[0]) if given else call.request.query_params.get(name, default)


def words(text: str) -> Markup:
    """Return a sentence with the commands in it, which stand between backticks, set off."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(one_line(text)))))  # noqa: S704 - escaped before


def part(text: str) -> str:
    """Return a name as one part of an address."""
    return quote(text, safe="")


def whence(call: Call) -> str:
    """Return the page that a form stands on; only one of our own."""
    to = field(call, "to", HOME)
    own = to == HOME or to.startswith(("/ui/", f"{HOME}?"))
    return to if own and to.isprintable() and "\\" not in to and "//" not in to else HOME
