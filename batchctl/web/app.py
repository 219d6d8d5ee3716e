"""From a request over its line of the table to the answer."""

from __future__ import annotations

import inspect
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as Path

from batchctl.answers import audit, jobs_edit
from batchctl.answers.numbers import name_of as job_named
from batchctl.base.errors import BatchctlError, UsageError
from batchctl.web import security
from batchctl.web.ask import act, ask
from batchctl.web.cache import Made, matches, name_of
from batchctl.web.events import Hub
from batchctl.web.guesses import Guesses
from batchctl.web.parsing import json_of, query_of
from batchctl.web.problems import Problem, encode, problem_of
from batchctl.web.route import Call, Refused
from batchctl.web.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from batchctl.answers.changes import Changes
    from batchctl.answers.site import Site
    from batchctl.web.route import Route
    from batchctl.web.settings import Settings
    from batchctl.web.who import Who

_LARGEST = 1 << 20
"""Bytes of a body."""


def create(settings: Settings, changes: Changes) -> Starlette:
    """Return the application of one server."""
    shared = _Shared(settings, changes)
    paths: dict[str, list[Route]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, []).append(route)
    routes = [Path(path, _Endpoint({each.method: each for each in lines}, shared)) for path, lines in paths.items()]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _not_found})
    app.router.redirect_slashes = False
    app.state.hub = shared.hub
    app.add_middleware(_Guarded, settings=settings)
    return app


class _Shared:
    """What all endpoints share."""

    def __init__(self, settings: Settings, changes: Changes) -> None:
        self.settings, self.changes = settings, changes
        self.hub, self.made = Hub(changes), Made()
        # Apart: a program with an old token must not keep a person of the same address from logging in.
        self.guesses, self.logins = Guesses(), Guesses()


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

    def __init__(self, lines: dict[str, Route], shared: _Shared) -> None:
        self._lines, self._shared = lines, shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        route = self._lines.get("GET" if request.method == "HEAD" else request.method)
        anyone = route or next(iter(self._lines.values()))
        try:
            who = _authorised(request, anyone, self._shared)
            call = await _call(_meant(route, request, self._lines), request, self._shared, who)
            return await self._of_call(anyone, call)
        except Exception as error:  # noqa: BLE001 - the one boundary of the server: nothing leaves it as a traceback
            return _refused(error, anyone, request)

    async def _of_call(self, route: Route, call: Call) -> Response:
        if route.method != "GET":
            answer = await act(_acted, route, call) if route.scope else await _made(route, call)
            self._shared.changes.note()
            return answer
        if not route.kept:
            return await _made(route, call)
        tag = name_of(call.request, call.who, self._shared.changes.version())
        if matches(call.request, tag):
            return Response(status_code=304, headers={"ETag": tag})
        answer = await self._shared.made.get(tag, lambda: _made(route, call))
        if answer.status_code < 300:  # noqa: PLR2004 - no redirection
            answer.headers.setdefault("ETag", tag)
            answer.headers.setdefault("Cache-Control", "no-cache")
        return answer


def _authorised(request: Request, route: Route, shared: _Shared) -> Who | None:
    who = security.who_asks(request, shared.settings)
    if who is None and "authorization" in request.headers:
        # Only who is wrong is refused: all programs of one host have one address, and one of them an old token.
        address = security.address_of(request, shared.settings)
        shared.guesses.check(address)
        shared.guesses.note(address)
    if request.method not in security.SAFE:
        security.check_site(request, who)
    if route.scope is None:
        return who
    if who is None:
        remedy = "send Authorization: Bearer TOKEN; the token stands in the file that `batchctl serve` names"
        raise Problem(401, "nobody may ask this without a token", remedy, headers={"WWW-Authenticate": "Bearer"})
    security.check_scope(who, route)
    return who


def _meant(route: Route | None, request: Request, lines: Iterable[str]) -> Route:
    if route is None:
        allowed = ", ".join(sorted(lines))
        message = f"{request.method} is not for {request.url.path}"
        raise Problem(405, message, f"use {allowed}", headers={"Allow": allowed})
    return route


async def _call(route: Route, request: Request, shared: _Shared, who: Who | None) -> Call:
    body = await _body(request)
    return Call(
        request=request,
        settings=shared.settings,
        site=shared.changes.site(),
        hub=shared.hub,
        logins=shared.logins,
        who=who,
        path=request.path_params,
        query=None if route.query is None else query_of(request, route.query),
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
        raise Problem(400, "the form has too many fields", "send fewer") from error


async def _made(route: Route, call: Call) -> Response:
    if inspect.iscoroutinefunction(route.handler):
        return _sent(route, await route.handler(call))
    return await ask(lambda: _sent(route, route.handler(call)))


def _acted(route: Route, call: Call) -> Response:
    """Do what changes something, and note who did it."""
    name = _job(route, call) if route.act else None
    answer = _sent(route, route.handler(call))
    if route.page:  # one that is shown again, with faults or with a preview, has done nothing
        is_done = isinstance(answer, RedirectResponse) and not isinstance(answer, Refused)
    else:
        is_done = answer.status_code < 400  # noqa: PLR2004
    if route.act and call.who is not None and is_done:
        _note(call.site, name, route.act, f"{call.who.name} from {security.address_of(call.request, call.settings)}")
    return answer


def _job(route: Route, call: Call) -> str | None:
    """Return the job that is meant, by the path or by the body; None where all are."""
    if (job := call.path.get("id") or call.path.get("job")) is not None:
        return job_named(call.site, job)
    if route.page:
        name = (call.body.get("name") or [None])[0]
    else:
        name = getattr(call.body[0] if route.more_faults else call.body, "name", None)
    with suppress(UsageError):  # which the handler says
        return None if name is None else jobs_edit.named(str(name))[0]
    return None


def _note(site: Site, job: str | None, action: str, who: str) -> None:
    try:
        audit.note(site, job, action, who)
    except BatchctlError as error:
        print(f"batchctl: {action} by {who} cannot be noted: {error}", file=sys.stderr)  # noqa: T201 - the server's log


def _sent(route: Route, found: object) -> Response:
    """Return what a handler made as a response; JSON is written here, outside the loop."""
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
