"""Pings to a monitor that notices what batchctl cannot: that no fire came at all (the convention of healthchecks.io).

`URL/start` when a run starts, `URL` when it succeeded, `URL/CODE` (its exit code) or `URL/fail` when it did not,
`URL/log` for a skip; `rid` says which pings belong to one run.

A ping is sent by a forked child that the kernel ends after 5 seconds, since looking up a name can hang beyond every
timeout that a program can set. The ping of a start is not waited for: it must not delay the steps. Its child is let go
of at once, before batchctl begins to supervise, so that it is none of the processes that the steps are thought to have
left behind; it holds no descriptor, so neither the job's lock nor cron's mail waits for it. The end of the run waits
for it, because a start that arrives after the end would be the start of a run that never ends.
"""

from __future__ import annotations

import os

from batchctl.base.state_dir import StateDir
from batchctl.core import model
from batchctl.core.text.masking import mask
from batchctl.process import detached
from batchctl.store import tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.model import Job
    from batchctl.core.run import Run

START, SUCCESS, FAIL, LOG = "/start", "", "/fail", "/log"

LIMIT = 5.0
"""Seconds that one ping may take, its retries included."""
_LONGEST_BODY = 10_000
_LINES = 200
_TRIES = 3
_PAUSE = 0.5
_OK = 0
_SHELL_CODES = range(1, 256)


class Beat:
    """The pings of one run."""

    def __init__(self, url: str, token: str) -> None:
        """Keep where to; `token` marks the run, and is itself told to nobody."""
        self._url, self._token = url, token
        self._started: int | None = None

    def start(self) -> None:
        """Tell of the start, without waiting. To be called before the supervision begins; it never raises."""
        self._started = detached.let_go(_work(self._url, START, self._token, ""), LIMIT)

    def end(self, exit_code: int | None, body: str = "") -> bool:
        """Tell how the run ended, after its start has been told; say whether the monitor took it. It never raises."""
        if self._started is not None:
            detached.await_end(self._started, LIMIT)
            self._started = None
        return detached.attend(_work(self._url, event_of(exit_code), self._token, body), LIMIT)


def beat_of(job: Job, token: str) -> Beat | None:
    """Return the pings of a run; None for a job without `ping_url`."""
    return None if job.alerting.ping_url is None else Beat(job.alerting.ping_url, token)


def body_of(run: Run, state_dir: str, secrets: tuple[str, ...]) -> str:
    """Return what the ping of an end says: why, and the last lines of the step that ended badly, or of the last one."""
    tried = [step for step in run.steps if step.last is not None]
    bad = [step for step in tried if step.status in model.UNFINISHED]
    step = next(iter(bad or tried[-1:]), None)
    lines = (
        []
        if step is None or step.last is None
        else tail.last_lines(StateDir(state_dir).at(step.last.log), secrets, lines=_LINES)
    )
    return "\n".join(filter(None, [f"{run.job}: run {run.id} {run.status}", mask(run.why, secrets), *lines]))


def event_of(exit_code: int | None) -> str:
    """Return the end of the URL for a run's exit code; None stands for a run that has none (lost, stale)."""
    if exit_code == _OK:
        return SUCCESS
    return f"/{exit_code}" if exit_code in _SHELL_CODES else FAIL


def ping(job: Job, event: str, body: str = "", token: str = "") -> bool:
    """Send one ping now, within 5 seconds, and say whether the monitor took it; it never raises."""
    url = job.alerting.ping_url
    return url is not None and detached.attend(_work(url, event, token, body), LIMIT)


def skipped(job: Job, sentence: str) -> None:
    """Tell of a skip where the job wants that, without waiting; it never raises."""
    if job.alerting.ping_url is not None and job.alerting.ping_on_skip:
        life = detached.let_go(_work(job.alerting.ping_url, LOG, "", sentence), LIMIT)
        if life is not None:
            os.close(life)


def _work(url: str, event: str, token: str, body: str) -> detached.Work:
    return lambda: _try(address(url, event, token), body)


def address(url: str, event: str, token: str) -> str:
    """Return the URL of one ping; a query that the configured URL has stays at its end."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, f"rid={run_uuid(token)}" if token else "")))
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + event, query, ""))


def run_uuid(token: str) -> str:
    """Return the UUID that tells the pings of one run from those of the next."""
    from hashlib import sha256
    from uuid import UUID

    return str(UUID(bytes=sha256(token.encode()).digest()[:16], version=4))


def _try(url: str, body: str) -> bool:
    import time

    content = body.encode(errors="replace")[-_LONGEST_BODY:]
    for attempt in range(_TRIES):
        taken = _post(url, content)
        if taken is not None:
            return taken
        time.sleep(_PAUSE * (attempt + 1))
    return False


def _post(url: str, content: bytes) -> bool | None:
    """Send once: taken, refused (no use in trying again), or None for any other trouble."""
    from http.client import HTTPException
    from urllib import error, request

    class SameScheme(request.HTTPRedirectHandler):
        """Follows a redirect only where it stays with the scheme that the operator wrote."""

        def redirect_request(self, req: request.Request, *rest: object) -> request.Request | None:
            new = str(rest[-1])
            return super().redirect_request(req, *rest) if new.startswith(f"{req.type}://") else None  # type: ignore[arg-type]

    headers = {"User-Agent": "batchctl", "Content-Type": "text/plain; charset=utf-8"}
    order = request.Request(url, data=content, headers=headers, method="POST")  # noqa: S310 - the configuration admits http and https only
    try:
        with request.build_opener(SameScheme).open(order, timeout=LIMIT) as answer:
            answer.read(1024)
    except error.HTTPError as refusal:
        refusal.close()
        return None if refusal.code >= 500 or refusal.code == 429 else False  # noqa: PLR2004 - HTTP's own numbers
    except (OSError, ValueError, HTTPException):
        return None
    return True
