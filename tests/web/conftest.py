"""The page and the API as a user has them: a real server for each test, or one for those that leave nothing behind."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from serving import Server

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

if importlib.util.find_spec("uvicorn") is None:
    pytest.skip("the extra `web` is not installed", allow_module_level=True)


@pytest.fixture
def idle(tmp_path: Path, home: Path) -> Iterator[Server]:
    """Return a server that has not been started."""
    found = Server(tmp_path, {**os.environ})
    yield found
    found.close()


@pytest.fixture
def server(idle: Server) -> Server:
    """Return a server that serves."""
    return idle.start()


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """Return a client with the administrator's token."""
    with server.client() as found:
        yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server for tests that leave nothing behind; it belongs to no test's home."""
    place = tmp_path_factory.mktemp("shared")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BATCHCTL_", "XDG_"))}
    found = Server(place, kept | {"HOME": str(place)})
    yield found.start()
    found.close()


@pytest.fixture
def asking(shared: Server) -> Iterator[httpx.Client]:
    """Return a client of that server, with the administrator's token."""
    with shared.client() as found:
        yield found
