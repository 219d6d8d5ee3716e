"""Since when a job is broken, read from its history."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from history_rows import HOUR, Rows
from support import job

from batchctl.base import clock
from batchctl.store import ends, recovery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB = "작업"
_WORDS = {"o": "succeeded", "f": "failed", "b": "blocked", "s": "skipped", "c": "cancelled"}


@pytest.fixture
def history(tmp_path: Path) -> Rows:
    """Return an empty history."""
    return Rows(tmp_path / "state")


@pytest.fixture
def connection(history: Rows) -> Iterator[sqlite3.Connection]:
    """Return a connection to it."""
    found = sqlite3.connect(history.state / "batchctl.db")
    yield found
    found.close()


def add(history: Rows, *runs: str) -> None:
    """Insert runs of three steps, each given as status and a letter for each step."""
    for run in runs:
        status, letters = run.split()
        run_id = history.run(JOB, clock.now() - HOUR, 1.0, status)
        for seq, letter in enumerate(letters, 1):
            history.step(run_id, seq, f"3{seq}", _WORDS[letter])


@pytest.mark.parametrize(
    ("runs", "good", "failed"),
    [
        ([], 0, 0),  # nothing yet
        (["succeeded ooo"], 1, 0),  # in order
        (["succeeded ooo", "failed fbb", "failed fbb"], 1, 2),  # broken since
        (["failed fbb", "succeeded sso"], 0, 1),  # --only 33 is no recovery
        (["failed fbb", "succeeded sso", "failed fbb"], 0, 2),  # nor a break in the row
        (["failed fbb", "succeeded oss"], 2, 0),  # what failed has succeeded
        (["failed fbb", "succeeded ooo"], 2, 0),  # a whole run
        (["failed ofb", "cancelled scb", "succeeded soo"], 3, 0),  # --resume, at the second try
        (["failed fof", "succeeded oss", "succeeded sso"], 3, 0),  # one after the other
        (["succeeded sso", "failed sfs"], 1, 1),  # a part that nothing had failed before
        (["failed fbb", "cancelled cbb"], 0, 1),  # an operator's stop is no failure, and no end of one
        (["failed fbb"] * 101 + ["succeeded oss"], 102, 0),  # the look back has a limit
    ],
)
def test_failures_in_a_row(
    history: Rows, connection: sqlite3.Connection, runs: list[str], good: int, failed: int
) -> None:
    """The row of failures ends where what failed has succeeded, and nowhere else."""
    add(history, *runs)
    assert recovery.last_good(connection, JOB) == good
    assert recovery.consecutive_failures(connection, JOB) == failed
    assert recovery.consecutive_failures(connection, "다른") == 0


def test_what_stands_is_the_last_failure(history: Rows, connection: sqlite3.Connection) -> None:
    """After a run of other steps the failure stands; after the resumed one nothing does."""
    add(history, "failed fbb", "succeeded sso")
    facts = ends.facts_of(connection, job(), ends.end_of(connection, JOB, 2))
    assert facts.standing is not None
    assert (facts.standing.run_id, facts.failures_before) == (1, 1)
    add(history, "succeeded oos")
    facts = ends.facts_of(connection, job(), ends.end_of(connection, JOB, 3))
    assert (facts.standing, facts.failures_before) == (None, 1)
