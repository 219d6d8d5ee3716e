"""Reading the history: what counts in a window, and that no question walks a million rows."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest
from history_rows import DAY, HOUR, Rows

from batchctl.base.errors import StateError
from batchctl.base.state_dir import StateDir
from batchctl.core.statistics import Stats
from batchctl.store import stories
from batchctl.store.history import History
from batchctl.store.logfile import Log

NOW = 1_790_000_000.0
JOB = "일괄-작업"


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """Make an empty history."""
    return Rows(tmp_path / "state")


def history(rows: Rows) -> History:
    """Open the history for reading."""
    return History(str(rows.state))


def test_no_history_is_an_empty_one(tmp_path: Path) -> None:
    """Where nothing ever ran every answer is empty, and looking makes no file."""
    found = History(str(tmp_path))
    assert found.last_run(JOB) is None
    assert list(found.runs_with_steps(0, NOW)) == []
    assert list(found.skips(0, NOW)) == []
    assert found.stats(0, NOW, [JOB]) == {JOB: Stats()}
    assert (found.success_rate(JOB, 0), found.consecutive_failures(JOB), found.skips_since_last_start(JOB)) == (
        None,
        0,
        0,
    )
    assert list(tmp_path.glob("batchctl*")) == []


def test_garbage_is_refused(tmp_path: Path) -> None:
    """A file that is no database is a StateError with a remedy, never an empty history."""
    (tmp_path / "batchctl.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(StateError, match="not a database") as refused:
        History(str(tmp_path))
    assert refused.value.exit_code == 74
    assert refused.value.remedy


def test_a_vanished_history_is_refused(tmp_path: Path) -> None:
    """A history that was begun here and is gone is a StateError, not an empty report."""
    Path(StateDir(str(tmp_path)).marker).touch()
    with pytest.raises(StateError, match="although one was begun here"):
        History(str(tmp_path))


def test_a_newer_schema_is_refused(rows: Rows) -> None:
    """What a newer batchctl wrote is not read by guess."""
    rows.change("pragma user_version = 99")
    with pytest.raises(StateError, match="schema 99"):
        history(rows)


def test_reading_writes_nothing(rows: Rows) -> None:
    """A reader's connection refuses to write."""
    found = history(rows)
    assert found._db is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        found._db.execute("delete from runs")


def test_last_and_running(rows: Rows) -> None:
    """The last run is the last that ended, by id; the running one is told apart; the newest is either."""
    first = rows.run(JOB, NOW - 5 * HOUR, 60.0, "failed")
    # The clock was set back before this one: its id still says that it is the later.
    second = rows.run(JOB, NOW - 9 * HOUR, 60.0)
    third = rows.run(JOB, NOW, None)
    found = history(rows)
    assert [first, second, third] == sorted([first, second, third])
    last, running, newest = found.last_run(JOB), found.running(JOB), found.newest_run(JOB)
    assert last is not None
    assert running is not None
    assert (last.id, last.status, last.duration_s) == (second, "succeeded", 60.0)
    assert (running.id, running.ended_at) == (third, None)
    assert newest == running


@pytest.mark.parametrize("job", [None, JOB])
def test_a_window_holds_what_was_under_way_in_it(rows: Rows, job: str | None) -> None:
    """A 26-hour batch that ended an hour ago belongs to the last day; one that ended before it does not."""
    rows.run(JOB, NOW - 3 * DAY, HOUR)  # long over
    across = rows.run(JOB, NOW - 27 * HOUR, 26 * HOUR)  # began before the window, ended in it
    going_on = rows.run(JOB, NOW - HOUR / 2, None)  # still running
    rows.run("after", NOW + HOUR, 1.0)  # begins after the window
    assert [run.id for run in history(rows).runs(NOW - DAY, NOW, job)] == [going_on, across]


def test_runs_come_newest_first_with_their_steps(rows: Rows) -> None:
    """Each run brings its own steps in the order of the chain; the limit limits runs."""
    runs = [rows.run(JOB, NOW - DAY + number * HOUR) for number in range(5)]
    for run in runs:
        rows.step(run, 2, "32", "failed", exit_code=3, duration_s=2.0)
        rows.step(run, 1, "31", step_group="검색", result={"저장": run})
    found = list(history(rows).runs_with_steps(NOW - 2 * DAY, NOW, None, 3))
    assert [run.id for run, _ in found] == runs[:1:-1]
    assert [(step.id, step.group, step.status, step.exit_code, step.result) for step in found[0][1]] == [
        ("31", "검색", "succeeded", None, {"저장": runs[-1]}),
        ("32", None, "failed", 3, None),
    ]


