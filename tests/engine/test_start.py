"""What a fire finds and how it starts under the lock: in one process, on a real history, with a real lock file."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from history_rows import DEAD, Rows
from support import job, rows, step

from batchctl.base import clock
from batchctl.base.errors import StateError, UsageError
from batchctl.base.record import replace
from batchctl.base.state_dir import StateDir
from batchctl.core.guard.decide import Running
from batchctl.core.model import Request, Selection
from batchctl.core.run import Ended, Run
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.engine import start as starting
from batchctl.engine.file_lease import FileHold, FileLease
from batchctl.engine.start import Refused, Started, earlier_to_resume, prepare
from batchctl.engine.state import Settled, read, settle, spoke_last
from batchctl.process.identity import myself
from batchctl.store import database, spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batchctl.core.model import Job

NAME = "작업"
ELSEWHERE = replace(DEAD, host="elsewhere")


@pytest.fixture
def history(tmp_path: Path) -> Rows:
    """Make an empty history."""
    return Rows(tmp_path / "state")


@pytest.fixture
def connection(history: Rows) -> Iterator[sqlite3.Connection]:
    """Open it as a fire does."""
    with database.Opened(str(history.state), create=True) as opened:
        yield opened


@pytest.fixture
def hold(history: Rows) -> Iterator[FileHold]:
    """Take the job's lock."""
    taken = FileLease(str(history.state)).take(NAME)
    assert taken is not None
    yield taken
    taken.close()


def start(
    connection: sqlite3.Connection, history: Rows, hold: FileHold, what: Job | None = None, **asked: Any
) -> Started | Refused | None:
    """Prepare and start a job, after what the test says was settled."""
    settled, tell = asked.pop("settled", Settled()), asked.pop("tell", None)
    request = Request(state_dir=str(history.state), **asked)
    return starting.start(connection, prepare(connection, what or job(), request), hold, settled, tell)


def in_spool(history: Rows, run_id: int, kind: str) -> Path:
    """Return where the spool keeps something of a run."""
    path = history.state / "spool" / f"{run_id}.{kind}"
    path.parent.mkdir(exist_ok=True)
    return path


# A start.


def test_a_start_is_written_down_before_any_step(connection: sqlite3.Connection, history: Rows, hold: FileHold) -> None:
    """The row, its steps, the folder of its logs and the blocks for its end; and what the supervisor goes by."""
    before, began = clock.now(), clock.monotonic()
    what = job(step("31"), step("61"), secrets=("KEY",), env={"KEY": "geheim"}, params={"limit": 1})
    found = start(connection, history, hold, what, params={"limit": 5, "key": "xgeheimx"})
    assert isinstance(found, Started)
    assert before <= found.run.started_at <= clock.now()
    assert began <= found.around.began <= clock.monotonic()
    assert (found.owner, found.lost, found.decision.start) == (myself(), None, True)
    assert (found.around.state_dir, found.around.job, found.around.hold) == (str(history.state), what, hold)
    assert found.around.overrides == {"limit": 5, "key": "xgeheimx"}
    assert found.around.secrets == ("geheim",)
    assert [(one.seq, one.step.id, one.status) for one in found.run.steps] == [
        (1, "31", "pending"),
        (2, "61", "pending"),
    ]
    query = "select id, job, status, token, started_at, started_mono_s, pid, resumed_from, forced from runs"
    run = found.run
    expected = (run.id, NAME, "running", run.token, run.started_at, found.around.began, os.getpid(), None, None)
    assert rows(history.state, query) == [expected]
    ((params,),) = rows(history.state, "select params from runs")
    assert json.loads(params)["limit"] == 5
    assert "geheim" not in params
    assert rows(history.state, "select step, status from steps") == [("31", "pending"), ("61", "pending")]
    assert (history.state / "runs" / str(run.id)).is_dir()
    assert spool.reservations(str(history.state)) == [run.id]
    assert len(bytes.fromhex(run.token)) == 12


def test_without_parameters_nothing_is_written_of_them(
    connection: sqlite3.Connection, history: Rows, hold: FileHold
) -> None:
    """What the configuration says is not the run's own."""
    start(connection, history, hold, job(params={"limit": 1}))
    assert rows(history.state, "select params from runs") == [(None,)]


