"""A server of its own per test: who gets in, and what they are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from served import serving
from support import batchctl

if TYPE_CHECKING:
    from pathlib import Path


def test_status_is_what_the_command_prints_and_the_health(tmp_path: Path) -> None:
    """With a token, and with the cookie that the printed address gives once."""
    with serving(tmp_path, '[jobs.x]\nrun = "true"\n') as server:
        found = server.get("/scheduler/status").json()
        said = batchctl("--config", server.config, "--state", server.state, "status", "--json")
        assert json.loads(said.stdout) == {key: value for key, value in found.items() if key != "health"}
        assert found["health"]["system_status"] in {"healthy", "degraded"}
        with server.browser() as browser:
            assert browser.get("/scheduler/status").status_code == 401
            assert "<button" in browser.get(server.login).text
            code = {"code": server.login.partition("code=")[2]}
            assert browser.post("/login", data=code, follow_redirects=False).status_code == 303
            assert browser.get("/scheduler/status").status_code == 200
            assert browser.post("/login", data=code, follow_redirects=False).status_code == 401


def test_a_forged_host_and_a_wrong_token_get_nothing(tmp_path: Path) -> None:
    """The host before all else; then the token, without saying whether the path exists."""
    with serving(tmp_path) as server:
        assert server.get("/scheduler/status", headers={"Host": "evil.example"}).status_code == 421
        assert server.get("/scheduler/status", headers={"Authorization": "Bearer x"}).status_code == 401
        assert server.get("/nothing").status_code == 404


def test_a_second_server_of_the_state_names_the_first(tmp_path: Path) -> None:
    """It refuses with 74."""
    with serving(tmp_path) as server:
        done = batchctl("--config", server.config, "--state", server.state, "serve", "--port", "0")
        assert done.returncode == 74
        assert server.address in done.stderr
