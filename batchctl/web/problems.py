"""What goes wrong as RFC 9457 tells it: the command's message and remedy, and every fault of a body at once."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypedDict

from starlette.responses import Response

from batchctl.base import surroundings
from batchctl.base.errors import BatchctlError, ConfigError, StateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEDIA = "application/problem+json"


class Fault(TypedDict):
    """One thing that is wrong with what was sent; `pointer` is a JSON pointer into the body, or a name of the query."""

    pointer: str
    detail: str
    remedy: str


class ProblemJson(TypedDict):
    """RFC 9457; `remedy` says what to do next."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str
    errors: list[Fault]


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """An answer that is none."""

    def __init__(
        self,
        status: int,
        detail: str,
        remedy: str = "",
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what is wrong and what to do next."""
        super().__init__(detail)
        self.status, self.detail, self.remedy, self.faults = status, detail, remedy, list(faults)
        self.headers = dict(headers or {})

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase

    def as_json(self) -> ProblemJson:
        """Return the object of RFC 9457."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "remedy": self.remedy,
            "errors": self.faults,
        }

    def response(self) -> Response:
        """Return it as the API sends it."""
        return Response(encode(self.as_json()), self.status, self.headers, MEDIA)


def encode(value: Any) -> bytes:
    """Return JSON; a name that is no text for UTF-8 is shown as far as it is."""
    import msgspec

    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except UnicodeEncodeError:
        import json

        return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _plain(value: Any) -> Any:
    """Return a sentence that knows its facts as the text that it is."""
    if isinstance(value, str):
        return str.__str__(value)
    message = f"{type(value).__name__} is no JSON"
    raise NotImplementedError(message)


def problem_of(error: Exception) -> Problem:
    """Return what an answer that failed is over HTTP: 503 where the state or the configuration cannot be trusted."""
    if isinstance(error, Problem):
        return error
    if not isinstance(error, BatchctlError):
        error = surroundings.trouble(error) or error
    if isinstance(error, StateError | ConfigError):
        return Problem(503, str(error), error.remedy, headers={"Retry-After": "5"})
    if isinstance(error, UsageError):
        return Problem(422, str(error), error.remedy)
    if isinstance(error, BatchctlError):
        return Problem(409, str(error), error.remedy)
    remedy = "the server's own log says more; report it"
    return Problem(500, f"internal error: {type(error).__name__}", remedy)
