"""What looking at many jobs costs, in what is done for each: time itself says little on a busy machine."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest
from history_rows import DAY, HOUR, Rows

from batchctl.answers.check import check
from batchctl.answers.site import Site
from batchctl.answers.status import status
from batchctl.base import clock
from batchctl.store import lockfile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOBS = 12


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site of some jobs, each with a few runs and a lock that was taken before."""
    config, state = tmp_path / "batchctl.toml", tmp_path / "state"
    config.write_text("".join(f'[jobs.j{n}]\nschedule = "{n} 1 * * *"\nrun = "true"\n' for n in range(JOBS)))
    rows = Rows(state)
    for n in range(JOBS):
        for back in (3, 2, 1):
            rows.step(rows.run(f"j{n}", clock.now() - back * DAY), 1, "1")
    rows.run("j0", clock.now() - HOUR, status="failed")
    for n in range(JOBS):
        descriptor = lockfile.acquire(str(state), f"j{n}")
        assert descriptor is not None
        os.close(descriptor)
    return Site(str(config), str(state))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return what every connection that is opened from now on asks the history."""
    found: list[str] = []
    real = sqlite3.connect

    def traced(*arguments: object, **options: object) -> sqlite3.Connection:
        connection = real(*arguments, **options)  # type: ignore[call-overload]
        connection.set_trace_callback(found.append)
        return connection  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3, "connect", traced)
    monkeypatch.setattr("batchctl.store.database.sqlite3", sqlite3)
    yield found
    assert found, "nothing was heard of"


def test_status_asks_little_for_each_job(site: Site, asked: list[str]) -> None:
    """A dozen seeks a job, whatever the history holds."""
    assert len(status(site).jobs) == JOBS
    assert len(asked) <= 16 * JOBS + 10


def test_check_asks_little_for_each_job(site: Site, asked: list[str]) -> None:
    """Two dozen seeks a job, some more for one that has failed of late."""
    assert len(check(site, written=lambda *_: "").health.jobs) == JOBS
    assert len(asked) <= 25 * JOBS + 20


def test_the_table_of_locks_is_read_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is long on a machine with many jobs, and the same for all of them."""
    read: list[set[str]] = []
    real = lockfile._flocks

    def counted() -> set[str]:
        read.append(real())
        return read[-1]

    monkeypatch.setattr(lockfile, "_flocks", counted)
    status(site)
    check(site, written=lambda *_: "")
    assert len(read) == 2
    assert not lockfile.is_held(site.state, "j0")
    assert len(read) == 3  # without a look around it, each question reads it


def test_a_lock_let_go_within_a_look_is_free(tmp_path: Path) -> None:
    """What the look has seen locked is asked again; what it has seen free is not."""
    state = str(tmp_path)
    descriptor = lockfile.acquire(state, "작업")
    assert descriptor is not None
    with lockfile.OneLook():
        assert lockfile.is_held(state, "작업")
        os.close(descriptor)
        assert not lockfile.is_held(state, "작업")
