"""What `batchctl serve` costs with 200 jobs and a million runs: at rest, at each look, with many onlookers.

Run it as `python benchmarks/bench_serve.py [RUNS] [SECONDS]`; SECONDS is how long onlookers and requests go on. It
builds its history in a temporary directory and takes some minutes. A time is the 95th percentile of whole requests on a
connection that stays open, client and server on one machine.
"""

from __future__ import annotations

import asyncio
import gzip
import http.client
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench_history import DAY, JOBS, build
from measure import BATCHCTL, line, seconds, wall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STREAMS = 200
_MIB = 1 << 20
_LOG_LINE = b"2026-11-24 03:12:40 product 000000 uploaded to market 3, answer 200, 412 ms\n"
_MIXED = ("/scheduler/status", "/scheduler", "/scheduler/jobs", "/scheduler/jobs/job-007", "/scheduler/upcoming",
          "/ui/jobs/job-007", "/scheduler/jobs/job-011/explain", "/scheduler/health")  # fmt: skip


class Server(NamedTuple):
    """A server that is measured."""

    process: subprocess.Popen[str]
    port: int
    token: str
    state: Path
    command: list[str]

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection that stays open."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    @property
    def headers(self) -> dict[str, str]:
        """What every request bears."""
        return {"Authorization": f"Bearer {self.token}", "Accept-Encoding": "gzip"}

    def cpu(self) -> float:
        """Return the processor's seconds that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        """Return its resident MiB."""
        found = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text(), re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0

    def descriptors(self) -> int:
        """Return how many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def main(runs: int = 1_000_000, span: float = 60) -> None:
    """Build, serve, measure, print."""
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as place:
        config, state = Path(place, "batchctl.toml"), Path(place, "state")
        config.write_text(
            "".join(
                f'[jobs.job-{job:03d}]\nschedule = "{job % 60} {job % 24} * * *"\nrun = "true"\n' for job in range(JOBS)
            )
        )
        state.mkdir(mode=0o700)
        build(state, runs, 365 * DAY)
        _log(state)
        with serving([*BATCHCTL, "--config", str(config), "--state", str(state)], state) as server:
            looks(server)
            rest(server, span)
            large_log(server)
            onlookers(server, span)
            before = server.descriptors()
            mixed(server, span)
            line("descriptors before and after", f"{before}, {server.descriptors()}", "the same")
            line(f"resident with {runs:,} runs, after all of this", f"{server.resident():.0f} MiB", "at most 60 MiB")


