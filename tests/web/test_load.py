"""What a server bears: cut streams, silent connections, bytes that are no HTTP, twenty at one button."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import rows, wait_for

if TYPE_CHECKING:
    import httpx
    from serving import Server

_BLIND = ("setpriv", "--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search")
_FAKETIME = next(iter(glob("/usr/lib/*/faketime/libfaketime.so.1")), "")
_ASKED = ("/scheduler/status", "/scheduler/jobs", "/scheduler/jobs/slow", "/scheduler/report", "/scheduler/upcoming")
_PAGES = ("/scheduler", "/ui/jobs/slow", "/ui/upcoming")


def test_the_day_ends_with_as_many_descriptors_as_it_began(server: Server) -> None:
    """After streams that were cut, logs that were followed, starts, refusals and pages nothing stays open."""
    with server.client() as client:
        assert server.call("run", "일괄-수집").returncode == 0
        _work(client)  # what is opened once and kept is open now
        before = wait_for(lambda: _settled(server), "the descriptors to settle")
        threads = len([*Path(f"/proc/{server.pid}/task").iterdir()])
        for _ in range(15):
            _work(client)
        after = wait_for(lambda: _settled(server, before), "the descriptors to settle")
        assert after <= before
        assert len([*Path(f"/proc/{server.pid}/task").iterdir()]) <= threads + 16


def _settled(server: Server, most: int = 10_000) -> int:
    found = server.descriptors()
    time.sleep(0.2)
    return found if server.descriptors() == found and found <= most else 0


def _work(client: httpx.Client) -> None:
    for path in (*_ASKED, *_PAGES, "/openapi.json", "/metrics", "/nowhere", "/scheduler/runs/1/steps/1/log"):
        client.get(path)
    for _ in range(3):
        with client.stream("GET", "/scheduler/events", headers={"Accept": "text/event-stream"}) as events:
            assert events.status_code == 200
        follow = client.stream("GET", "/scheduler/runs/1/steps/1/log", headers={"Accept": "text/event-stream"})
        with follow as log:
            assert log.status_code == 200
    client.post("/scheduler/jobs", content=b"{", headers={"Content-Type": "application/json"})
    client.post("/scheduler/jobs/일괄-수집/run", json={"force": True})


def test_connections_that_say_nothing_keep_nobody_out(server: Server) -> None:
    """Two hundred open connections that never send a whole request: others are answered, and the end is clean."""
    port = int(server.url.rpartition(":")[2])
    held = []
    for _ in range(200):
        one = socket.create_connection(("127.0.0.1", port), timeout=10)
        one.sendall(b"GET /scheduler/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-")
        held.append(one)
    try:
        with server.client(timeout=10) as client:
            assert client.get("/scheduler/status").status_code == 200
    finally:
        for one in held:
            one.close()
    assert server.end() == 0


_POST = b"POST /scheduler/stop HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS, where none is spoken
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100_000 + b"\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n0\r\n\r\n",
        _POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"GET /scheduler/status HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.test\r\n\r\n",
        b"GET http://evil.test/scheduler/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x00" * 4096,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["tls", "headers", "path", "smuggled", "lengths", "hosts", "absolute", "nul", "http2"],
)
def test_what_is_no_http_is_refused(server: Server, sent: bytes) -> None:
    """Bytes that are no proper request get a refusal or a closed connection, print no traceback, and change nothing."""
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        try:
            one.sendall(sent)
            one.shutdown(socket.SHUT_WR)
            answer = one.recv(4096)
        except OSError:
            answer = b""
    assert not answer or re.match(rb"HTTP/1\.[01] (303|4\d\d)", answer), answer
    with server.client() as client:
        assert client.get("/scheduler/status").json()["scheduler"]["paused"] is False
    assert "Traceback" not in server.output.read_text(encoding="utf-8", errors="replace")


def test_many_starts_at_once_make_one_run(server: Server) -> None:
    """A button pressed by twenty people at the same moment: one run, the others are told of it."""
    found: list[dict[str, Any]] = []

    def press() -> None:
        with server.client() as client:
            answer = client.post("/scheduler/jobs/slow/run")
            assert answer.status_code == 202, answer.text
            found.append(answer.json())

    threads = [threading.Thread(target=press) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    started = [each for each in found if each["verdict"] == "started"]
    assert (len(found), len(started)) == (20, 1), json.dumps(found)[:2000]
    assert {each["reason"] for each in found if each["verdict"] == "skipped"} <= {"already_running", "locked"}
    assert rows(server.state, "select count(*) from runs") == [(1,)]
