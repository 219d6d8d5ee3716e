"""Logs: ranges of bytes, and what comes while one looks on."""

from __future__ import annotations

import asyncio
import re
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING

from starlette.responses import Response

from batchctl.answers.log_range import StepLog
from batchctl.base.errors import UsageError
from batchctl.core.text.ids import id_of
from batchctl.web.ask import ask
from batchctl.web.events import HEARTBEAT, event_stream, message, wants_events
from batchctl.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from batchctl.web.route import Call

_LOOK = 0.5
"""Seconds between two looks at a log that is being followed."""
_QUIET = 15.0
"""Seconds after which a stream that has nothing to say says that."""
_PIECE = 1 << 16
_MOST = 1 << 20
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


async def log(call: Call) -> Response:
    """Return a part of a log, or follow it."""
    found = await ask(_find, call)
    if wants_events(call.request):
        return event_stream(_follow(call, found))
    return await ask(_part, call, found)


def _find(call: Call) -> StepLog:
    try:
        found = StepLog(call.site, _run(call.path["run"]), call.path["step"], call.query.attempt)
        found.size()
    except UsageError as error:
        raise Problem(404, str(error), error.remedy) from error
    return found


def _run(text: str) -> int:
    """Return the id of a run; there is none with the number that stands for what is none."""
    found = id_of(text)
    return -1 if found is None else found


def _part(call: Call, found: StepLog) -> Response:
    asked, size = call.query, found.size()
    offset, limit, ranged = asked.offset, asked.limit, False
    if (header := call.request.headers.get("range")) is not None:
        offset, limit = _ranged(header, size)
        ranged = True
    part = found.part(offset, limit)
    end = part.offset + len(part.content)
    headers = {
        "Accept-Ranges": "bytes",
        "X-Log-Offset": str(part.offset),
        "X-Log-Next": str(end),
        "X-Log-Size": str(part.size),
        "X-Log-Attempt": str(found.attempt),
    }
    if ranged:
        headers["Content-Range"] = f"bytes {part.offset}-{end - 1}/{part.size}"
    # Whatever a program has written, no browser is to take it for a page.
    kind = "text/plain; charset=utf-8"
    return Response(part.content, 206 if ranged else 200, headers, kind)


def _ranged(header: str, size: int) -> tuple[int, int]:
    """Return offset and length of a Range header with one range.

    Raises:
        Problem: 416 where it is none, or begins beyond the end.
    """
    found = _RANGE.fullmatch(header.replace(" ", ""))
    first, last = found.groups() if found is not None else ("", "")
    start = int(first) if first else max(0, size - int(last or 0))
    if (not first and not last) or start >= size or (first and last and int(last) < start):
        raise Problem(
            416, f"the log has {size} bytes", "ask for one range", headers={"Content-Range": f"bytes */{size}"}
        )
    end = min(int(last) + 1 if first and last else size, size)
    return start, min(end - start, _MOST)


async def _follow(call: Call, found: StepLog) -> AsyncIterator[bytes]:
    """Yield what is there from the offset on and what comes; ids are offsets, so that a broken stream goes on."""
    last = id_of(call.request.headers.get("last-event-id", ""))
    position = call.query.offset if last is None else last
    if position < 0:
        position = max(0, await ask(found.size) + position)
    decoder, quiet = getincrementaldecoder("utf-8")("replace"), 0.0
    over = False
    while True:
        size = await ask(found.size)
        # While more may come, a secret whose beginning stands at the end could not be told yet.
        ready = size if over else size - found.overlap
        if position < ready:
            part = await ask(found.part, position, min(_PIECE, ready - position))
            position += len(part.content)
            text = decoder.decode(part.content, final=over and position >= size)
            waiting = len(decoder.getstate()[0])
            yield message({"offset": position - waiting, "text": text}, identity=str(position - waiting))
            quiet = 0.0
            continue
        if over:
            yield message({"attempt": found.attempt}, kind="end")
            return
        over = await ask(found.is_over, call.site)
        if not over:
            quiet += _LOOK
            if quiet >= _QUIET:
                yield HEARTBEAT
                quiet = 0.0
            await asyncio.sleep(_LOOK)
