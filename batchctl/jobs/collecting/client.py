"""Asking a source politely: at its rate, with a timeout, again after a passing fault and not after a final one."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from batchctl.jobs.collecting.settings import Source

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 60.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass: RFC 9110 and RFC 6585."""


class SourceError(Exception):
    """A source did not give what it was asked for; `str()` names it and says why."""


class UnauthorizedError(SourceError):
    """The source refused the credentials (401, 403); asking again would not help."""


class Client:
    """A connection to one source; use it as a context manager."""

    def __init__(
        self,
        source: Source,
        base_url: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Prepare the connection; nothing is sent yet."""
        self.source, self._sleep = source, sleep
        self._http = httpx.Client(base_url=base_url, timeout=source.timeout, headers=headers, follow_redirects=False)
        self._next = 0.0

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._http.close()

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON that a request brings; a body that is no JSON counts as a passing fault.

        Raises:
            UnauthorizedError: for 401 and 403.
            SourceError: if it failed for good, or still after the retries.
        """
        return self._ask(method, path, options, lambda response: response.json())

    def content(self, method: str, path: str, **options: Any) -> bytes:
        """Return the body that a request brings, as `json` does."""
        body: bytes = self._ask(method, path, options, lambda response: response.content)
        return body

    def _ask(self, method: str, path: str, options: dict[str, Any], read: Callable[[httpx.Response], Any]) -> Any:
        attempts = self.source.retries + 1
        for attempt in range(1, attempts + 1):
            self._keep_pace()
            delay = min(_FIRST_DELAY * 2.0 ** (attempt - 1), _LONGEST_DELAY)
            try:
                response = self._http.request(method, path, **options)
                if response.status_code in {401, 403}:
                    what = f"was refused ({response.status_code}): {_excerpt(response)}"
                    message = f"{self.source.name}: {method} {path} {what}"
                    raise UnauthorizedError(message)
                if response.is_success:
                    return read(response)
                what = f"answered {response.status_code}: {_excerpt(response)}"
                if response.status_code not in _AGAIN:
                    message = f"{self.source.name}: {method} {path} {what}"
                    raise SourceError(message)
                delay = max(delay, _retry_after(response))
            except (httpx.TransportError, httpx.DecodingError, ValueError) as error:
                # A hang, a broken connection, a body shorter than announced, or one that is not what it says.
                what = f"failed: {type(error).__name__}: {error}"
            if attempt < attempts:
                self._sleep(delay)
        message = f"{self.source.name}: {method} {path} {what} ({attempts} attempts)"
        raise SourceError(message)

    def _keep_pace(self) -> None:
        """Wait until the next request is due: `rate_limit` a second, evenly, and no burst after a pause."""
        now = time.monotonic()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.source.rate_limit


def _excerpt(response: httpx.Response) -> str:
    return " ".join(response.text.split())[:200]


def _retry_after(response: httpx.Response) -> float:
    """Return the seconds that Retry-After asks for (RFC 9110, 10.2.3: seconds or a date), at most a minute's wait."""
    text = response.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError):
            return 0.0
    return min(max(seconds, 0.0), _LONGEST_DELAY)
