"""The run under way, and what its steps and the history let expect of its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from history_rows import HOUR, Rows
from support import job, step

from batchctl.base import clock
from batchctl.base.state_dir import StateDir
from batchctl.core.guard.decide import Running
from batchctl.core.model import Group, Job
from batchctl.store.history import History
from batchctl.watch.underway import Current, current

CHAIN = job(step("1"), step("2"))
BESIDE = job(step("1", group="둘"), step("2", group="둘"), groups=(Group(name="둘", parallel=True),))


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """Make an empty history."""
    return Rows(tmp_path / "state")


def days(rows: Rows, *took: tuple[float, float]) -> None:
    """Write successes of two steps, hours each."""
    for one, two in took:
        run = rows.run(CHAIN.name, clock.now() - 90 * HOUR, (one + two) * HOUR)
        rows.step(run, 1, "1", duration_s=one * HOUR)
        rows.step(run, 2, "2", duration_s=two * HOUR)


def look(rows: Rows, of: Job, run: int, ago: float) -> Current:
    """Return the run as it is seen so many hours after its start."""
    history, now = History(str(rows.state)), clock.now()
    row = history.run(run)
    assert row is not None
    return current(
        of, row, Running(run_id=run, started_at=row.started_at, age=ago * HOUR), history, str(rows.state), now
    )


def tell(rows: Rows, run: int, seq: int, text: str) -> None:
    """Write a step's progress."""
    path = Path(StateDir(str(rows.state)).progress(run, seq))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(("count", "known"), [(0, False), (1, False), (2, True)])
def test_a_span_needs_two_days(rows: Rows, count: int, known: bool) -> None:
    """One day says what to expect, and nothing of how far days differ."""
    days(rows, *[(1.0, 2.0)] * count)
    run = rows.run(CHAIN.name, clock.now() - HOUR / 2, None)
    rows.step(run, 1, "1", "running", started_at=clock.now() - HOUR / 2)
    rows.step(run, 2, "2", "pending")
    found = look(rows, CHAIN, run, 0.5)
    assert (found.expected_end_at is not None) == (count > 0)
    assert (found.expected_end_span is not None) == known
    if found.expected_end_at is not None:
        assert found.expected_end_at - clock.now() == pytest.approx(2.5 * HOUR, rel=0.05)


def test_a_new_step_is_judged_by_whole_runs(rows: Rows) -> None:
    """Where a step has no history the run is taken to be as long as runs are."""
    days(rows, (1.0, 2.0), (1.1, 2.1))
    run = rows.run(CHAIN.name, clock.now() - HOUR, None)
    rows.step(run, 1, "1", duration_s=HOUR, started_at=clock.now() - HOUR)
    rows.step(run, 2, "new", "pending")
    found = look(rows, CHAIN, run, 1)
    assert found.expected_end_at is not None
    assert found.expected_end_at - clock.now() == pytest.approx(2.1 * HOUR, rel=0.05)
    assert found.expected_end_span is not None


def test_a_resumed_run_with_a_new_step_is_judged_by_nothing(rows: Rows) -> None:
    """Whole runs say nothing of one that left steps out."""
    days(rows, (1.0, 2.0), (1.1, 2.1))
    run = rows.run(CHAIN.name, clock.now(), None)
    rows.step(run, 1, "1", "skipped")
    rows.step(run, 2, "new", "pending")
    assert look(rows, CHAIN, run, 0).expected_end_at is None


def test_each_step_side_by_side_tells_its_own_progress(rows: Rows) -> None:
    """The slower one counts, although the first is the one that is shown."""
    run = rows.run(BESIDE.name, clock.now() - HOUR, None)
    for seq in (1, 2):
        rows.step(run, seq, str(seq), "running", step_group="둘", started_at=clock.now() - HOUR)
    tell(rows, run, 1, "50/100")
    tell(rows, run, 2, "10/100")
    found = look(rows, BESIDE, run, 1)
    assert found.progress is not None
    assert found.progress.done == 50
    assert found.expected_end_at is not None
    assert found.expected_end_at - clock.now() == pytest.approx(9 * HOUR, rel=0.1)


def test_progress_of_a_second_attempt(rows: Rows) -> None:
    """What the first attempt did is lost: half in one hour leaves an hour, not the five since the step began."""
    run = rows.run(CHAIN.name, clock.now() - 5 * HOUR, None)
    rows.step(run, 1, "1", "running", attempts=2, started_at=clock.now() - 5 * HOUR)
    for attempt, ago in ((1, 5), (2, 1)):
        rows.insert(
            "attempts", run_id=run, seq=1, attempt=attempt, status="running", started_at=clock.now() - ago * HOUR
        )
    tell(rows, run, 1, "5/10")
    found = look(rows, CHAIN, run, 5)
    assert found.expected_end_at is not None
    assert found.expected_end_at - clock.now() == pytest.approx(HOUR, rel=0.1)


def test_the_timeout_is_the_latest_end(rows: Rows) -> None:
    """The batch is stopped there, whatever its steps would take."""
    days(rows, (1.0, 2.0), (1.1, 2.1))
    run = rows.run(CHAIN.name, clock.now() - HOUR, None)
    rows.step(run, 1, "1", duration_s=HOUR, started_at=clock.now() - HOUR)
    rows.step(run, 2, "2", "running", started_at=clock.now())
    found = look(rows, job(*CHAIN.steps, timeout=2 * HOUR), run, 1)
    assert found.expected_end_at is not None
    assert found.expected_end_at - clock.now() == pytest.approx(HOUR, abs=30)