def test_more_runs_than_fit_one_fetch(rows: Rows) -> None:
    """Steps are fetched in batches; no run of a long window loses its own."""
    rows.run(JOB, NOW - DAY)
    connection = sqlite3.connect(rows.state / "batchctl.db")
    columns = "job, status, started_at, ended_at, host, boot_id, pid, start_ticks, started_mono_s, token"
    copy = f"insert into runs ({columns}) select {columns} from runs where id = 1"  # noqa: S608 - of constants
    connection.executemany(copy, [()] * 1200)
    connection.execute("insert into steps (run_id, seq, step, status) select id, 1, 'of ' || id, 'succeeded' from runs")
    connection.commit()
    connection.close()
    found = list(history(rows).runs_with_steps(NOW - 2 * DAY, NOW))
    assert len(found) == 1201
    assert all([step.id for step in steps] == [f"of {run.id}"] for run, steps in found)


def test_stats(rows: Rows) -> None:
    """Counts, rate, durations of successes, skips by count and the interval between starts."""
    rows.run(JOB, NOW - 40 * DAY, 5.0)  # outside the window
    for number, (status, duration) in enumerate(
        [("succeeded", 100.0), ("failed", 1.0), ("lost", 1.0), ("succeeded", 300.0)]
    ):
        rows.run(JOB, NOW - 10 * DAY + 2 * number * DAY, duration, status)
    rows.run(JOB, NOW - 2 * DAY, None)
    rows.skip(JOB, NOW - 5 * DAY, count=4)
    rows.skip(JOB, NOW - 4 * DAY, "min_gap")
    rows.skip(JOB, NOW - 50 * DAY, count=9)
    found = history(rows).stats(NOW - 30 * DAY, NOW, [JOB, "없음"])
    assert found["없음"] == Stats()
    assert vars(found[JOB]) == {
        "runs": 5,
        "succeeded": 2,
        "failed": 2,
        "success_rate": 0.5,
        "avg_s": 200.0,
        "p50_s": 200.0,
        "p95_s": pytest.approx(290.0),
        "max_s": 300.0,
        "skips": 5,
        "effective_interval_s": 2 * DAY,
    }


def test_a_resumed_story_counts_once(rows: Rows) -> None:
    """A failed run, its failed resumption and the one that succeeded are one success that took as long as all three."""
    first = rows.run(JOB, NOW - 5 * HOUR, 100.0, "failed")
    second = rows.run(JOB, NOW - 4 * HOUR, 10.0, "lost")
    rows.run(JOB, NOW - 3.5 * HOUR, 7.0, "failed")  # a story of its own
    third = rows.run(JOB, NOW - 3 * HOUR, 1.0)
    rows.change("update runs set resumed_from = ? where id = ?", first, second)
    rows.change("update runs set resumed_from = ? where id = ?", second, third)
    found = history(rows)
    assert [(story.id, story.status, story.started_at, story.duration_s, story.runs)
            for story in found.stories(JOB, NOW - DAY, NOW)] == [
        (third - 1, "failed", NOW - 3.5 * HOUR, 7.0, 1),
        (third, "succeeded", NOW - 5 * HOUR, 111.0, 3),
    ]  # fmt: skip
    stats = found.stats(NOW - DAY, NOW, [JOB])[JOB]
    assert (stats.runs, stats.succeeded, stats.failed, stats.max_s) == (2, 1, 1, 111.0)
    assert (found.success_rate(JOB, NOW - DAY), found.resumed(NOW - DAY, NOW, JOB)) == (0.5, 2)
    assert found.recent_durations(JOB, NOW - DAY, NOW, 5) == [111.0]
    assert [failure.resumed_by for failure in found.failures(JOB, NOW - DAY, NOW, 9)] == [None, third, second]
    # The window decides by the last run of a story; what it continued belongs to it even where it lies before.
    assert [story.duration_s for story in found.stories(JOB, NOW - 3 * HOUR, NOW)] == [111.0]


