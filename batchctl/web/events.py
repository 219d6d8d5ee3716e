"""Server-sent events: what happened, as it happens, to everybody who looks on.

One look a second serves them all, and only while somebody looks on. Each event has the id that `events --json` gives
it, so a stream that broke goes on after the last one that arrived; whatever else changed (a pause, the configuration)
is told as `change`, without an id.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from batchctl.answers.events import Events
from batchctl.base import clock
from batchctl.base.errors import BatchctlError
from batchctl.present.events import as_object
from batchctl.web.ask import ask
from batchctl.web.problems import Problem, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from batchctl.answers.changes import Changes

    Told = list[tuple[str, bytes]]
    """Ids of events, and what is sent of them."""

LOOK = 1.0
"""Seconds between two looks at what has changed."""
QUIET = 15.0
"""Seconds after which a stream that has nothing to say says that."""
_STREAMS = 1000
_BEHIND = 200
"""Messages that a reader may lag behind before it is let go; it comes back and goes on where it was."""
_KEPT = 2000
_LONGEST = 86400.0
"""Seconds that a stream may have been broken and still gets all that it missed."""
HEARTBEAT = b": heartbeat\n\n"


def wants_events(request: Request) -> bool:
    """Say whether the client asks for a stream."""
    return "text/event-stream" in request.headers.get("accept", "")


def event_stream(messages: AsyncIterator[bytes]) -> StreamingResponse:
    """Return a response that sends each message as it comes; no proxy is to keep them back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(messages, headers=headers, media_type="text/event-stream")


def message(data: Any, *, kind: str = "", identity: str = "") -> bytes:
    """Return one message; JSON has no line ends of its own."""
    head = (f"id: {identity}\n" if identity else "") + (f"event: {kind}\n" if kind else "")
    return head.encode() + b"data: " + encode(data) + b"\n\n"


class Hub:
    """Everybody who looks on, and the one who looks for them."""

    def __init__(self, changes: Changes) -> None:
        """Begin with nobody."""
        self._changes = changes
        self._queues: set[asyncio.Queue[bytes | None]] = set()
        self._recent: deque[tuple[str, bytes]] = deque(maxlen=_KEPT)
        self._watch: asyncio.Task[None] | None = None

    def close(self) -> None:
        """End all streams: the server ends."""
        for queue in self._queues:
            queue.put_nowait(None)

    def check(self) -> None:
        """Refuse one stream too many (503)."""
        if len(self._queues) >= _STREAMS:
            raise Problem(503, f"{_STREAMS} streams are open", "poll instead", headers={"Retry-After": "30"})

    async def stream(self, last: str, allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield what comes after the event with the id `last`; as long as whoever asked is allowed to."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_BEHIND + 1)
        self._queues.add(queue)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_on())
        try:
            yield b"retry: 2000\n" + HEARTBEAT
            if last:
                for _, content in await self._missed(last):
                    yield content
            while (said := await _next(queue, allowed)) is not None:
                yield said
        finally:
            self._queues.discard(queue)

    async def _missed(self, last: str) -> Told:
        """Return what was told since then, in the order in which it was told; else what the history has after it."""
        recent = list(self._recent)
        place = next((place for place, (identity, _) in enumerate(recent) if identity == last), None)
        if place is not None:
            return recent[place + 1 :]
        try:
            ago = clock.now() - float(last.partition("-")[0])
        except ValueError:
            return []
        if not 0 <= ago <= _LONGEST:
            return [("", message({}, kind="change"))]
        with suppress(BatchctlError):
            found = await ask(lambda: _told(self._events(f"{ago + 1:.3f}s")))
            return [each for each in found if each[0] > last][-_KEPT:]
        return [("", message({}, kind="change"))]

    async def _look_on(self) -> None:
        events: Events | None = None
        seen = self._changes.look()
        while self._queues:
            if events is None:
                with suppress(BatchctlError):
                    events = await ask(self._events, "0s")
            await asyncio.sleep(LOOK)
            now = self._changes.look()
            if now == seen:
                continue
            seen = now
            told: Told = []
            if events is not None:
                with suppress(BatchctlError):  # what is wrong with the history is told to whoever asks it
                    told = await ask(_told, events)
            self._recent += told
            self._send([content for _, content in told] or [message({}, kind="change")])

    def _send(self, messages: list[bytes]) -> None:
        content = b"".join(messages)
        for queue in self._queues:
            if queue.qsize() < _BEHIND:
                queue.put_nowait(content)
            elif not queue.full():
                queue.put_nowait(None)

    def _events(self, since: str) -> Events:
        return Events(self._changes.site(), None, since)


async def _next(queue: asyncio.Queue[bytes | None], allowed: Callable[[], bool]) -> bytes | None:
    """Return the next message, a sign of life where there is none; None where the stream is to end."""
    try:
        async with asyncio.timeout(QUIET):
            return await queue.get()
    except TimeoutError:
        return HEARTBEAT if allowed() else None


def _told(events: Events) -> Told:
    return [(event.id, message(as_object(event, events.zone), identity=event.id)) for event in events.new()]
