"""Debian's nginx in front, with the file of contrib/: TLS, events as they come, and the user that nginx vouches for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from endpoints import free_port
from support import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Server

CONTRIB = Path(__file__).parents[2] / "contrib"
_NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
_NAME = "batch.example.org"
pytestmark = [
    pytest.mark.skipif(_NGINX is None, reason="nginx is not installed (tests/ensure_packages.sh installs it)"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here to make a certificate"),
]


class Front:
    """An nginx of the test's own, with the file of contrib/ changed in nothing but places and ports."""

    def __init__(self, place: Path, *, vouching: bool) -> None:
        """Write its files; `vouching` is the variant in which nginx asks for a password."""
        self.place, self.port, plain = place, free_port(), free_port()
        self.socket = place / "web.sock"
        pem, key = place / "cert.pem", place / "key.pem"
        self.certificate = pem
        openssl = (
            f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={_NAME} -addext subjectAltName=DNS:{_NAME}"
        )
        subprocess.run([*openssl.split(), "-keyout", key, "-out", pem], check=True, capture_output=True)
        text = (CONTRIB / "nginx.conf").read_text(encoding="utf-8")
        for old, new in (
            ("unix:/run/batchctl/web.sock", f"unix:{self.socket}"),
            ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            ("listen 80", f"listen 127.0.0.1:{plain}"),
            (f"/etc/ssl/certs/{_NAME}.pem", str(pem)),
            (f"/etc/ssl/private/{_NAME}.key", str(key)),
            ("/etc/nginx/batchctl.htpasswd", str(place / "htpasswd")),
        ):
            assert old in text
            text = text.replace(old, new)
        if vouching:
            secret = subprocess.run(["openssl", "passwd", "-apr1", "pw"], check=True, capture_output=True, text=True)
            (place / "htpasswd").write_text(f"alice:{secret.stdout}")
            text = text.replace('    proxy_set_header X-Forwarded-User "";\n', "")
            text = re.sub(r"^    #     ((?:auth|proxy)_.*;)$", r"    \1", text, flags=re.MULTILINE)
            assert text.count("X-Forwarded-User $remote_user;") == 1
        temporary = "".join(
            f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (place / "nginx.conf").write_text(
            f"daemon off; worker_processes 1; pid {place}/pid; error_log {place}/error.log; events {{}}\n"
            f"{'user root;' if os.geteuid() == 0 else ''} http {{ access_log off; {temporary}\n{text}\n}}\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it can be reached."""
        assert _NGINX is not None
        self.process = subprocess.Popen(
            [_NGINX, "-c", str(self.place / "nginx.conf"), "-e", str(self.place / "error.log")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._up, "nginx to answer")

    def _up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.place / "error.log").read_text()
        try:
            with self.client() as client:
                return client.get("/login").status_code < 500
        except httpx.TransportError:
            return False

    def client(self, **options: object) -> httpx.Client:
        """Return a client that asks for the name, trusts the certificate, and comes by this port."""
        import ssl

        context = ssl.create_default_context(cafile=str(self.certificate))
        return httpx.Client(
            base_url=f"https://{_NAME}:{self.port}",
            transport=_Here(self.port, verify=context),
            timeout=30,
            **options,  # type: ignore[arg-type]
        )

    def close(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)


class _Here(httpx.HTTPTransport):
    """Goes to loopback whatever name is asked for, as an entry in /etc/hosts would."""

    def __init__(self, port: int, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        there = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": _NAME},
        )
        return super().handle_request(there)


@pytest.fixture
def front(tmp_path: Path, idle: Server, request: pytest.FixtureRequest) -> Iterator[Front]:
    """Return an nginx with a server behind it."""
    vouching = bool(getattr(request, "param", False))
    place = tmp_path / "nginx"
    place.mkdir()
    found = Front(place, vouching=vouching)
    idle.config.write_text(
        f'{idle.config.read_text(encoding="utf-8")}[web]\nhosts = ["{_NAME}"]\nproxy_scope = "operate"\n',
        encoding="utf-8",
    )
    idle.start("--uds", str(found.socket), "--behind-proxy", "unix")  # as the unit does
    found.start()
    yield found
    found.close()


def bearer(server: Server) -> dict[str, str]:
    """Return the header of the administrator."""
    return {"Authorization": f"Bearer {server.token}"}


def test_pages_api_and_login_come_through(front: Front, idle: Server) -> None:
    """Over TLS and by its public name: the API by token, the page by the code, with a cookie for TLS alone."""
    with front.client() as client:
        assert client.get("/scheduler/status", headers=bearer(idle)).status_code == 200
        code = idle.login.partition("code=")[2]
        origin = f"https://{_NAME}:{front.port}"
        logged = client.post("/login", data={"code": code}, headers={"Origin": origin})
        assert logged.status_code == 303, logged.text
        assert "; secure" in logged.headers["set-cookie"].lower()
        assert logged.headers["location"].startswith("/") or logged.headers["location"].startswith(origin)
        page = client.get("/scheduler")
        assert page.status_code == 200
        assert "일괄-수집" in page.text
        assert client.post("/scheduler/stop", headers={"Origin": origin}).status_code == 200
        assert client.post("/scheduler/stop", headers={"Origin": "https://evil.test"}).status_code == 403


def test_nobody_says_who_they_are(front: Front, idle: Server) -> None:
    """A header that vouches for a user, sent from outside, opens nothing."""
    with front.client() as client:
        assert client.get("/scheduler/status", headers={"X-Forwarded-User": "root"}).status_code == 401
    idle.end()
    idle.start("--uds", str(front.socket))
    transport = httpx.HTTPTransport(uds=str(front.socket))
    with httpx.Client(transport=transport, base_url="http://localhost") as client:
        # Nor does it to a server that was not told of a proxy.
        assert client.get("/scheduler/status", headers={"X-Forwarded-User": "root"}).status_code == 401


@pytest.mark.parametrize("front", [True], indirect=True)
def test_the_user_is_who_nginx_says(front: Front, idle: Server) -> None:
    """Behind a password of nginx's the user has the scope of the configuration, and what they did bears their name."""
    with front.client(auth=("alice", "pw")) as client:
        assert client.get("/scheduler").status_code == 200
        own = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-User": "mallory"}
        assert client.post("/scheduler/jobs/slow/pause", headers=own).status_code == 202
        assert client.post("/scheduler/jobs/slow/pause", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        made = client.post("/scheduler/jobs", json={"name": "x", "preset": "health-check"}, headers=own)
        assert made.status_code == 403
    with front.client() as client:
        assert client.get("/scheduler").status_code == 401
    told = idle.call("events", "--json").stdout
    assert "alice" in told
    assert "mallory" not in told


def test_events_come_as_they_happen(front: Front, idle: Server) -> None:
    """Nothing between server and reader keeps an event back until a buffer is full."""
    with front.client() as client:
        headers = bearer(idle) | {"Accept": "text/event-stream"}
        with client.stream("GET", "/scheduler/events", headers=headers) as events:
            lines = events.iter_lines()
            next(lines)
            began = time.monotonic()
            assert client.post("/scheduler/jobs/slow/pause", headers=bearer(idle)).status_code == 202
            assert any("slow" in line for line in lines)
            assert time.monotonic() - began < 5


def test_nginx_survives_a_server_that_comes_and_goes(front: Front, idle: Server) -> None:
    """While the server is away nginx says 502; when it is back on the same socket, all is well without a reload."""
    idle.end()
    with front.client() as client:
        assert client.get("/scheduler/status", headers=bearer(idle)).status_code == 502
        idle.start("--uds", str(front.socket))
        wait_for(
            lambda: client.get("/scheduler/status", headers=bearer(idle)).status_code == 200,
            "nginx to find the server again",
            30,
        )


def test_the_unit_lets_runs_live() -> None:
    """What systemd ends with the server is the server alone, and what the unit starts is a command of this version."""
    from batchctl.commands.cli import main

    text = (CONTRIB / "batchctl-web.service").read_text(encoding="utf-8")
    settings = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"[A-Z]\w+=", line))
    assert settings["KillMode"] == "process"
    assert settings["OOMPolicy"] == "continue"
    program, *words = settings["ExecStart"].split()
    assert program.endswith("/batchctl")
    assert main([*words, "--help"]) == 0
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", CONTRIB / "batchctl-web.service"],
            capture_output=True,
            text=True,
            check=False,
        )
        told = [line for line in done.stderr.splitlines() if "batchctl-web" in line and "not executable" not in line]
        assert told == []
