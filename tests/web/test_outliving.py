"""A run depends on no server, and one server at a time serves a state directory."""

from __future__ import annotations

import os
import signal
import socket
import time
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import begin, running
from support import alive, rows, wait_for

if TYPE_CHECKING:
    from serving import Server

_BLIND = ("setpriv", "--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search")
_FAKETIME = next(iter(glob("/usr/lib/*/faketime/libfaketime.so.1")), "")
_ASKED = ("/scheduler/status", "/scheduler/jobs", "/scheduler/jobs/slow", "/scheduler/report", "/scheduler/upcoming")
_PAGES = ("/scheduler", "/ui/jobs/slow", "/ui/upcoming")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_run_outlives_its_server(server: Server, number: signal.Signals) -> None:
    """Whatever ends the server, what it started goes on; the next one shows it, follows it, and can stop it."""
    with server.client() as client:
        run = begin(client)
    here = wait_for(lambda: running(server, run), "the step to run")
    server.end(number)
    server.start()
    assert running(server, run) == here
    with server.client() as client:
        status = next(job for job in client.get("/scheduler/status").json()["jobs"] if job["job"] == "slow")
        assert status["run"]["id"] == run
        assert client.post("/scheduler/jobs/slow/stop").status_code == 202
    assert not alive(here["step"])
    assert rows(server.state, "select status from runs where id = ?", run) == [("cancelled",)]


def test_a_run_holds_nothing_of_the_server(server: Server) -> None:
    """It has neither socket nor claim nor session of it: the port is free, the next server may begin at once."""
    with server.client() as client:
        run = begin(client)
    here = wait_for(lambda: running(server, run), "the step to run")
    mine = {os.readlink(link) for link in Path(f"/proc/{server.pid}/fd").iterdir() if _exists(link)}
    for pid in here.values():
        theirs = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
        assert not {each for each in mine & theirs if each.startswith("socket:")}
        assert not {each for each in theirs if "web" in Path(each).name}
        assert os.getsid(pid) != os.getsid(server.pid)
    port = int(server.url.rpartition(":")[2])
    server.end(signal.SIGKILL)
    server.start("--port", str(port))
    assert server.url.endswith(f":{port}")


def _exists(link: Path) -> bool:
    return link.is_symlink()


def test_a_frozen_server_holds_up_no_run(server: Server) -> None:
    """A server that is stopped in its tracks keeps no transaction: fires beside it go on as ever."""
    with server.client() as client:
        for path in (*_ASKED, *_PAGES):
            assert client.get(path).status_code == 200
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert server.call("run", "일괄-수집").returncode == 0
    assert time.monotonic() - began < 20


def test_a_second_server_is_refused_with_the_address_of_the_first(server: Server) -> None:
    """Two servers on one state directory would be two of everything; whoever starts the second learns of the first."""
    second = server.call("serve", "--port", "0")
    assert second.returncode == 74, second.stdout
    assert server.url in second.stderr
    server.end(signal.SIGKILL)
    server.start()  # what a killed one left behind keeps nobody out


def test_a_port_that_is_taken_is_told(idle: Server) -> None:
    """Exit 2 with the address and what to give instead; nothing is left that keeps a server out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = idle.call("serve", "--port", str(port))
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    idle.start()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - what is to be refused
def test_an_open_address_without_tls_is_refused(idle: Server, host: str) -> None:
    """Nobody may send the token over a wire that others read: no server without TLS or a proxy."""
    done = idle.call("serve", "--host", host, "--port", "0")
    assert done.returncode == 2
    assert "--cert" in done.stderr


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_that_others_can_read_is_none(idle: Server, mode: int) -> None:
    """A token file of a looser mode is refused, with what to do."""
    token = idle.place / "token"
    token.write_text("x" * 40)
    token.chmod(mode)
    done = idle.call("serve", "--port", "0", "--token-file", str(token))
    assert done.returncode == 74
    assert "chmod 600" in done.stderr
