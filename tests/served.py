"""A real server: `batchctl serve` as a process of its own on a free port, and clients for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server(NamedTuple):
    """Where it is, and how to ask it."""

    address: str
    login: str
    """The printed address, with its code."""
    token: str
    config: str
    state: str
    pid: int
    client: httpx.Client

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Ask with the admin's token."""
        return self.client.get(path, **options)

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask for a change with the admin's token."""
        return self.client.request(method, path, **options)

    def browser(self, **options: Any) -> httpx.Client:
        """Return a client without a token, which says as browsers do that its requests come from our own page."""
        headers = {"Sec-Fetch-Site": "same-origin", **options.pop("headers", {})}
        return httpx.Client(base_url=self.address, headers=headers, timeout=30, trust_env=False, **options)


@contextmanager
def serving(place: Path, config: str = "", *options: str, port: int = 0) -> Iterator[Server]:
    """Serve what this configuration says; the state is beside it. At the end the server ends by TERM."""
    file, state = place / "batchctl.toml", place / "state"
    if not file.exists():
        file.write_text(config)
    words = [sys.executable, "-m", "batchctl", "--config", str(file), "--state", str(state), "serve"]
    errors = (place / "serve.err").open("w+")
    process = subprocess.Popen(
        [*words, "--port", str(port), *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
        text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        login = process.stdout.readline().strip()
        assert login, (place / "serve.err").read_text()
        address = login.partition("/login")[0]
        token_file = process.stdout.readline().strip().partition(": ")[2]
        token = Path(token_file).read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=address, headers=headers, timeout=30, trust_env=False) as client:
            yield Server(address, login, token, str(file), str(state), process.pid, client)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        errors.close()