@pytest.mark.parametrize(
    ("late", "means"),
    [
        (0.0, 0.0),  # on the minute
        (89.9, 0.0),  # cron was busy
        (90.0, 90.0),  # by hand: its own instant
        (3600.0, 3600.0),
    ],
)
def test_the_fire_that_cron_meant(
    connection: sqlite3.Connection,
    history: Rows,
    monkeypatch: pytest.MonkeyPatch,
    late: float,
    means: float,
) -> None:
    """Within a minute and a half of a scheduled one it is that one, and its start counts from there."""
    fire = 1_795_190_400.0  # 2026-11-21 01:00 in Seoul
    monkeypatch.setattr(clock, "now", lambda: fire + late)
    what = job(schedule=Schedule(text="0 1 * * *", cron=parse_cron("0 1 * * *")))
    request = Request(state_dir=str(history.state))
    assert prepare(connection, what, request).scheduled == fire + means
    assert prepare(connection, job(), request).scheduled == fire + late
    assert prepare(connection, what, replace(request, scheduled_for=fire - 86400)).scheduled == fire - 86400


def test_steps_are_told_the_fire_that_cron_meant(connection: sqlite3.Connection, history: Rows, hold: FileHold) -> None:
    """In the job's time zone, with its offset."""
    found = start(connection, history, hold, scheduled_for=1_795_190_400.0)
    assert isinstance(found, Started)
    assert found.around.scheduled_for == "2026-11-21T01:00:00+09:00"
    assert rows(history.state, "select scheduled_for from runs") == [(1_795_190_400.0,)]


def test_what_was_forced_stands_in_the_row(connection: sqlite3.Connection, history: Rows, hold: FileHold) -> None:
    """And a start that was not, says nothing."""
    assert isinstance(start(connection, history, hold, job(enabled=False), force=True), Started)
    assert rows(history.state, "select forced from runs") == [("disabled",)]


def test_a_run_continues_the_last_one(connection: sqlite3.Connection, history: Rows, hold: FileHold) -> None:
    """Its parameters, what it had done, and its number."""
    earlier = history.run(NAME, clock.now() - 100, status="failed")
    history.change("update runs set params = ? where id = ?", '{"limit": 9}', earlier)
    history.step(earlier, 1, "31")
    history.step(earlier, 2, "61", "failed")
    found = start(connection, history, hold, job(step("31"), step("61")), selection=Selection(resume=True))
    assert isinstance(found, Started)
    assert [one.status for one in found.run.steps] == ["skipped", "pending"]
    assert found.around.overrides == {"limit": 9}
    ((resumed, params),) = rows(history.state, "select resumed_from, params from runs where id = ?", found.run.id)
    assert (resumed, json.loads(params)) == (earlier, {"limit": 9})
    history.change("update runs set status = 'failed', params = null where id = ?", found.run.id)
    afresh = start(connection, history, hold, job(step("31"), step("61")))
    assert isinstance(afresh, Started)
    assert rows(history.state, "select resumed_from from runs where id = ?", afresh.run.id) == [(None,)]
    assert [one.status for one in afresh.run.steps] == ["pending", "pending"]


# No start.


def test_what_is_read_under_the_lock_counts(connection: sqlite3.Connection, history: Rows, hold: FileHold) -> None:
    """A pause that came in between refuses the start; nothing of it stays."""
    history.insert("pauses", job=NAME, since=1.0)
    found = start(connection, history, hold)
    assert isinstance(found, Refused)
    assert (found.decision.reason, found.state.paused is not None) == ("paused", True)
    assert rows(history.state, "select count(*) from runs") == [(0,)]
    assert spool.reservations(str(history.state)) == []


def test_a_stale_run_is_not_ended_under_the_lock(connection: sqlite3.Connection, history: Rows, hold: FileHold) -> None:
    """That takes time, so all begins anew."""
    run_id = history.run(NAME, clock.now() - 1e6, None, owner=myself())
    assert start(connection, history, hold, job(stale_after=3600.0)) is None
    assert rows(history.state, "select id, status, claimed from runs") == [(run_id, "running", 0)]


def test_an_end_that_was_not_listened_to_is_heard_first(
    connection: sqlite3.Connection, history: Rows, hold: FileHold
) -> None:
    """A run whose result lies in the spool is not lost; one that cannot be imported holds back nothing for ever."""
    run_id = history.run(NAME, clock.now() - 100, None)
    in_spool(history, run_id, "json").write_text("{")
    assert start(connection, history, hold) is None
    assert rows(history.state, "select status from runs") == [("running",)]
    found = start(connection, history, hold, settled=Settled(heard=(f"{run_id}.json",)))
    assert isinstance(found, Started)
    assert rows(history.state, "select status from runs order by id") == [("lost",), ("running",)]


@pytest.mark.parametrize("fails", ["runs", "spool"])
def test_a_disk_that_takes_no_run_leaves_no_row(
    connection: sqlite3.Connection, history: Rows, hold: FileHold, fails: str
) -> None:
    """The folder of its logs and the blocks for its end are part of the start."""
    (history.state / fails).write_text("a file in the way")
    with pytest.raises(StateError, match="state directory ") as raised:
        start(connection, history, hold)
    assert "free disk space" in raised.value.remedy
    assert rows(history.state, "select count(*) from runs") == [(0,)]
    assert rows(history.state, "select count(*) from steps") == [(0,)]


