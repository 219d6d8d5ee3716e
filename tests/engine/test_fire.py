"""One fire: the guard in front, the chain behind, the history as witness."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from firing import execute, fire, make_stale, pid_of_attempt, start
from support import alive, job, rows, rules, step, wait_for

from batchctl.base.errors import ConfigError, StateError
from batchctl.core.model import Group
from batchctl.engine import fire as engine_fire
from batchctl.present.run import as_json

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


def test_a_chain_runs_in_order_and_is_recorded(state: Path, tmp_path: Path) -> None:
    """Steps run in the order written, and the history has each with its result, exit code and log."""
    trace = tmp_path / "trace"
    chain = [
        step(name, f"echo {name} >> {trace}; echo 출력 {name}; echo '{{\"건수\": {name}}}' > $BATCHCTL_RESULT")
        for name in ("31", "32", "33")
    ]
    found = fire(job(*chain), state)
    assert (found["verdict"], found["status"], found["code"]) == ("started", "succeeded", 0)
    assert trace.read_text().split() == ["31", "32", "33"]
    assert [one["result"] for one in found["steps"]] == [{"건수": 31}, {"건수": 32}, {"건수": 33}]
    assert rows(state, "select status, exit_code, why from runs") == [("succeeded", 0, None)]
    assert rows(state, "select step, status, exit_code, attempts, result from steps order by seq")[0] == (
        "31",
        "succeeded",
        0,
        1,
        '{"건수": 31}',
    )
    log = rows(state, "select log from attempts where seq = 2")[0][0]
    assert (state / log).read_text() == "출력 32\n"
    assert os.listdir(state / "spool") == []


def test_a_failed_step_blocks_the_later_ones(state: Path) -> None:
    """The chain stops at the first failure; the rest is blocked and the exit code is 1."""
    found = fire(job(step("1"), step("2", "exit 7"), step("3")), state)
    assert [one["status"] for one in found["steps"]] == ["succeeded", "failed", "blocked"]
    assert (found["status"], found["code"]) == ("failed", 1)
    assert rows(state, "select why from runs") == [("step 2: exit code 7",)]


def test_continue_on_failure_goes_on_and_still_fails(state: Path) -> None:
    """The later steps run, and the run ends failed all the same."""
    found = fire(job(step("1", "exit 7", continue_on_failure=True), step("2")), state)
    assert [one["status"] for one in found["steps"]] == ["failed", "succeeded"]
    assert found["code"] == 1


def test_a_program_that_calls_its_configuration_wrong_is_not_tried_again(state: Path) -> None:
    """Exit code 78 (EX_CONFIG, a library that is missing): the next attempt would say the same."""
    found = fire(job(step("1", "exit 78", retries=5)), state)
    assert (found["code"], found["steps"][0]["status"], found["steps"][0]["attempts"]) == (1, "failed", 1)


def test_retries_make_attempts_until_one_succeeds(state: Path, tmp_path: Path) -> None:
    """The third attempt succeeds; all three have a log, and the step knows its attempt."""
    flag = tmp_path / "n"
    line = f"echo $BATCHCTL_ATTEMPT; echo x >> {flag}; test $(wc -l < {flag}) -eq 3"
    found = fire(job(step("1", line, retries=5, retry_delay=0.05, retry_backoff=1.5)), state)
    assert (found["code"], found["steps"][0]["attempts"]) == (0, 3)
    assert rows(state, "select attempt, status, exit_code from attempts") == [
        (1, "failed", 1),
        (2, "failed", 1),
        (3, "succeeded", 0),
    ]
    assert (state / "runs/1/1-3.log").read_text() == "3\n"


def test_a_step_that_exceeds_its_budget_is_timed_out(state: Path) -> None:
    """TERM comes at the budget, KILL after the grace; the run exits with 124."""
    line = "trap 'echo got TERM' TERM; sleep 60 & wait; sleep 60"
    found = fire(job(step("1", line, timeout=0.3, grace=0.3), step("2")), state)
    assert (found["status"], found["code"]) == ("timed_out", 124)
    assert [one["status"] for one in found["steps"]] == ["timed_out", "blocked"]
    assert found["steps"][0]["duration_s"] < 20
    assert "got TERM" in (state / "runs/1/1-1.log").read_text()


def test_the_jobs_budget_ends_the_run(state: Path) -> None:
    """The job's timeout ends the step under way and starts no other one, retries included."""
    found = fire(job(step("1", "sleep 60", retries=3), step("2"), timeout=0.3), state)
    assert (found["status"], found["code"]) == ("timed_out", 124)
    assert [(one["status"], one["attempts"]) for one in found["steps"]] == [("timed_out", 1), ("blocked", 0)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_cancels_the_run(state: Path, tmp_path: Path, number: signal.Signals) -> None:
    """batchctl passes the stop on to its step, records `cancelled` and exits with 128+n."""
    pid_file = tmp_path / "pid"
    process = start(job(step("1", f"echo $$ > {pid_file}; exec sleep 60"), step("2")), state)
    pid = int(wait_for(lambda: pid_file.exists() and pid_file.read_text().strip(), "the step's pid"))
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert json.loads(out)["status"] == "cancelled"
    assert not alive(pid)
    assert rows(state, "select status, exit_code, why from runs") == [
        ("cancelled", 128 + number, f"stopped by {number.name}")
    ]


def test_a_step_sees_its_environment_and_nothing_else(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parameters, variables, env_file, env and path arrive; descriptors are 0-2 and the lock; stdin is empty."""
    env_file = tmp_path / "env"
    env_file.write_text("# secrets\nexport FROM_FILE='파일 값'\nBOTH=file\n")
    line = "env; echo args {name} {limit}; ls -l /proc/self/fd | grep -v /proc/ | grep -- '->'; wc -c"
    spec = step("31", line, params={"limit": 300}, env={"BOTH": "step"}, path=("/my/bin",))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    what = job(spec, params={"name": "a b'$(echo no)"}, env_file=str(env_file), env={"BOTH": "job"}, name="수집")
    fire(what, state, params={"limit": 5})
    log = (state / "runs/1/1-1.log").read_text().splitlines()
    for expected in (
        "FROM_FILE=파일 값", "BOTH=step", "PATH=/my/bin:/usr/bin:/bin", "BATCHCTL_JOB=수집", "BATCHCTL_RUN_ID=1",
        "BATCHCTL_STEP=31", "BATCHCTL_ATTEMPT=1", f"BATCHCTL_RESULT={state}/runs/1/1.result",
        f"BATCHCTL_PROGRESS={state}/runs/1/1.progress", "args a b'$(echo no) 5",
    ):  # fmt: skip
        assert expected in log
    params = next(line for line in log if line.startswith("BATCHCTL_PARAMS="))
    assert json.loads(params.partition("=")[2]) == {"name": "a b'$(echo no)", "limit": 5}
    targets = [line.rpartition(" -> ")[2] for line in log if " -> " in line and "/proc" not in line]
    assert sorted({*targets} - {"/dev/null"}) == sorted(
        {f"{state}/runs/1/1-1.log", f"{state}/locks/수집.lock"}
        | {
            target
            for target in targets
            if target.startswith("pipe:")  # of the grep beside it
        }
    )
    assert log[-1] == "0"


def test_a_program_that_does_not_exist_fails_its_step(state: Path) -> None:
    """The history says 127, the log says what was looked for where."""
    found = fire(job(step("1", argv=("no-such-program", "x"))), state)
    assert (found["code"], found["steps"][0]["exit_code"]) == (1, 127)
    assert "no-such-program" in (state / "runs/1/1-1.log").read_text()


def test_a_log_that_cannot_be_opened_costs_the_output_and_not_the_step(state: Path, tmp_path: Path) -> None:
    """The step runs all the same; what it writes is lost."""
    flag = tmp_path / "ran"
    found = fire(job(step("1", f"mkdir {state}/runs/1/2-1.log"), step("2", f"echo x; touch {flag}")), state)
    assert found["code"] == 0
    assert flag.exists()


def test_cwd_is_the_steps_alone(state: Path, tmp_path: Path) -> None:
    """Each step runs where it says; a directory that is missing fails it with the reason."""
    (tmp_path / "여기").mkdir()
    found = fire(job(step("1", "pwd", cwd=str(tmp_path / "여기")), step("2", "pwd"), step("3", cwd="/no/such")), state)
    assert (state / "runs/1/1-1.log").read_text().strip() == str(tmp_path / "여기")
    assert (state / "runs/1/2-1.log").read_text().strip() == os.getcwd()
    assert found["steps"][2]["exit_code"] == 127
    assert "/no/such" in (state / "runs/1/3-1.log").read_text()


def test_a_missing_env_file_starts_nothing(state: Path) -> None:
    """It is a configuration error, and the history stays empty."""
    with pytest.raises(ConfigError, match="/no/such/env"):
        engine_fire.fire(job(env_file="/no/such/env"), engine_fire.Request(state_dir=str(state)))
    assert rows(state, "select count(*) from runs") == [(0,)]


def test_a_parallel_group_runs_side_by_side(state: Path, tmp_path: Path) -> None:
    """Two steps that wait for each other's file can only end if they run at the same time; the third waits its turn."""
    meet = "touch {here}; for i in $(seq 500); do test -e {there} && exit 0; sleep 0.01; done; exit 1"
    a, b = tmp_path / "a", tmp_path / "b"
    chain = (
        step("31", meet.format(here=a, there=b), group="k"),
        step("32", meet.format(here=b, there=a), group="k"),
        step("33", f"test -e {a}", group="k"),
        step("61", group="u"),
    )
    found = fire(job(*chain, groups=(Group(name="k", parallel=True, max_parallel=2),)), state)
    assert [one["status"] for one in found["steps"]] == ["succeeded"] * 4


def test_a_second_fire_is_skipped_and_skips_are_one_row(state: Path, tmp_path: Path) -> None:
    """While a run goes on, each fire is skipped with 75, and the history has one row with the count."""
    gate = tmp_path / "gate"
    what = job(step("1", f"touch {gate}.up; while ! test -e {gate}; do sleep 0.02; done"))
    running = start(what, state)
    wait_for((tmp_path / "gate.up").exists, "the step")
    for _ in range(3):
        found = fire(what, state)
        assert (found["verdict"], found["reason"], found["code"]) == ("skipped", "already_running", 75)
        assert found["run_id"] is None
        assert found["steps"] == []
        assert "run 1 is still running" in found["detail"]
    assert fire(what, state, force=True, exit_on_skip=0)["code"] == 0
    gate.touch()
    running.communicate(timeout=30)
    assert running.returncode == 0
    assert rows(state, "select reason, run_id, count, first_at < last_at from skips") == [("already_running", 1, 4, 1)]
    assert fire(what, state)["run_id"] == 2


@pytest.mark.slow
def test_forty_fires_at_once_start_one(state: Path, tmp_path: Path) -> None:
    """One start, 39 skips with 75, and every one of them in the history."""
    gate = tmp_path / "gate"
    what = job(step("1", f"while ! test -e {gate}; do sleep 0.02; done"))
    processes = [start(what, state) for _ in range(40)]
    with ThreadPoolExecutor(40) as pool:
        waits = [pool.submit(process.wait, 100) for process in processes]
        wait_for(lambda: sum(wait.done() for wait in waits) >= 39, "39 skips", limit=90)
        gate.touch()
        codes = [wait.result() for wait in waits]
    for process in processes:
        assert process.stdout
        process.stdout.close()
    assert sorted(codes) == [0] + [75] * 39
    assert rows(state, "select count(*) from runs") == [(1,)]
    assert rows(state, "select sum(count) from skips") == [(39,)]


def test_a_dead_owner_is_reclaimed_at_once(state: Path) -> None:
    """After kill -9 of batchctl and the end of its step, the next fire marks the run `lost` and starts."""
    process = start(job(step("1", "exec sleep 60")), state)
    pid = wait_for(lambda: pid_of_attempt(state), "the attempt's pid")
    process.kill()
    process.communicate()
    blocked = fire(job(), state)
    assert (blocked["reason"], blocked["verdict"]) == ("already_running", "skipped")
    assert "lost its batchctl" in blocked["detail"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), "the end of the step")
    found = fire(job(), state)
    assert (found["verdict"], found["run_id"], found["code"]) == ("started", 2, 0)
    assert rows(state, "select status, exit_code from runs order by id") == [("lost", None), ("succeeded", 0)]
    assert rows(state, "select status from steps where run_id = 1") == [("lost",)]
    assert rows(state, "select count(*) from runs where ended_at < started_at") == [(0,)]


@pytest.mark.parametrize(
    "change",
    [
        "update runs set boot_id = 'another-boot'",  # the machine was rebooted
        "update runs set start_ticks = start_ticks - 1",  # the pid was recycled
    ],
)
def test_another_boot_and_a_recycled_pid_are_dead(state: Path, change: str) -> None:
    """A running row whose pid is this very test's, but of another boot or start time, is reclaimed."""
    _running_row_of_mine(state)
    execute(state, change)
    found = fire(job(), state)
    assert (found["verdict"], found["code"]) == ("started", 0)
    assert rows(state, "select status from runs where id = 1") == [("lost",)]


def test_another_hosts_run_cannot_be_proven_dead(state: Path) -> None:
    """A row of another host, on a shared state directory, blocks: nobody here can prove it dead."""
    _running_row_of_mine(state)
    execute(state, "update runs set host = 'elsewhere', boot_id = 'other'")
    assert fire(job(), state)["reason"] == "already_running"


def _running_row_of_mine(state: Path) -> None:
    """Leave a running row that this test process owns."""
    from batchctl.base import clock
    from batchctl.process.identity import myself
    from batchctl.store import database, runs

    state.mkdir(mode=0o700)
    connection = database.connect(str(state), create=True)
    with database.Immediate(connection):
        new = runs.NewRun(
            owner=myself(), started_at=clock.now(), started_mono=clock.monotonic(), scheduled_for=None, token="t"
        )
        runs.insert_run(connection, job(), new)
    connection.close()


@pytest.mark.parametrize("hung", [True, False])
def test_a_stale_run_is_taken_over(state: Path, hung: bool) -> None:
    """Its whole tree is ended, it becomes `stale`, and the fire starts in spite of the gap; its owner ends with 74."""
    process = start(job(step("1", "setsid sleep 60 & sleep 60", retries=3)), state)
    pid = wait_for(lambda: pid_of_attempt(state), "the attempt's pid")
    wait_for(lambda: not _has_history_open(process.pid), "the end of the write that told the pid")
    if hung:
        process.send_signal(signal.SIGSTOP)
    make_stale(state)
    found = fire(job(stale_after=3600.0, min_gap=3600.0, grace=5.0), state)
    assert (found["verdict"], found["run_id"], found["code"]) == ("started", 2, 0)
    process.communicate(timeout=10)
    assert process.returncode == 74
    assert not alive(pid)
    assert rows(state, "select status from runs order by id") == [("stale",), ("succeeded",)]
    assert os.listdir(state / "spool") == []


def _has_history_open(pid: int) -> bool:
    links = [f"/proc/{pid}/fd/{number}" for number in os.listdir(f"/proc/{pid}/fd")]
    return any("batchctl.db" in os.readlink(link) for link in links if os.path.lexists(link))


def test_on_stale_alert_skips(state: Path) -> None:
    """With on_stale = alert the hung run is left alone and the fire skips."""
    _running_row_of_mine(state)
    make_stale(state)
    found = fire(job(stale_after=3600.0, on_stale="alert"), state)
    assert found["reason"] == "already_running"
    assert "stale" in found["detail"]


def test_min_gap_and_pool(state: Path) -> None:
    """min_gap counts from the last end of any outcome; a pool counts other jobs that run."""
    fire(job(step("1", "exit 1")), state)
    found = fire(job(min_gap=3600.0), state)
    assert (found["reason"], found["until"] is not None) == ("min_gap", True)
    assert fire(job(min_gap=3600.0, gap_after="success"), state)["code"] == 0
    assert fire(job(min_gap=3600.0), state, force=True)["code"] == 0
    assert rows(state, "select reason, run_id, count from skips") == [("min_gap", 1, 1)]
    assert rows(state, "select forced from runs order by id desc limit 1") == [("min_gap",)]


def test_not_due_is_not_recorded(state: Path) -> None:
    """A job that is fired more often than it is due leaves no trace of that in the history."""
    fire(job(), state)
    assert fire(job(every=3600.0), state)["reason"] == "not_due"
    assert rows(state, "select count(*) from skips") == [(0,)]


@pytest.mark.parametrize("what", ["garbage", "symlink lock", "fifo lock", "open directory", "read-only directory",
                                  "vanished", "emptied", "newer"])  # fmt: skip
def test_untrusted_state_starts_nothing_and_overwrites_nothing(state: Path, tmp_path: Path, what: str) -> None:
    """A guard that cannot be trusted refuses with 74 before anything is started, and leaves what it found as it was."""
    trace = tmp_path / "started"
    spec = job(step("1", f"touch {trace}"), name="j")
    fire(job(name="j"), state)
    database = state / "batchctl.db"
    before = database.read_bytes()
    lock = state / "locks" / "j.lock"
    if what == "garbage":
        before = b"not a database, but something that matters" * 50
        database.write_bytes(before)
    elif what == "symlink lock":
        lock.unlink()
        lock.symlink_to(tmp_path / "victim")
    elif what == "fifo lock":
        lock.unlink()
        os.mkfifo(lock)
    elif what == "open directory":
        state.chmod(0o777)
    elif what == "read-only directory":
        state.chmod(0o500)
    elif what == "vanished":
        database.unlink()
    elif what == "emptied":
        before = b""
        database.write_bytes(b"")
    elif what == "newer":
        execute(state, "pragma user_version = 99")
        before = database.read_bytes()
    with pytest.raises(StateError) as raised:
        engine_fire.fire(spec, engine_fire.Request(state_dir=str(state)))
    assert raised.value.exit_code == 74
    assert raised.value.remedy
    assert str(state) in str(raised.value)
    assert not trace.exists()
    assert not (tmp_path / "victim").exists()
    assert (database.read_bytes() == before) if what != "vanished" else not database.exists()
    state.chmod(0o700)


def test_state_is_private(state: Path) -> None:
    """The state directory is 0700 and every file in it 0600, whatever the umask."""
    before = os.umask(0)
    try:
        fire(job(step("1", "echo x")), state)
    finally:
        os.umask(before)
    assert state.stat().st_mode & 0o777 == 0o700
    for place in state.rglob("*"):
        if place.name not in {"1.result", "1.progress"}:
            assert place.stat().st_mode & 0o077 == 0, place


def test_json_keys_are_the_contracts(state: Path) -> None:
    """The object of `run --json` has exactly the contract's fields, for a start and for a skip."""
    started = fire(job(), state)
    started.pop("code")
    assert list(started) == [
        "job", "verdict", "reason", "detail", "until", "run_id", "status", "exit_code", "started_at", "ended_at",
        "duration_s", "steps",
    ]  # fmt: skip
    assert list(started["steps"][0]) == [
        "id", "group", "status", "exit_code", "signal", "attempts", "duration_s", "cpu_s", "max_rss_bytes", "why",
        "result",
    ]  # fmt: skip
    skipped = fire(job(enabled=False), state)
    assert all(
        skipped[key] is None for key in ("run_id", "status", "exit_code", "started_at", "ended_at", "duration_s")
    )
    assert as_json(engine_fire.fire(job(enabled=False), engine_fire.Request(state_dir=str(state))))
    assert rules() == rules()


def test_an_observer_that_fails_does_not_hurt_the_run(state: Path) -> None:
    """A terminal that went away costs the picture, not the batch."""
    script = (
        "import pickle, sys\n"
        "from batchctl.engine import fire as runner\n"
        "job, state = pickle.load(sys.stdin.buffer)\n"
        "class Broken:\n"
        "    interval = 0.01\n"
        "    def show(self, run): raise OSError('gone')\n"
        "sys.exit(runner.fire(job, runner.Request(state_dir=state), Broken()).exit_code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=pickle.dumps((job(), str(state))), check=False)
    assert done.returncode == 0
    assert rows(state, "select status from runs") == [("succeeded",)]