def test_success_rate_and_streak(rows: Rows) -> None:
    """The rate counts what succeeded or failed since then; the streak what failed since the last success.

    What an operator cancelled is in neither.
    """
    for status in ("failed", "succeeded", "failed", "lost", "cancelled"):
        rows.run(JOB, NOW - HOUR, 1.0, status)
    rows.run(JOB, NOW, None)
    rows.run("다른", NOW, 1.0, "failed")
    found = history(rows)
    assert found.success_rate(JOB, NOW - DAY) == 0.25
    assert found.success_rate(JOB, NOW) is None
    assert found.consecutive_failures(JOB) == 2


def test_skips_since_the_last_start(rows: Rows) -> None:
    """Skips before the last start are over; those since it are counted with their counts."""
    rows.skip(JOB, NOW - 3 * DAY, count=50)
    rows.run(JOB, NOW - 2 * DAY)
    rows.skip(JOB, NOW - DAY, count=3)
    rows.skip(JOB, NOW - HOUR, "min_gap")
    rows.skip("다른", NOW, count=7)
    found = history(rows)
    assert found.skips_since_last_start(JOB) == 4
    assert found.skips_since_last_start("다른") == 7


def test_skips_newest_first(rows: Rows) -> None:
    """Rows of skips come newest first, of one job or of all, and a row that reaches into the window belongs to it."""
    rows.skip(JOB, NOW - DAY - HOUR / 2, count=2, run=7)
    rows.skip("다른", NOW - HOUR)
    rows.skip(JOB, NOW - 9 * DAY)
    found = history(rows)
    assert [(skip.job, skip.times, skip.run_id) for skip in found.skips(NOW - DAY, NOW)] == [
        ("다른", 1, None),
        (JOB, 2, 7),
    ]
    assert [skip.times for skip in found.skips(NOW - DAY, NOW, JOB)] == [2]
    assert [skip.job for skip in found.skips(NOW - DAY, NOW, None, 1)] == ["다른"]


def test_durations(rows: Rows) -> None:
    """Durations, of runs and of steps, are those of successes, newest first."""
    for duration, status in ((1.0, "succeeded"), (9.0, "failed"), (2.0, "succeeded")):
        run = rows.run(JOB, NOW, duration, status)
        rows.step(run, 1, "31", duration_s=duration / 2)
    found = history(rows)
    assert found.durations(JOB, 10) == [2.0, 1.0]
    assert found.durations(JOB, 1) == [2.0]
    assert found.step_durations(JOB, 10) == [{"31": 1.0}, {"31": 0.5}]


def test_jobs(rows: Rows) -> None:
    """Every job that ran or was skipped is known, whatever the configuration says."""
    rows.run("b", NOW)
    rows.run("b", NOW)
    rows.skip("a", NOW)
    rows.run("가", NOW)
    assert history(rows).jobs() == ["a", "b", "가"]