def test_a_commit_that_fails_gives_the_blocks_back(
    history: Rows, hold: FileHold, connection: sqlite3.Connection
) -> None:
    """There is no such run then, and nobody else would ever release them."""

    class Immediate(database.Immediate):
        def __exit__(self, *_raised: object) -> None:
            super().__exit__(sqlite3.OperationalError, sqlite3.OperationalError("disk full"), None)
            raise sqlite3.OperationalError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "Immediate", Immediate)
        with pytest.raises(sqlite3.OperationalError):
            start(connection, history, hold)
    assert rows(history.state, "select count(*) from runs") == [(0,)]
    assert spool.reservations(str(history.state)) == []


def test_what_others_held_in_reserve_is_given_back(
    connection: sqlite3.Connection, history: Rows, hold: FileHold
) -> None:
    """For a run that ended or never began; one that is running keeps its blocks."""
    ended, running = history.run(NAME, 1.0), history.run("other", clock.now(), None, owner=myself())
    for run_id in (ended, running, 99):
        in_spool(history, run_id, "reserved").touch()
    found = start(connection, history, hold)
    assert isinstance(found, Started)
    assert sorted(spool.reservations(str(history.state))) == [running, found.run.id]


# A run whose batchctl vanished.


def test_a_lost_run_is_told_and_makes_room(connection: sqlite3.Connection, history: Rows, hold: FileHold) -> None:
    """It becomes `lost` in the transaction of the start, and whoever is to be told of it is told there."""
    run_id = history.run(NAME, clock.now() - 100, None)
    told: list[int] = []
    found = start(connection, history, hold, tell=lambda _connection, run: told.append(run))
    assert isinstance(found, Started)
    why = "batchctl vanished (crash, kill -9 or reboot)"
    assert found.lost == Ended(run_id=run_id, token="0" * 24, status="lost", why=why)
    assert found.decision.reclaim == run_id
    assert told == [run_id]
    assert rows(history.state, "select status, why from runs where id = ?", run_id) == [("lost", why)]


@pytest.mark.parametrize(
    ("written", "ended"),
    [
        ([], -1000.0),  # nothing was written: its start
        ([-700.0, -900.0], -700.0),  # its last write
        ([-5000.0], -1000.0),  # before its start there was none
        ([5000.0], 0.0),  # nor in the future
    ],
)
def test_when_a_lost_run_was_last_seen(
    connection: sqlite3.Connection, history: Rows, hold: FileHold, written: list[float], ended: float
) -> None:
    """The gap counts from the last sign of life, not from the discovery."""
    now = clock.now()
    run_id = history.run(NAME, now - 1000, None)
    for number, at in enumerate(written):
        log = history.log(run_id, number + 1, 1, b"x")
        os.utime(log, (now + at, now + at))
    assert isinstance(start(connection, history, hold), Started)
    ((found,),) = rows(history.state, "select ended_at from runs where id = ?", run_id)
    assert found == pytest.approx(now + ended, abs=0.001 if ended else 5.0)


# What a fire finds.


def test_the_owner_of_a_running_row(connection: sqlite3.Connection, history: Rows) -> None:
    """Alive, dead or unknown; its age on the clock that nobody sets, where that is of this boot."""
    run_id = history.run(NAME, clock.now() - 500, None, owner=myself())
    state = str(history.state)

    def found() -> Running:
        running = read(connection, job(), state).running
        assert running is not None
        return running

    assert read(connection, job(name="other"), state).running is None
    mine = found()
    assert (mine.run_id, mine.owner, mine.left_behind) == (run_id, "alive", False)
    assert mine.age == pytest.approx(500, abs=5)
    history.change("update runs set started_mono_s = ?", clock.monotonic() + 1000)
    assert found().age == 0
    history.change("update runs set boot_id = 'another'")
    assert (found().owner, found().age) == ("dead", None)
    history.change("update runs set host = 'elsewhere'")
    assert found().owner == "unknown"


def test_a_lock_without_its_owner_is_something_left_behind(connection: sqlite3.Connection, history: Rows) -> None:
    """A process of a step holds it still; the lock that the asking fire itself holds says nothing of the kind."""
    history.run(NAME, clock.now() - 500, None, owner=replace(myself(), start_ticks=1))
    state = str(history.state)
    hold = FileLease(state).take(NAME)
    assert hold is not None
    for asking, left in ((None, True), (hold, False)):
        running = read(connection, job(), state, hold=asking).running
        assert running is not None
        assert (running.owner, running.left_behind) == ("dead", left)
    hold.close()
    running = read(connection, job(), state).running
    assert running is not None
    assert not running.left_behind
    history.change("update runs set boot_id = 'another'")
    with open(os.fsdecode(StateDir(state).lock(NAME)), "r+b"):
        other = FileLease(state).take(NAME)
        assert other is not None
        running = read(connection, job(), state).running
        assert running is not None
        assert not running.left_behind, "after a reboot nothing can be left"
        other.close()


