"""Nobody gets anything without authorisation: a walk over all routes, and every way to ask."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from support import batchctl

from batchctl.web.routes import ROUTES

if TYPE_CHECKING:
    from serving import Server

_HOSTS = (("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421), ("localhost", 200), ("[::1]:1", 200))


def _filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


def _browser(server: Server, **headers: str) -> httpx.Client:
    """Return a client that has logged in with the printed address, with these headers from then on."""
    client = httpx.Client(base_url=server.url, timeout=30, trust_env=False)
    code = server.login.partition("code=")[2]
    assert client.post("/login", data={"code": code}).status_code == 303
    client.headers.update(headers)
    return client


def test_no_route_answers_without_authorisation(server: Server) -> None:
    """Of all in the table only the login, the language's form and static files are for everybody; no more, no less."""
    with server.client("") as nobody, server.client("x" * 43, headers={"X-Forwarded-User": "admin"}) as wrong:
        for route in ROUTES:
            answer = nobody.request(route.method, _filled(route.path))
            if route.scope is None:
                assert route.path in {"/login", "/logout"} or route.path.startswith("/static/"), route.path
            elif route.page:
                assert (answer.status_code, answer.headers.get("location")) == (303, "/login"), route.path
            else:
                assert answer.status_code == 401, route.path
                assert answer.headers["www-authenticate"] == "Bearer"
        assert wrong.get("/scheduler/status").status_code == 401
        for path in ("/static/../web-token", "/static/..%2f..%2fweb-token", "/scheduler/runs/../../web-token"):
            assert nobody.get(path).status_code in {401, 404}


def test_a_scope_allows_what_is_below_it(server: Server) -> None:
    """Read may only look, operate may run and stop, and each refusal says which scope it takes."""
    tokens = {
        scope: server.call("serve", "token", "add", scope, "--scope", scope).stdout.strip()
        for scope in ("read", "operate")
    }
    order = ("read", "operate", "admin")
    for scope, token in tokens.items():
        with server.client(token) as client:
            for route in ROUTES:
                if route.scope is None or route.method == "GET" or route.page:
                    continue
                answer = client.request(route.method, _filled(route.path), headers={"Content-Type": "text/plain"})
                allowed = order.index(route.scope) <= order.index(scope)
                assert (answer.status_code == 415) if allowed else (answer.status_code == 403), route.path
            assert client.get("/scheduler/status").status_code == 200
    server.call("serve", "token", "remove", "read")
    with server.client(tokens["read"]) as client:
        assert client.get("/scheduler/status").status_code == 401


def test_a_code_is_good_once_and_looking_uses_nothing_up(server: Server) -> None:
    """The printed address shows a button however often it is looked at; the cookie is for this site's pages alone."""
    code = server.login.partition("code=")[2]
    with server.client("") as nobody:
        for _ in range(2):
            assert "<button" in nobody.get(f"/login?code={code}").text
        answer = nobody.post("/login", data={"code": code})
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        nobody.cookies.clear()
        assert nobody.post("/login", data={"code": code}).status_code == 401
        new = server.call("serve", "login").stdout.strip()
        assert new.startswith(f"{server.url}/login?code=")
        assert nobody.post("/login", data={"code": new.partition("code=")[2]}).status_code == 303


def test_guessing_is_slow(server: Server) -> None:
    """After ten wrong ones there is no eleventh, neither at the login nor for programs; who is in stays in."""
    with server.client("") as nobody:
        codes = [nobody.post("/login", data={"token": f"guess-{number}"}).status_code for number in range(12)]
        assert codes == [401] * 10 + [429] * 2
    with server.client("wrong") as client:
        assert [client.get("/scheduler/status").status_code for _ in range(12)] == [401] * 10 + [429] * 2
    # Whoever is right is heard all the same: the programs of one host have one address.
    assert server.admin.get("/scheduler/status").status_code == 200


@pytest.mark.parametrize(("host", "status"), _HOSTS)
def test_only_its_own_names_are_answered(server: Server, host: str, status: int) -> None:
    """Whatever the method: a name that leads here is not enough."""
    with server.client(headers={"Host": host}) as client:
        assert client.get("/scheduler/status").status_code == status
        assert client.post("/scheduler/jobs/slow/resume").status_code == (421 if status == 421 else 202)


def test_other_sites_change_nothing(server: Server) -> None:
    """A cookie needs a browser's word that the request is our page's; a token alone is nobody's to forge."""
    path = "/scheduler/jobs/slow/resume"
    with contextlib.closing(_browser(server)) as browser:
        rows = [
            ({"Sec-Fetch-Site": "same-origin"}, 202),
            ({"Origin": server.url}, 202),
            ({}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "same-site", "Origin": server.url}, 403),
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "null"}, 403),
        ]
        for headers, status in rows:
            assert browser.post(path, headers=headers).status_code == status, headers
    with server.client() as client:
        assert client.post(path).status_code == 202
        assert client.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_proxy_vouches_for_its_users(idle: Server) -> None:
    """Only a listed peer's word counts; its user may read unless the configuration says more."""
    idle.config.write_text('[web]\nproxy_scope = "operate"\nhosts = ["batch.example"]\n[jobs.x]\nrun = "true"\n')
    idle.start("--behind-proxy", "127.0.0.1")
    said = {
        "X-Forwarded-User": "kim",
        "X-Forwarded-For": "192.0.2.7",
        "Host": "batch.example",
    }
    with idle.client("", headers=said) as user:
        assert user.get("/scheduler/status").status_code == 200
        assert user.post("/scheduler/jobs/x/pause", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 202
        assert user.post("/scheduler/jobs/x/pause").status_code == 403
        assert user.post("/scheduler/stop", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 403
    assert "192.0.2.7" in idle.call("events").stdout
    with idle.client("") as nobody:
        assert nobody.get("/scheduler/status").status_code == 401


def test_it_refuses_to_be_open(server: Server) -> None:
    """No address beyond this machine without TLS or a proxy, no second server of a state; each says what to do."""
    refused = server.call("serve", "--host", "192.0.2.1", "--port", "0")
    assert (refused.returncode, "--cert" in refused.stderr) == (2, True)
    second = server.call("serve", "--port", "0")
    assert (second.returncode, server.url in second.stderr) == (74, True)
    words = ("--config", str(server.config), "--state", f"{server.place}/other")
    other = batchctl(*words, "serve", "--port", server.url.rpartition(":")[2])
    assert (other.returncode, "cannot listen" in other.stderr) == (2, True)
    (server.state / "web-token").chmod(0o644)
    server.end()
    assert "0644" in server.call("serve", "--port", "0").stderr


def test_every_answer_says_what_a_page_may_do(server: Server) -> None:
    """CSP and the rest stand on pages, problems and refusals alike."""
    with server.client("") as nobody:
        for path in ("/login", "/scheduler/status", "/nothing", "/openapi.json"):
            headers = nobody.get(path).headers
            assert headers["content-security-policy"].startswith("default-src 'none'")
            assert headers["x-content-type-options"] == "nosniff"
