"""What a line of the route table says, and what a handler is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import RedirectResponse

from batchctl.base.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from batchctl.answers.site import Site
    from batchctl.web.events import Hub
    from batchctl.web.guesses import Guesses
    from batchctl.web.settings import Settings
    from batchctl.web.who import Scope, Who


class Refused(RedirectResponse):
    """Leads from a form back to its page, which says why nothing was done."""


class Call(Record):
    """One request, after everything about it was checked that the table can say."""

    request: Request
    settings: Settings
    site: Site
    hub: Hub
    logins: Guesses
    who: Who | None
    """None where the route asks for nobody."""
    path: Mapping[str, str]
    query: Any = None
    """What `Route.query` makes of the query string."""
    body: Any = None
    """What `Route.body` makes of the JSON; of a page the fields of the form, each a list of texts."""


class Route(Record):
    """One line of the table: validation, authorisation and the API's description all come from here."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    handler: Callable[[Call], Any]
    """A plain function, which runs in a thread (see `ask`), or one for the loop (`async`). It returns a response, or
    what is to be sent as JSON."""
    does: str
    scope: Scope | None
    """None: whoever asks."""
    query: Any = None
    """A msgspec.Struct."""
    body: Any = None
    """A msgspec.Struct."""
    answer: Any = None
    """The type of the JSON."""
    status: int = 200
    page: bool = False
    """HTML: without authorisation it leads to the login, and what is posted is a form."""
    act: str = ""
    """What `batchctl events` calls it: who did it is noted."""
    kept: bool = True
    """The answer to a GET holds until something changes; it has an entity tag."""
    media: tuple[str, ...] = ("application/json",)
    more_faults: bool = False
    """The handler gets the body as a pair: what is right of it, and the faults that were found so far."""
    also: tuple[str, ...] = ()
    """`range`: parts of the answer can be asked for."""
