"""The page and the API as a user has them: a real server for each test, and one real Chromium for all of them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import browsing
import pytest
from browsing import Visitor
from serving import Server

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from playwright.sync_api import Browser

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


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a Chromium; it and its driver belong to no test's home."""
    if reason := browsing.missing():
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    own: dict[str, str | float | bool] = {**os.environ, "HOME": str(tmp_path_factory.mktemp("chromium"))}
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browsing.CHROMIUM, args=browsing.FLAGS, env=own)
        yield found
        found.close()


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    """Return somebody who looks at the server's pages."""
    found = Visitor(browser, server)
    yield found
    found.close()
