"""What is refused before anything is looked at: forged hosts, other sites' forms, unknown keys."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from batchctl.web.problems import Problem
from batchctl.web.who import Who

if TYPE_CHECKING:
    from starlette.requests import Request

    from batchctl.web.route import Route
    from batchctl.web.settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    # No other site's code, style, picture or frame, and none of ours that stands in the page itself.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept, Accept-Language, Authorization, Cookie",
}


def check_host(request: Request, settings: Settings) -> None:
    """Refuse a host that is none of ours: a page of another name that leads here (DNS rebinding) reads nothing."""
    host = _name(request.headers.get("host", ""))
    allowed = {*LOOPBACK, *settings.allow_hosts, settings.host} - {"0.0.0.0", "::"}  # noqa: S104 - no name of ours
    if host not in {each.lower().rstrip(".") for each in allowed}:
        raise Problem(
            421, f"this server is not called {host!r}", f"start it with --allow-host {host or 'NAME'} if it is"
        )


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def check_peer(request: Request, settings: Settings) -> None:
    """Refuse who comes past the proxy: what a token is sent in would be readable on the way."""
    peer = peer_of(request)
    if settings.behind_proxy and settings.cert is None and peer not in {*settings.behind_proxy, *LOOPBACK, "unix"}:
        raise Problem(403, f"{peer} is not the proxy that this server stands behind", "go through the proxy")


def peer_of(request: Request) -> str:
    """Return the address that the connection comes from; `unix` for the socket file."""
    return request.client.host if request.client is not None and request.client.host else "unix"


def address_of(request: Request, settings: Settings) -> str:
    """Return whose address it is: what a listed proxy says, else the connection's."""
    peer = peer_of(request)
    if peer in settings.behind_proxy and (said := request.headers.get("x-forwarded-for", "")):
        return said.rpartition(",")[2].strip()[:64]
    return peer


def is_secure(request: Request, settings: Settings) -> bool:
    """Say whether the browser speaks TLS, with us or with the proxy."""
    forwarded = peer_of(request) in settings.behind_proxy and request.headers.get("x-forwarded-proto") == "https"
    return settings.cert is not None or forwarded


def who_asks(request: Request, settings: Settings) -> Who | None:
    """Return who has shown a token, a cookie, or comes from a proxy that vouches for them."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return settings.keys.who(token.strip())
    if peer_of(request) in settings.behind_proxy and (user := request.headers.get("x-forwarded-user")):
        return Who(name=user[:64], scope=settings.proxy_scope, cookie=True)
    cookie = request.cookies.get(settings.keys.cookie)
    return None if cookie is None else settings.keys.who_has_session(cookie)


def check_site(request: Request, who: Who | None) -> None:
    """Refuse what another site's page makes a browser send; a browser says of every such request where it comes from.

    Raises:
        Problem: 403; also where nothing is said and what vouches for the user is sent by browsers on their own.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        good = site in {"same-origin", "none"}
    elif origin is not None:
        good = _netloc(origin) == request.headers.get("host", "").lower()
    else:
        good = who is None or not who.cookie
    if not good:
        raise Problem(403, "this request was made by a page of another site", "use the page of this server, or a token")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def check_scope(who: Who, route: Route) -> None:
    """Refuse what the token does not allow."""
    if route.scope is not None and not who.may(route.scope):
        message = f"{who.name} may {who.scope}, and this takes {route.scope}"
        raise Problem(403, message, f"make a token that may: batchctl serve token add NAME --scope {route.scope}")