@contextmanager
def serving(command: list[str], state: Path) -> Iterator[Server]:
    """Serve on a free port until the end of the block."""
    subprocess.run([*command, "run", "job-000"], check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen([*command, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    while (found := re.search(r":(\d+)/login", said)) is None:
        said = process.stdout.readline()
    try:
        yield Server(process, int(found[1]), (state / "web-token").read_text().strip(), state, command)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def timed(
    server: Server, path: str, count: int, before: Callable[[int], None] | None = None, tag: str = ""
) -> tuple[list[float], int, bytes, str]:
    """Ask so many times; return the times, the last status, its body and its entity tag."""
    times, connection, status, body, found = [], server.connection(), 0, b"", ""
    headers = server.headers | ({"If-None-Match": tag} if tag else {})
    for number in range(count + 3):
        if before is not None:
            before(number)
        begin = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        times.append(time.perf_counter() - begin)
        status, found = answer.status, answer.headers.get("ETag", "")
    connection.close()
    return times[3:], status, body, found


def changing(server: Server) -> Callable[[int], None]:
    """Return what changes the history a little."""
    connection = sqlite3.connect(server.state / "batchctl.db", isolation_level=None, timeout=30)

    def change(number: int) -> None:
        connection.execute("update runs set started_mono_s = ? where id = 1000", (float(number),))

    return change


def looks(server: Server) -> None:
    """Measure single looks against a bare static file."""
    bare = p95(timed(server, "/static/icon.svg", 400)[0])
    line("a bare static file", seconds(bare), "")
    for path in ("/scheduler/status", "/scheduler"):
        changed, status, body, tag = timed(server, path, 60, changing(server))
        assert status == 200, (path, status, body[:300])  # noqa: PLR2004
        line(f"{path} after a change, {p95(changed) / bare:.0f} x that", seconds(p95(changed)), "at most 40 x, 60 ms")
        same, status, _, _ = timed(server, path, 200, tag=tag)
        what = f"{path} where nothing changed ({status}), {p95(same) / bare:.1f} x"
        line(what, seconds(p95(same)), "304, at most 4 x")
        line(
            f"{path}: size packed", f"{_packed(body) / 1024:.1f} KiB", "at most 30 KiB" if path == "/scheduler" else ""
        )
    files = [timed(server, f"/static/{name}", 1)[2] for name in ("app.css", "app.js")]
    line("style and script packed", f"{sum(map(_packed, files)) / 1024:.1f} KiB", "under 40 KiB")
    line("resident after these", f"{server.resident():.0f} MiB", "at most 60 MiB")


def _packed(body: bytes) -> int:
    return len(body if body[:2] == b"\x1f\x8b" else gzip.compress(body))


def rest(server: Server, span: float) -> None:
    """Measure a server that nobody asks."""
    before = server.cpu()
    time.sleep(span / 2)
    line("a server at rest", f"{(server.cpu() - before) / (span / 2):.2%} of a core", "none worth naming")


def _log(state: Path) -> None:
    """Give run 1 a step whose log has 1 GB."""
    connection = sqlite3.connect(state / "batchctl.db", isolation_level=None)
    connection.execute("insert into steps (run_id, seq, step, status, attempts) values (1, 1, '1', 'succeeded', 1)")
    connection.execute(
        "insert into attempts (run_id, seq, attempt, status, started_at, log) values (1, 1, 1, 'succeeded', 1, ?)",
        ("runs/1/1.1.log",),
    )
    connection.close()
    (state / "runs" / "1").mkdir(parents=True)
    block = _LOG_LINE * (_MIB // len(_LOG_LINE))
    with (state / "runs" / "1" / "1.1.log").open("wb") as file:
        for _ in range(1_000_000_000 // len(block)):
            file.write(block)


def large_log(server: Server) -> None:
    """Measure the first screen of a log of 1 GB, and a walk through some of it."""
    before = server.resident()
    for path in ("/ui/runs/1/steps/1/log", "/scheduler/runs/1/steps/1/log?offset=-65536&limit=65536"):
        times, status, body, _ = timed(server, path, 20)
        line(f"a log of 1 GB: {path.partition('?')[0]} ({status}, {len(body):,} bytes)", seconds(p95(times)), "200 ms")
    for offset in range(0, 900_000_000, 100_000_000):
        timed(server, f"/scheduler/runs/1/steps/1/log?offset={offset}&limit=1000000", 1)
    line("a log of 1 GB: growth of the server", f"{server.resident() - before:.1f} MiB", "under 20 MiB")


def onlookers(server: Server, span: float) -> None:
    """Measure how soon everybody sees a change, one a second."""
    before, begin = server.cpu(), time.perf_counter()
    late, missed = asyncio.run(_watch(server, int(span / 2)))
    used = (server.cpu() - before) / (time.perf_counter() - begin)
    what = f"{STREAMS} event streams, a change a second ({len(late):,} deliveries, {missed} missed)"
    line(what, seconds(p95(late)), "under 1.5 s")
    line("the server meanwhile", f"{used:.2f} cores", "under 0.5")


async def _watch(server: Server, changes: int) -> tuple[list[float], int]:
    late: list[float] = []
    sent, ready = [0.0], asyncio.Semaphore(0)

    async def stream() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 22)
        writer.write(
            f"GET /scheduler/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.token}\r\n"
            "Accept: text/event-stream\r\n\r\n".encode()
        )
        told = 0.0
        await reader.readuntil(b"\r\n\r\n")
        ready.release()
        while text := await reader.readline():
            if b"job-042" in text and told != sent[0]:
                told = sent[0]
                late.append(time.perf_counter() - told)

    tasks = [asyncio.create_task(stream()) for _ in range(STREAMS)]
    for _ in tasks:
        await ready.acquire()
    await asyncio.sleep(1)
    connection = server.connection()
    for number in range(changes):
        sent[0] = time.perf_counter()
        verb = "resume" if number % 2 else "pause"
        path = f"/scheduler/jobs/job-042/{verb}"
        await asyncio.to_thread(connection.request, "POST", path, None, server.headers)
        answer = await asyncio.to_thread(connection.getresponse)
        assert answer.status == 202, answer.read()  # noqa: PLR2004
        answer.read()
        await asyncio.sleep(max(0.0, sent[0] + 1 - time.perf_counter()))
    await asyncio.sleep(2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return late, STREAMS * changes - len(late)


def mixed(server: Server, span: float) -> None:
    """Measure fifty requests a second of all kinds, and a run beside them against one alone, in turn."""
    over, on = threading.Event(), threading.Event()
    statuses: list[int] = []
    times: list[float] = []

    def ask(which: int) -> None:
        connection, tags = server.connection(), dict[str, str]()
        number = which
        while not over.is_set():
            on.wait()
            path = _MIXED[number % len(_MIXED)]
            headers = server.headers | ({"If-None-Match": tags[path]} if path in tags else {})
            begin = time.perf_counter()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            times.append(time.perf_counter() - begin)
            statuses.append(answer.status)
            tags[path] = answer.headers.get("ETag", "")
            number += 1
            time.sleep(max(0.0, begin + 0.2 - time.perf_counter()))

    askers = [threading.Thread(target=ask, args=(which,)) for which in range(10)]
    for each in askers:
        each.start()
    fire, pairs, asking = [*server.command, "run", "job-150"], [], 0.0
    while asking < span:
        alone = statistics.median(wall(fire) for _ in range(9))
        begin = time.perf_counter()
        on.set()
        time.sleep(1)
        beside = statistics.median(wall(fire) for _ in range(9))
        time.sleep(max(0.0, begin + 8 - time.perf_counter()))
        on.clear()
        asking += time.perf_counter() - begin
        pairs.append((alone, beside))
    over.set()
    on.set()
    for each in askers:
        each.join()
    bad = [status for status in statuses if status not in {200, 304}]
    what = f"{len(statuses) / asking:.0f} requests a second for {asking:.0f} s, {len(bad)} errors {sorted(set(bad))}"
    line(what, f"p95 {seconds(p95(times))}", "50 a second, no error")
    alone, beside = statistics.median(one for one, _ in pairs), statistics.median(one for _, one in pairs)
    ratio = statistics.median(one / other for other, one in pairs)
    line(f"a run beside them ({seconds(beside)}) : alone ({seconds(alone)})", f"{ratio:.2f} x", "at most 1.2 x")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
