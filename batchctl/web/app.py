"""From a request over the line of the table to the answer."""

from __future__ import annotations

import inspect
import sys
import traceback
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as Path

from batchctl.answers.site import Site
from batchctl.web import security
from batchctl.web.ask import act, ask
from batchctl.web.bodies import faults_or, json_of
from batchctl.web.problems import Problem, encode, problem_of
from batchctl.web.route import Call
from batchctl.web.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from batchctl.web.route import Route
    from batchctl.web.settings import Settings
    from batchctl.web.who import Who

_LARGEST = 1 << 20
"""Bytes of a body."""


def create(settings: Settings) -> Starlette:
    """Return the application of one server."""
    guesses = security.Guesses()
    paths: dict[str, list[Route]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, []).append(route)
    routes = [
        Path(path, _Endpoint({each.method: each for each in lines}, settings, guesses)) for path, lines in paths.items()
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _not_found})
    app.router.redirect_slashes = False
    app.add_middleware(_Guarded, settings=settings)
    return app


class _Guarded:
    """Looks at host and peer of every request, whatever it is for, and gives every answer the headers of security."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in security.HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        request = Request(scope)
        try:
            security.check_host(request, self._settings)
            security.check_peer(request, self._settings)
        except Problem as problem:
            await problem.response()(scope, receive, sent)
            return
        await self._app(scope, receive, sent)


class _Endpoint:
    """All methods of one path."""

    def __init__(self, lines: dict[str, Route], settings: Settings, guesses: security.Guesses) -> None:
        self._lines, self._settings, self._guesses = lines, settings, guesses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        route = self._lines.get("GET" if request.method == "HEAD" else request.method)
        anyone = route or next(iter(self._lines.values()))
        try:
            who = _authorised(request, anyone, self._settings, self._guesses)
            return await _answered(_meant(route, request, self._lines), request, self._settings, who)
        except Exception as error:  # noqa: BLE001 - the one boundary of the server: nothing leaves it as a traceback
            return _refused(error, anyone, request)


def _authorised(request: Request, route: Route, settings: Settings, guesses: security.Guesses) -> Who | None:
    address = security.address_of(request, settings)
    if "authorization" in request.headers:
        guesses.check(address)
    who = security.who_asks(request, settings)
    if who is None and "authorization" in request.headers:
        guesses.note(address)
    if request.method not in security.SAFE:
        security.check_site(request, who)
    if route.scope is None:
        return who
    if who is None:
        remedy = "send Authorization: Bearer TOKEN; the token stands in the file that `batchctl serve` names"
        raise Problem(401, "nobody may ask this without a token", remedy, headers={"WWW-Authenticate": "Bearer"})
    security.check_scope(who, route)
    return who


async def _call(request: Request, route: Route, settings: Settings, who: Who | None) -> Call:
    body = await _body(request)
    query = None if route.query is None else faults_or(dict(request.query_params), route.query, "", strict=False)
    return Call(
        request=request,
        settings=settings,
        site=Site(settings.config_option, settings.state_option),
        who=who,
        path=request.path_params,
        query=query,
        body=_form(body) if route.page else json_of(request, route, body),
    )


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST:
            raise Problem(413, f"the body has more than {_LARGEST} bytes", "send less")
        parts.append(part)
    return b"".join(parts)


def _form(body: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise Problem(400, "the form has too many fields") from error


def _meant(route: Route | None, request: Request, lines: Iterable[str]) -> Route:
    if route is None:
        allowed = ", ".join(sorted(lines))
        message = f"{request.method} is not for {request.url.path}"
        raise Problem(405, message, f"use {allowed}", headers={"Allow": allowed})
    return route


async def _answered(route: Route, request: Request, settings: Settings, who: Who | None) -> Response:
    call = await _call(request, route, settings, who)
    if inspect.iscoroutinefunction(route.handler):
        found = await route.handler(call)
    else:
        found = await (ask if route.method == "GET" else act)(route.handler, call)
    if isinstance(found, Response):
        return found
    if found is None:
        return Response(status_code=204)
    return Response(encode(found), route.status, media_type="application/json")


def _refused(error: Exception, route: Route, request: Request) -> Response:
    problem = problem_of(error)
    if problem.status == 500:  # noqa: PLR2004 - a fault of our own
        traceback.print_exception(error, file=sys.stderr)
    if not route.page:
        return problem.response()
    if problem.status == 401:  # noqa: PLR2004 - nobody is logged in
        return RedirectResponse("/login", 303)
    from batchctl.web.pages.problem import show

    return show(problem, request)


async def _not_found(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return Problem(status, f"there is nothing at {request.url.path}", "see /openapi.json").response()
