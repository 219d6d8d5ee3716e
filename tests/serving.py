"""A real `batchctl serve` in a process of its own, and clients that talk to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from support import alive, batchctl, rows, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONFIG = """
timezone = "Asia/Seoul"
[jobs."일괄-수집"]
description = "키워드 검색 후 마켓 업로드"
schedule = "0 1 * * *"
timeout = "30h"
min_gap = "6h"
run = '''echo '{"collected": 120}' >"$BATCHCTL_RESULT"; echo 수집 끝'''
[jobs.slow]
schedule = "0 3 * * *"
run = "echo begun; exec sleep 300"
[jobs.broken]
schedule = "30 4 * * *"
run = "echo 'MarketDown: 503' >&2; exit 3"
"""
"""A job that succeeds at once, one that lasts, and one that fails."""
_LOGIN = re.compile(r"https?://\S+/login\?code=\S+")


class Server:
    """One `batchctl serve` on one configuration and one state directory; the crontab is a stand-in's file."""

    def __init__(self, place: Path, environment: dict[str, str], config: str = CONFIG) -> None:
        """Write the configuration; `environment` is that of whatever is started."""
        self.place, self.config, self.state = place, place / "batchctl.toml", place / "state"
        self.output, self.crontab = place / "serve.out", place / "crontab"
        self.config.write_text(config, encoding="utf-8")
        programs = place / "bin"
        programs.mkdir()
        shutil.copy(Path(__file__).parent / "cron" / "fake_crontab.sh", programs / "crontab")
        path = f"{programs}:{environment['PATH']}"
        self.environment = environment | {"PATH": path, "FAKE_CRONTAB": str(self.crontab)}
        self.process: subprocess.Popen[bytes] | None = None
        self.login, self.socket = "", None

    def command(self, *words: str) -> list[str]:
        """Return a command line of batchctl on this configuration and state."""
        return [sys.executable, "-m", "batchctl", "--config", str(self.config), "--state", str(self.state), *words]

    def call(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command beside the server."""
        return batchctl(*self.command(*words)[3:], **({"env": self.environment} | options))

    def start(self, *words: str, wrapped: Sequence[str] = (), **options: Any) -> Server:
        """Start it on a port of the machine's choice unless `words` say otherwise; return when it can be reached."""
        given = words if {"--port", "--uds"} & {*words} else ("--port", "0", *words)
        with self.output.open("wb") as output:
            told: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
            self.process = subprocess.Popen(
                [*wrapped, *self.command("serve", *given)], **told, **({"env": self.environment} | options)
            )
        self.login = wait_for(self._look, f"the server's login line; {self.output}", 60)
        return self

    def _look(self) -> str:
        assert self.process is not None
        text = self.output.read_text(encoding="utf-8", errors="replace")
        assert self.process.poll() is None, f"serve ended with {self.process.returncode}: {text}"
        found = _LOGIN.search(text)
        return found[0] if found else ""

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.login.partition("/login")[0]

    @property
    def token(self) -> str:
        """The administrator's token."""
        return (self.state / "web-token").read_text(encoding="ascii").strip()

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        """Return a client with a token, the administrator's by default, or with none for ""."""
        bearer = self.token if token is None else token
        headers = ({"Authorization": f"Bearer {bearer}"} if bearer else {}) | options.pop("headers", {})
        return httpx.Client(base_url=self.url, headers=headers, **({"timeout": 30, "trust_env": False} | options))

    @cached_property
    def admin(self) -> httpx.Client:
        """A client with the administrator's token."""
        return self.client()

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self.process is not None
        return self.process.pid

    def descriptors(self) -> int:
        """Return how many descriptors the server has open."""
        return len([*Path(f"/proc/{self.pid}/fd").iterdir()])

    def resident(self) -> int:
        """Return its resident bytes."""
        found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

    def close(self) -> None:
        """End it, and whatever runs it has started."""
        if "admin" in self.__dict__:
            self.admin.close()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.end()
        if (self.state / "batchctl.db").exists():
            # Not those that a test has made up, whose owner is the test.
            mine = os.getpid()
            for (name,) in rows(self.state, "select job from runs where status = 'running' and pid <> ?", mine):
                self.call("stop", name)

    def status(self) -> dict[str, Any]:
        """Return what `batchctl status --json` says."""
        done = self.call("status", "--json")
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"jobs": []}
        return found

    def job(self, name: str) -> dict[str, Any]:
        """Return what the status says of one job."""
        return next(job for job in self.status()["jobs"] if job["job"] == name)


@contextmanager
def serving(place: Path, config: str = CONFIG) -> Iterator[Server]:
    """Serve a configuration; the state is beside it."""
    found = Server(place, {**os.environ}, config)
    try:
        yield found.start()
    finally:
        found.close()


def begin(client: httpx.Client, job: str = "slow") -> int:
    """Start a job over the API and return the run's id."""
    answer = client.post(f"/scheduler/jobs/{job}/run")
    assert answer.status_code == 202, answer.text
    found = answer.json()
    assert found["verdict"] == "started", found
    return int(found["run_id"])


def running(server: Server, run: int) -> dict[str, Any] | None:
    """Return the run as the history has it, while it is running and its step lives."""
    found = rows(server.state, "select status, pid from runs where id = ?", run)
    attempts = rows(server.state, "select pid from attempts where run_id = ? and pid is not null", run)
    if found and found[0][0] == "running" and attempts and alive(attempts[0][0]):
        return {"owner": found[0][1], "step": attempts[0][0]}
    return None
