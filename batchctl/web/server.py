"""The server itself: its socket, its claim on the state directory, its start and its end."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from batchctl.answers.changes import Changes
from batchctl.answers.firing import outlives
from batchctl.base.errors import BatchctlError, StateError, UsageError
from batchctl.base.state_dir import StateDir, open_private
from batchctl.web.app import create
from batchctl.web.security import LOOPBACK
from batchctl.web.tokens import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchctl.answers.site import Site
    from batchctl.web.events import Hub
    from batchctl.web.settings import Settings

_WAITING = 1024
"""Connections that may wait until they are looked at; from here on they can be made."""
_COLLECT = (2000, 10, 5)
"""A command is over before anything need be collected (`__main__`); a server is not."""


_SHORT_LIVED = """\
batchctl: runs that are started from the page end with this unit, for no scope can be had for them
  → let the unit say KillMode=process; contrib/batchctl-web.service does"""


def serve(settings: Settings, site: Site, begun: Callable[[str], None]) -> None:
    """Serve until a signal; `begun` is told the address of the login as soon as somebody could go there.

    Raises:
        UsageError: if the address is not one that a token may be sent to, or cannot be had.
        StateError: if another server serves this state directory, or it cannot be trusted.
    """
    import uvicorn

    gc.set_threshold(*_COLLECT)
    _refuse_open(settings)
    claim = _claim(site.state)
    changes = Changes(site)
    app = create(settings, changes)
    listener = _listen(settings)
    address = _address(settings, listener)
    os.ftruncate(claim, 0)
    os.pwrite(claim, f"{address}\n{settings.keys.path}\n".encode(), 0)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        ssl_certfile=settings.cert,
        ssl_keyfile=settings.key,
    )
    server = _server(uvicorn.Server, app.state.hub)(config)
    begun(f"{address}/login?code={settings.keys.code()}")
    if not outlives():
        print(_SHORT_LIVED, file=sys.stderr, flush=True)  # noqa: T201 - the server's own log
    try:
        server.run(sockets=[listener])
    finally:
        changes.close()
        if settings.uds is not None:
            os.unlink(settings.uds)
        os.ftruncate(claim, 0)
        os.close(claim)


def _server(base: Any, hub: Hub) -> Any:
    """Return uvicorn's server as one that ends by a signal with exit code 0, and with it everybody's stream."""

    class Ending(base):  # type: ignore[misc]  # imported when it is needed
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.end, number)
            yield

        def end(self, number: int) -> None:
            hub.close()
            self.handle_exit(number, None)

    return Ending


def _refuse_open(settings: Settings) -> None:
    if (settings.cert is None) != (settings.key is None):
        message = "TLS takes a certificate and its key"
        raise UsageError(message, remedy="give both --cert FILE and --key FILE")
    if settings.uds is None and settings.host not in LOOPBACK and not settings.cert and not settings.behind_proxy:
        message = f"--host {settings.host}: without TLS, whoever is on the way could read the token"
        remedy = "give --cert and --key; or a proxy that speaks TLS and --behind-proxy with its address"
        raise UsageError(message, remedy=remedy)


def _claim(state: str) -> int:
    """Be the one server of a state directory, until the descriptor is closed."""
    place = StateDir(state)
    place.ensure()
    try:
        descriptor = open_private(place.web_lock, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        message = f"{place.web_lock}: {error.strerror}"
        raise StateError(message, remedy="check owner and mode of the state directory") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        where = os.pread(descriptor, 4096, 0).decode(errors="replace").partition("\n")[0]
        os.close(descriptor)
        message = f"{state} is served already, at {where or 'an address that is not known yet'}"
        raise StateError(message, remedy="use that server, or end it first") from None
    return descriptor


def new_login(state: str) -> str:
    """Return the address of the server of a state directory with a new code.

    Raises:
        BatchctlError: if there is no server.
        StateError: if its token cannot be read.
    """
    try:
        with open(open_private(StateDir(state).web_lock, os.O_RDONLY), encoding="utf-8") as file:
            address, _, path = file.read().strip().partition("\n")
    except OSError:
        address = path = ""
    if not path:
        message = f"no server serves {state}"
        raise BatchctlError(message, remedy="start it: batchctl serve")
    return f"{address}/login?code={Keys(state, path).code()}"


def _listen(settings: Settings) -> socket.socket:
    where = settings.uds or f"{settings.host}:{settings.port}"
    try:
        if settings.uds is not None:
            return _listen_on_file(settings.uds)
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        # With the protocol named, asyncio sets TCP_NODELAY: else a body waits 40 ms for the headers' acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(_WAITING)
    except OSError as error:
        message = f"cannot listen on {where}: {error.strerror or error}"
        raise UsageError(message, remedy="take another with --host, --port or --uds") from error
    return listener


def _listen_on_file(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)  # of a server that was killed
    except FileNotFoundError:
        pass
    else:
        listener.close()
        raise OSError(0, "another program listens there")
    listener.close()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)  # a proxy of the same group may connect
    try:
        listener.bind(path)
        listener.listen(_WAITING)
    finally:
        os.umask(before)
    return listener


def _address(settings: Settings, listener: socket.socket) -> str:
    if settings.uds is not None:
        return "http://localhost"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.cert else 'http'}://{host}:{listener.getsockname()[1]}"
