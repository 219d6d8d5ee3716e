"""Answers that are still the answer: what was made since the last change is sent again, and made once for many."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from hashlib import blake2s
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from batchctl.web.who import Who

_MOST = 4 << 20
"""Bytes that are kept together."""
_ASKED = ("accept", "accept-language", "accept-encoding", "cookie", "range", "last-event-id")
"""What else an answer may depend on."""


def name_of(request: Request, who: Who | None, version: str) -> str:
    """Return what names the answer to a request as long as nothing changes."""
    parts = [version, request.url.path, request.url.query, repr(who)]
    parts += [request.headers.get(name, "") for name in _ASKED]
    return f'W/"{blake2s(chr(0).join(parts).encode(errors="replace"), digest_size=12).hexdigest()}"'


def matches(request: Request, tag: str) -> bool:
    """Say whether the client has this very answer."""
    return tag in (each.strip() for each in request.headers.get("if-none-match", "").split(","))


class Made:
    """What was made, by name; the oldest goes first."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._kept: OrderedDict[str, Response] = OrderedDict()
        self._size = 0
        self._being_made: dict[str, asyncio.Future[Response]] = {}

    async def get(self, name: str, make: Callable[[], Awaitable[Response]]) -> Response:
        """Return the answer of this name; who asks while it is made waits for it."""
        if name in self._kept:
            return self._kept[name]
        if name not in self._being_made:
            made = asyncio.ensure_future(make())
            self._being_made[name] = made
            made.add_done_callback(lambda done: self._done(name, done))
        # One who goes away must not take the answer from the others.
        return await asyncio.shield(self._being_made[name])

    def _done(self, name: str, done: asyncio.Future[Response]) -> None:
        del self._being_made[name]
        if done.cancelled() or done.exception() is not None:
            return
        answer = done.result()
        size = len(answer.body) if type(answer) is Response and answer.status_code == 200 else _MOST  # noqa: PLR2004
        if size > _MOST // 4:
            return
        self._kept[name], self._size = answer, self._size + size
        while self._size > _MOST:
            _, oldest = self._kept.popitem(last=False)
            self._size -= len(oldest.body)
