"""Endpoints on loopback for tests: a web server that behaves as told, and a mail server."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


class Taken:
    """One request that the server got."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        """Keep it."""
        self.method, self.path, self.headers, self.body = method, path, headers, body

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Web:
    """A web server; `answers` are the statuses it gives, the last of them for good.

    Besides a status an answer may be `hang` (nothing is said), `drip` (a byte now and then), `garbage` (no HTTP), or
    a text with `://` (a redirect there). While `gate` is closed every answer waits for it.
    """

    def __init__(self, port: int = 0) -> None:
        """Listen on loopback."""
        self.taken: list[Taken] = []
        self.answers: list[int | str] = [200]
        self.delay = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.events: list[str] = []
        """What happened in which order: `taken PATH`, `answered PATH`."""
        self._over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                outer.taken.append(Taken(self.command, self.path, dict(self.headers), body))
                path = self.path.partition("?")[0]
                outer.events.append(f"taken {path}")
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                outer.gate.wait()
                outer._over.wait(outer.delay)
                outer.events.append(f"answered {path}")
                try:
                    outer._answer(self, answer)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                """Say nothing: clients that go away are what the tests are about."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def _answer(self, handler: BaseHTTPRequestHandler, answer: int | str) -> None:
        if answer == "hang":
            self._over.wait(60)
        elif answer == "drip":
            while not self._over.wait(0.2):
                handler.wfile.write(b"H")
        elif answer == "garbage":
            handler.wfile.write(b"\x00\xff\x1b[31m not HTTP at all\r\n" * 100)
        elif isinstance(answer, str):
            handler.send_response(302)
            handler.send_header("Location", answer)
            handler.end_headers()
        else:
            handler.send_response(answer)
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"OK")

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for, without their queries."""
        return [each.path.partition("?")[0] for each in self.taken]


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reach loopback directly, whatever the environment says."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Mail:
    """A mail server that keeps what it gets."""

    def __init__(self) -> None:
        """Listen on loopback."""
        from aiosmtpd.controller import Controller

        self.taken: list[bytes] = []
        outer = self

        class Handler:
            async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
                outer.taken.append(envelope.original_content)
                return "250 taken"

        self.port = free_port()
        self._controller = Controller(Handler(), hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        """Stop listening."""
        self._controller.stop()


class Stopwatch:
    """Says how long something took."""

    def __init__(self) -> None:
        """Begin now."""
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began
