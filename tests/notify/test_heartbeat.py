"""Pings against a real server that speaks the convention, and against servers that do not."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from endpoints import Stopwatch, Web, free_port, without_proxy
from support import children, job, step, wait_for

from batchctl.core.model import Alerting
from batchctl.core.run import Attempt, Run, StepRun
from batchctl.notify import heartbeat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batchctl.core.model import Job

TOKEN = "0123456789abcdef01234567"  # noqa: S105 - made up


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Run a web server."""
    without_proxy(monkeypatch)
    server = Web()
    yield server
    server.close()


def pinging(port: int, path: str = "/uuid", **alerting: Any) -> Job:
    """Return a job that pings this server."""
    return job(alerting=Alerting(ping_url=f"http://127.0.0.1:{port}{path}", **alerting))


def beat(port: int, path: str = "/uuid") -> heartbeat.Beat:
    """Return the pings of a run."""
    found = heartbeat.beat_of(pinging(port, path), TOKEN)
    assert found is not None
    return found


def test_start_and_success(web: Web) -> None:
    """A run is `/start` and then the bare URL, both with the same UUID, which is not the token; the body is the log."""
    found = beat(web.port)
    found.start()
    assert found.end(0, "마지막 줄")
    assert web.paths == ["/uuid/start", "/uuid"]
    queries = {each.path.partition("?")[2] for each in web.taken}
    (query,) = queries
    assert uuid.UUID(query.removeprefix("rid=")).version == 4
    assert TOKEN not in query
    assert web.taken[1].body.decode() == "마지막 줄"


def test_the_body_of_an_end(tmp_path: Path) -> None:
    """It is why the run ended and the last lines of the step that failed, with no secret in it."""
    steps = [StepRun(number, step(str(number))) for number in (1, 2, 3)]
    for one, status in zip(steps, ("succeeded", "failed"), strict=False):
        one.status = status
        one.attempts.append(Attempt(1, f"{one.seq}.log", 0.0))
        (tmp_path / f"{one.seq}.log").write_text(f"출력 {one.seq} hunter2\n", encoding="utf-8")
    run = Run(7, "작업", 0.0, TOKEN, steps)
    run.status, run.why = "failed", "step 2: hunter2"
    assert heartbeat.body_of(run, str(tmp_path), ("hunter2",)) == "작업: run 7 failed\nstep 2: ***\n출력 2 ***"
    assert heartbeat.body_of(Run(8, "작업", 0.0, TOKEN, []), str(tmp_path), ()) == "작업: run 8 running"


def test_each_run_has_its_own_id() -> None:
    """Two runs have two UUIDs, and one run has one."""
    assert heartbeat.run_uuid("a") == heartbeat.run_uuid("a") != heartbeat.run_uuid("b")


@pytest.mark.parametrize(
    ("code", "event"),
    [
        (0, ""),  # succeeded
        (1, "/1"),  # a step failed
        (124, "/124"),  # timed out
        (143, "/143"),  # stopped by TERM
        (None, "/fail"),  # lost or stale: there is no exit code
        (-9, "/fail"),  # none that the convention has
    ],
)
def test_events(code: int | None, event: str) -> None:
    """The exit code is told as it is."""
    assert heartbeat.event_of(code) == event


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hc/u", "https://hc/u/start?rid="),  # as they come
        ("https://hc/u/", "https://hc/u/start?rid="),  # a slash at the end
        ("https://hc/p/slug?create=1", "https://hc/p/slug/start?create=1&rid="),  # a query of its own
    ],
)
def test_addresses(url: str, expected: str) -> None:
    """The event belongs to the path, the run to the query."""
    assert heartbeat.address(url, heartbeat.START, TOKEN) == expected + heartbeat.run_uuid(TOKEN)


