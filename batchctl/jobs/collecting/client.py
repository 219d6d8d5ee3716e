"""Asking a source politely: at its rate, with a timeout, again after a passing fault and not after a final one."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx
import stamina
from stamina.instrumentation import set_on_retry_hooks

from batchctl.jobs.collecting.settings import Source

_LONGEST_DELAY = 60.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may pass: RFC 9110 and RFC 6585."""


class SourceError(Exception):
    """A source did not give what it was asked for; `str()` names it and says why."""


class UnauthorizedError(SourceError):
    """The source refused the credentials (401, 403); asking again would not help."""


class _PassingError(SourceError):
    """A fault that may pass, and how many seconds are to be waited for that."""

    def __init__(self, message: str, wait: float) -> None:
        """Keep the wait."""
        super().__init__(message)
        self.wait = wait


# The step's log says what failed for good, and how often it was tried; a warning without words says nothing.
set_on_retry_hooks(())


class Client:
    """A connection to one source; use it as a context manager."""

    def __init__(self, source: Source, base_url: str) -> None:
        """Prepare the connection; nothing is sent yet."""
        self.source = source
        self._http = httpx.Client(base_url=base_url, timeout=source.timeout, follow_redirects=False)
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
        try:
            for attempt in stamina.retry_context(
                on=_wait_of, attempts=attempts, timeout=None, wait_initial=0.5, wait_max=_LONGEST_DELAY, wait_jitter=0.0
            ):
                with attempt:
                    self._keep_pace()
                    return self._once(method, path, options, read, attempt.next_wait)
        except _PassingError as error:
            message = f"{error} ({attempts} attempts)"
            raise SourceError(message) from error

    def _once(
        self, method: str, path: str, options: dict[str, Any], read: Callable[[httpx.Response], Any], wait: float
    ) -> Any:
        what = f"{self.source.name}: {method} {path}"
        try:
            response = self._http.request(method, path, **options)
            if response.is_success:
                return read(response)
        except (httpx.TransportError, httpx.DecodingError, ValueError) as error:
            # A hang, a broken connection, a body shorter than announced, or one that is not what it says.
            message = f"{what} failed: {type(error).__name__}: {error}"
            raise _PassingError(message, wait) from error
        status = response.status_code
        if status in {401, 403}:
            message = f"{what} was refused ({status}): {_excerpt(response)}"
            raise UnauthorizedError(message)
        message = f"{what} answered {status}: {_excerpt(response)}"
        if status in _AGAIN:
            raise _PassingError(message, max(wait, _retry_after(response)))
        raise SourceError(message)

    def _keep_pace(self) -> None:
        """Wait until the next request is due: `rate_limit` a second, evenly, and no burst after a pause."""
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.source.rate_limit


def _wait_of(error: Exception) -> bool | float:
    """Return how long stamina shall wait before it tries again; False where it shall not."""
    return error.wait if isinstance(error, _PassingError) else False


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
