"""What a run writes down of itself grows with its steps and not with their square."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firing import execute, fire
from support import job, rows, step

from batchctl.core.model import Group

if TYPE_CHECKING:
    from pathlib import Path

_COUNT = """create trigger {table}_{event} after {event} on {table} begin
    update counted set rows = rows + 1, bytes = bytes + length(json_array({columns}));
end"""


def written(state: Path, count: int, *, failing: int = 0, parallel: bool = False) -> tuple[float, float]:
    """Return how many rows, and characters in them, a run of so many steps writes for each of its steps."""
    execute(state, "update counted set rows = 0, bytes = 0")
    steps = [step(str(number), "false" if number < failing else "true", group="g") for number in range(count)]
    what = job(*steps, name=f"j{count}", groups=(Group(name="g", parallel=parallel, max_parallel=4),))
    assert fire(what, state)["code"] == bool(failing)
    ((lines, size),) = rows(state, "select rows, bytes from counted")
    return lines / count, size / count


def counting(state: Path) -> Path:
    """Make a history that counts what is written to it."""
    fire(job(), state)
    execute(state, "create table counted (rows integer, bytes integer)")
    execute(state, "insert into counted values (0, 0)")
    for table in ("runs", "steps", "attempts"):
        columns = ", ".join(f"new.{row[1]}" for row in rows(state, f"pragma table_info({table})"))
        for event in ("insert", "update"):
            execute(state, _COUNT.format(table=table, event=event, columns=columns))
    return state


def test_a_run_writes_what_has_changed(tmp_path: Path) -> None:
    """Ten times the steps cost each of them no row and no byte more, side by side as well."""
    state = counting(tmp_path / "state")
    few, many = written(state, 12), written(state, 120)
    assert few[0] < 12
    assert many[0] <= few[0]
    assert many[1] < 1.1 * few[1]
    assert written(state, 121, parallel=True)[0] <= few[0]


def test_a_write_that_failed_is_made_good_by_the_next(tmp_path: Path) -> None:
    """While another process holds the history steps go on; what became of them meanwhile is all there in the end."""
    from batchctl.base.state_dir import StateDir
    from batchctl.core.run import Attempt, Run, StepRun
    from batchctl.engine.journal import Journal
    from batchctl.process.identity import myself
    from batchctl.store import database, runs

    state = str(tmp_path)
    connection = database.connect(state, create=True, busy_limit=0.1)
    what = job(step("1"), step("2"), step("3"))
    new = runs.NewRun(owner=myself(), started_at=1000.0, started_mono=1.0, scheduled_for=None, token="t")
    run = Run(runs.insert_run(connection, what, new), what.name, 1000.0, "t", [])
    run.steps = [StepRun(seq, each) for seq, each in enumerate(what.steps, 1)]
    runs.save_steps(connection, run.id, run.steps)
    journal = Journal(state, myself(), None, connection)
    for seq, each in enumerate(run.steps, 1):
        each.status = "succeeded"
        each.attempts.append(Attempt(1, "log", 1000.0))
        if seq == 1:
            other = database.connect(state, create=False)
            other.execute("begin immediate")
            journal.note(run, [each])
            other.close()
        elif seq == 2:
            journal.note(run, [each])
    journal.rest()
    assert rows(tmp_path, "select status from steps order by seq") == [("succeeded",), ("succeeded",), ("pending",)]
    assert rows(tmp_path, "select seq from attempts") == [(1,), (2,)]
    assert StateDir(state).waiting() == []