def test_the_start_is_not_waited_for(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow monitor delays neither the start nor leaves a child behind; the end waits, so the order is right."""
    monkeypatch.setattr(heartbeat, "LIMIT", 60.0)
    web.gate.clear()
    found, before = beat(web.port), children()
    watch = Stopwatch()
    found.start()
    assert watch.seconds < 30, "nobody has answered, so whoever waits does so until the limit"
    assert children() <= before
    threading.Timer(1.0, web.gate.set).start()
    assert found.end(1)
    assert web.events == ["taken /uuid/start", "answered /uuid/start", "taken /uuid/1", "answered /uuid/1"]


def test_the_start_holds_no_descriptor(web: Web, tmp_path: Path) -> None:
    """Neither a lock nor the output of batchctl stays open while the ping of the start hangs."""
    web.answers = ["hang"]
    lock = tmp_path / "lock"
    script = (
        "import fcntl, sys\nfrom batchctl.notify import heartbeat\n"
        f"lock = open({str(lock)!r}, 'w'); fcntl.flock(lock, fcntl.LOCK_EX)\n"
        f"heartbeat.Beat('http://127.0.0.1:{web.port}/u', 'x').start()\nprint('done')\n"
    )
    watch = Stopwatch()
    # Reading to the end of stdout and stderr is what cron does before it mails.
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "done\n"
    assert watch.seconds < 4
    wait_for(lambda: web.taken, "the ping")
    taken = subprocess.run(["flock", "-n", str(lock), "true"], check=False)
    assert taken.returncode == 0


def test_trouble_that_passes_is_tried_again(web: Web) -> None:
    """Two errors of the server, then it takes the ping."""
    web.answers = [503, 429, 200]
    assert heartbeat.ping(pinging(web.port), heartbeat.SUCCESS)
    assert len(web.taken) == 3


def test_a_refusal_is_not_tried_again(web: Web) -> None:
    """There is no such check: asking again would not change that."""
    web.answers = [404]
    assert not heartbeat.ping(pinging(web.port), heartbeat.SUCCESS)
    assert len(web.taken) == 1


@pytest.mark.parametrize("answer", ["hang", "drip", "garbage", 500])
def test_a_bad_monitor_costs_a_bounded_time(web: Web, answer: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it does, the ping is over in time and nothing is raised."""
    monkeypatch.setattr(heartbeat, "LIMIT", 1.5)
    web.answers = [answer]
    watch = Stopwatch()
    assert not heartbeat.ping(pinging(web.port), heartbeat.FAIL)
    assert watch.seconds < 4


def test_nobody_listens() -> None:
    """A monitor that is down, or has no address, is no error."""
    assert not heartbeat.ping(pinging(free_port()), heartbeat.SUCCESS)
    bad = job(alerting=Alerting(ping_url="http://[::bad/"))
    assert not heartbeat.ping(bad, heartbeat.SUCCESS)


def test_redirects_stay_with_the_scheme(web: Web) -> None:
    """One within http is followed, one to another scheme is not."""
    other = Web()
    web.answers = [f"http://127.0.0.1:{other.port}/there"]
    assert heartbeat.ping(pinging(web.port), heartbeat.SUCCESS)
    web.answers = [f"ftp://127.0.0.1:{other.port}/there"]
    assert not heartbeat.ping(pinging(web.port), heartbeat.SUCCESS)
    other.close()
    assert other.paths == ["/there"]


def test_the_body_is_bounded(web: Web) -> None:
    """Of a long text the last 10,000 bytes are sent."""
    assert heartbeat.ping(pinging(web.port), heartbeat.LOG, "x" * 50_000 + "end")
    assert len(web.taken[0].body) == 10_000
    assert web.taken[0].body.endswith(b"end")


@pytest.mark.parametrize(("wanted", "paths"), [(True, ["/uuid/log"]), (False, [])])
def test_skips(web: Web, wanted: bool, paths: list[str]) -> None:
    """A skip pings nothing, and with ping_on_skip `/log` only, so the monitor takes it for no run."""
    heartbeat.skipped(pinging(web.port, ping_on_skip=wanted), "still running")
    if wanted:
        wait_for(lambda: web.taken, "the ping of the skip")
    assert heartbeat.ping(pinging(web.port, "/last"), heartbeat.SUCCESS)
    assert web.paths == [*paths, "/last"]


def test_a_job_without_pings() -> None:
    """There is nothing to do and nothing is done."""
    assert heartbeat.beat_of(job(), TOKEN) is None
    assert not heartbeat.ping(job(), heartbeat.SUCCESS)
    heartbeat.skipped(job(), "x")