def test_who_takes_a_place_in_the_pool(connection: sqlite3.Connection, history: Rows) -> None:
    """Other jobs that run, but not the rows of dead owners, whose own job has just not been fired since."""
    for name, owner in (("a", myself()), ("b", DEAD), ("c", ELSEWHERE)):
        run_id = history.run(name, clock.now(), None, owner=owner)
        history.change("update runs set pool = 'shop' where id = ?", run_id)
    state = str(history.state)
    assert read(connection, job(pool="shop", pool_limit=1), state).pool_running == 2
    assert read(connection, job(), state).pool_running == 0


def test_the_end_of_the_run_that_was_taken_over_holds_nothing_back(
    connection: sqlite3.Connection, history: Rows
) -> None:
    """The gap of a fire does not count from a run that it has itself ended."""
    run_id = history.run(NAME, clock.now(), status="stale")
    assert read(connection, job(), str(history.state)).last_end is not None
    assert read(connection, job(), str(history.state), Settled(took_over=run_id)).last_end is None


def test_what_waits_in_the_spool_is_heard_once(connection: sqlite3.Connection, history: Rows) -> None:
    """It is brought in, and remembered, so that what cannot be brought in holds back nothing."""
    state = str(history.state)
    before = Settled(took_over=3, heard=("1.json",))
    assert settle(connection, state, before) is before
    run_id = history.run(NAME, clock.now() - 100, None, owner=myself())
    run = Run(run_id, NAME, clock.now() - 100, "0" * 24, [])
    run.status, run.ended_at, run.duration = "succeeded", clock.now(), 100.0
    spool.keep(state, run, myself())
    in_spool(history, 77, "json").write_text("{")
    found = settle(connection, state, before)
    assert found.took_over == 3
    assert sorted(found.heard) == ["1.json", f"{run_id}.json", "77.json"]
    assert rows(history.state, "select status from runs") == [("succeeded",)]


def test_whether_a_vanished_batchctl_spoke_last(history: Rows) -> None:
    """It did where the end of that run waits, and nobody has listened to it."""
    state = str(history.state)
    in_spool(history, 7, "json").write_text("{")
    assert spoke_last(state, 7, Settled())
    assert not spoke_last(state, 7, Settled(heard=("7.json",)))
    assert not spoke_last(state, 8, Settled())
    assert not spoke_last(state, None, Settled())


# What --resume continues.


@pytest.mark.parametrize(
    ("status", "reclaims", "refused"),
    [
        (None, None, "작업 has never run"),
        ("succeeded", None, "작업 ended its last run (1) as succeeded"),
        ("failed", None, None),
        ("lost", None, None),
        ("running", None, "as running"),
        # a running row that the start declares lost first
        ("running", Running(run_id=1, started_at=0.0, owner="dead"), None),
        ("running", Running(run_id=1, started_at=0.0, owner="dead", left_behind=True), "as running"),
        ("running", Running(run_id=1, started_at=0.0), "as running"),
    ],
)
def test_what_can_be_resumed(
    connection: sqlite3.Connection, history: Rows, status: str | None, reclaims: Running | None, refused: str | None
) -> None:
    """The last run, where it ended unfinished."""
    if status is not None:
        history.run(NAME, 1.0, None if status == "running" else 5.0, status=status)
    if refused is None:
        assert earlier_to_resume(connection, job(), reclaims=reclaims).run_id == 1
        return
    with pytest.raises(UsageError) as raised:
        earlier_to_resume(connection, job(), reclaims=reclaims)
    assert refused in str(raised.value)
    assert raised.value.remedy == "start it afresh: batchctl run 작업"


# The lease.


def test_a_hold_is_closed_once(history: Rows) -> None:
    """What closes it again closes no descriptor of somebody else's that has its number by then."""
    lease = FileLease(str(history.state))
    assert not lease.is_held(NAME)
    hold = lease.take(NAME)
    assert hold is not None
    assert (lease.is_held(NAME), lease.take(NAME), hold.fence) == (True, None, None)
    (number,) = hold.descriptors
    hold.close()
    assert (lease.is_held(NAME), hold.descriptors) == (False, ())
    reader, writer = os.pipe()
    os.dup2(reader, number)
    hold.close()
    os.fstat(number)
    for descriptor in {reader, writer, number}:
        os.close(descriptor)