def test_no_question_walks_all_runs(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every query of every reader is answered by seeks; a scan of runs, steps or skips would cost seconds one day."""
    rows.run(JOB, NOW, 1.0)
    rows.run(JOB, NOW, None)
    found, asked = history(rows), []
    plain = History._rows

    def spy(self: History, query: str, *values: object) -> object:
        asked.append((query, values))
        return plain(self, query, *values)

    monkeypatch.setattr(History, "_rows", spy)
    found.last_run(JOB), found.running(JOB), found.newest_run(JOB), found.run(1), found.jobs()
    list(found.runs_with_steps(0, NOW, None, 5)), list(found.runs(0, NOW, JOB, 5)), found.attempts(1)
    list(found.skips(0, NOW)), list(found.skips(0, NOW, JOB)), found.stats(0, NOW, [JOB])
    found.success_rate(JOB, 0), found.consecutive_failures(JOB), found.skips_since_last_start(JOB)
    found.durations(JOB, 10), found.step_durations(JOB, 10)
    list(found.stories(JOB, 0, NOW)), list(found.step_rows(JOB, 0, NOW)), found.skips_by_reason(JOB, 0, NOW)
    found.resumed(0, NOW), found.resumed(0, NOW, JOB), found.failures(JOB, 0, NOW, 5), found.results(JOB, 0, NOW, 5)
    found.recent_durations(JOB, 0, NOW, 5), found.warnings(0, NOW), found.last_log(1, 1)
    assert len(asked) > 40
    tables = {"runs", "steps", "skips", "s", "a", "earlier", "later"}
    connection = sqlite3.connect(rows.state / "batchctl.db")
    for query, values in asked:
        plans = [row[3] for row in connection.execute(f"explain query plan {query}", values)]
        scans = [plan for plan in plans if plan.startswith("SCAN") and plan.split()[1] in tables]
        # The index of running rows has at most one entry per job, that of resumed runs as many as somebody resumed.
        few = ("one_running_row_per_job", "resumed_runs")
        assert [scan for scan in scans if not scan.endswith(few) and few[0] not in scan] == [], query
    connection.close()


def text_of(log: Log) -> str:
    """Return what is new in the log, with cuts as `<bytes>`."""
    return "".join(piece if isinstance(piece, str) else f"<{piece}>" for piece in log.read())


@pytest.mark.parametrize(
    ("content", "wanted", "expected"),
    [
        (b"a\nb\nc\n", 2, "b\nc\n"),  # whole lines
        (b"a\nb\nc", 2, "b\nc"),  # the last one without its newline
        (b"a\nb\n", 9, "a\nb\n"),  # fewer than wanted
        (b"a\n\n\n", 2, "\n\n"),  # empty lines are lines
        (b"a\nb\n", 0, ""),  # none
        (b"", 3, ""),  # nothing there
        (b"x\n" * 100_000 + b"last\n", 1, "last\n"),  # far behind the first block
        (b"y" * 200_000 + b"\nz\n", 2, "y" * 200_000 + "\nz\n"),  # a line longer than a block
    ],
)
def test_last_lines_of_a_log(tmp_path: Path, content: bytes, wanted: int, expected: str) -> None:
    """The tail of a log begins at a line."""
    path = tmp_path / "log"
    path.write_bytes(content)
    log = Log(str(path))
    log.seek_last_lines(wanted)
    assert text_of(log) == expected


def test_a_log_that_grows(tmp_path: Path) -> None:
    """What comes later is read later; a character and a line end parted by two writes stay whole, other bytes show."""
    path = tmp_path / "log"
    log = Log(str(path))
    assert text_of(log) == ""
    korean = "계정\r\n".encode()
    seen = []
    for byte in (*(bytes([value]) for value in korean), b"\xff!", b"\xea"):
        with path.open("ab") as file:
            file.write(byte)
        seen.append(text_of(log))
    assert "".join(seen) == "계정\r\n\ufffd!"
    assert "\r\n" in seen
    assert log.rest() == "\ufffd"


def test_a_log_that_lost_its_middle(tmp_path: Path) -> None:
    """A hole is told by its size, and the tail is found behind it without reading it."""
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(b"begin\n".ljust(4096, b"."))
        file.seek(1 << 40)
        file.write(b"\nthe end\n")
    assert text_of(Log(str(path))) == "begin\n".ljust(4096, ".") + f"<{(1 << 40) - 4096}>" + "\nthe end\n"
    log = Log(str(path))
    assert log.seek_last_lines(1) == 1
    assert text_of(log) == "the end\n"


@pytest.mark.parametrize("number", [1, 2, 999, 1000, 1001, 1002, 1020, 1021, 1999])
@pytest.mark.parametrize("few", [20, 30, 1000])  # fewer than lie outside the window, more than that
def test_percentiles_of_many_are_those_of_few(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, number: int, few: int
) -> None:
    """Walking the ordered index gives what fetching and sorting gives, window and failures considered."""
    connection = sqlite3.connect(rows.state / "batchctl.db")
    draw = random.Random(number)  # noqa: S311 - sample data
    made = []
    for position in range(number + 50):
        outside, failed = position < 25, 25 <= position < 50
        start = NOW - 90 * DAY if outside else NOW - DAY + position
        took = round(draw.uniform(1, 5000), 3)
        made.append((JOB, "failed" if failed else "succeeded", start, start + took, took))
    with connection:
        connection.executemany(
            "insert into runs (job, status, started_at, ended_at, duration_s, host, boot_id, pid, start_ticks,"
            " started_mono_s, token) values (?, ?, ?, ?, ?, 'h', 'b', 1, 1, 0, 't')",
            made,
        )
    connection.close()
    monkeypatch.setattr(stories, "_FEW", few)
    walked = history(rows).stats(NOW - 30 * DAY, NOW + DAY, [JOB])[JOB]
    monkeypatch.setattr(stories, "_FEW", 10_000)
    fetched = history(rows).stats(NOW - 30 * DAY, NOW + DAY, [JOB])[JOB]
    assert walked.succeeded == number
    for field in ("avg_s", "p50_s", "p95_s", "max_s", "runs", "failed", "effective_interval_s"):
        assert getattr(walked, field) == pytest.approx(getattr(fetched, field)), field
