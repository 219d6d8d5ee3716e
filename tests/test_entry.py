"""The cron line's short way and the Typer app end in the same place."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import batchctl, cron_environment, open_terminal, rows

from batchctl.__main__ import cron_line

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG = """
[jobs.ok]
run = "echo 잘 됨"
[jobs.bad]
[[jobs.bad.steps]]
id = "31"
run = "for i in $(seq 30); do echo 줄 $i; done; printf '\\\\033[31mred'; exit 3"
[[jobs.bad.steps]]
id = "32"
run = "true"
[jobs.off]
enabled = false
run = "true"
[jobs.missing]
env_file = "/no/such/file"
run = "true"
"""
_THROUGH_THE_APP = "import sys; from batchctl.commands.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "x"], ("x", {}, None)),  # as in a crontab
        (
            ["--config", "c", "--state", "s", "run", "수집"],
            ("수집", {"--config": "c", "--state": "s"}, None),
        ),  # with its places
        (["run", "--name", "x", "--", "a", "--", "-b"], ("x", {}, ["a", "--", "-b"])),  # a guarded command
        (
            ["--state", "s", "run", "--min-gap", "6h", "--name", "x", "--retries", "2", "--", "a"],
            ("x", {"--state": "s", "--min-gap": "6h", "--retries": "2"}, ["a"]),
        ),  # with rules, in any order
        (["run", "--name", "x", "a"], None),  # which is its command?
        (["run", "--name", "x", "--", "a"][:3], None),  # no command
        (["run", "--min-gap", "6h", "--", "a"], None),  # no name
        (["run", "--name", "x", "--detach", "--", "a"], None),  # by hand
        (["run", "--name", "x", "--retries", "-1", "--", "a"], None),  # what is wrong the app says
        (["run", "--name", "x", "--retries", "two", "--", "a"], None),
        (["run"], None),  # incomplete
        (["run", "--help"], None),  # an option, not a job
        (["run", "x", "--force"], None),  # by hand
        (["status"], None),  # another command
        (["--config=c", "run", "x"], None),  # another spelling: the app knows it
        ([], None),
    ],
)
def test_the_short_way_takes_exactly_the_crontabs_form(
    arguments: list[str], expected: tuple[str, dict[str, str], list[str] | None] | None
) -> None:
    """Anything but `[--config FILE] [--state DIR] run JOB` or `run --name NAME [RULES] -- CMD` goes through the app."""
    assert cron_line(arguments) == expected


@pytest.mark.parametrize(
    ("job", "code"),
    [("ok", 0), ("bad", 1), ("off", 75), ("nobody", 2), ("missing", 78), ("ok --broken", 78), ("ok --open", 74)],
)
def test_both_ways_behave_alike(tmp_path: Path, job: str, code: int) -> None:
    """Exit code, output and history are the same, whichever way a fire takes."""
    config = tmp_path / "batchctl.toml"
    seen = []
    for way in ("short", "app"):
        state = tmp_path / way
        state.mkdir(mode=0o700)
        config.write_text(_CONFIG if "broken" not in job else _CONFIG + "\nnonsense = 1\n", encoding="utf-8")
        state.chmod(0o777 if "open" in job else 0o700)
        arguments = ["--config", str(config), "--state", str(state), "run", job.split(maxsplit=1)[0]]
        program = ["-m", "batchctl"] if way == "short" else ["-c", _THROUGH_THE_APP]
        done = subprocess.run([sys.executable, *program, *arguments], capture_output=True, text=True, check=False)
        history = (
            rows(state, "select job, status, exit_code, why from runs") if (state / "batchctl.db").exists() else []
        )
        skips = rows(state, "select job, reason, count from skips") if (state / "batchctl.db").exists() else []
        stderr = "\n".join(line for line in done.stderr.splitlines() if " after " not in line).replace(way, "WAY")
        seen.append((done.returncode, done.stdout, stderr, history, skips))
    assert seen[0] == seen[1]
    assert seen[0][0] == code


def test_cron_is_silent_but_for_failures(tmp_path: Path) -> None:
    """Nothing is printed on success and on skip; a failure says job, step, why and the last 20 lines, harmlessly."""
    config, state = tmp_path / "batchctl.toml", tmp_path / "state"
    config.write_text(_CONFIG, encoding="utf-8")
    where = ["--config", str(config), "--state", str(state)]
    environment = cron_environment(tmp_path)
    for job in ("ok", "off"):
        done = batchctl(*where, "run", job, env=environment)
        assert (done.stdout, done.stderr) == ("", "")
    done = batchctl(*where, "run", "bad", env=environment)
    assert done.stdout == ""
    assert "bad: run 2 failed" in done.stderr
    assert "step 31: exit code 3" in done.stderr
    assert "not run: 32" in done.stderr
    assert "| 줄 30" in done.stderr
    assert "줄 11\n" not in done.stderr
    assert "\\x1b[31mred" in done.stderr
    assert "batchctl logs bad --run 2 --step 31" in done.stderr
    assert done.stderr.splitlines()[-1] == f"  resume it: batchctl {' '.join(where)} run bad --resume"


def test_on_a_terminal_the_steps_are_shown(tmp_path: Path) -> None:
    """With a terminal `run` shows the steps and how they ended."""
    config, state = tmp_path / "batchctl.toml", tmp_path / "state"
    config.write_text(_CONFIG, encoding="utf-8")
    master, slave = open_terminal()
    command = [sys.executable, "-m", "batchctl", "--config", str(config), "--state", str(state), "run", "ok"]
    environment = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", "COLUMNS": "80"}
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += os.read(master, 4096)
        except OSError:  # EIO: the other end is closed
            break
    os.close(master)
    assert process.wait(30) == 0
    assert "succeeded" in shown.decode()


def test_an_unknown_job_gets_a_suggestion(tmp_path: Path) -> None:
    """A slip of the finger ends with 2 and the name that was meant, without a traceback."""
    config = tmp_path / "batchctl.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    done = batchctl("--config", str(config), "run", "missin")
    assert done.returncode == 2
    assert "missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    """BATCHCTL_DEBUG=1 adds the traceback to the message."""
    done = batchctl("--config", str(tmp_path / "none.toml"), "run", "x", env={**os.environ, "BATCHCTL_DEBUG": "1"})
    assert done.returncode == 78
    assert "Traceback" in done.stderr


def test_an_ignored_sigchld_is_not_inherited(tmp_path: Path) -> None:
    """Whoever started batchctl may have ignored SIGCHLD; what a child of it ended with is heard all the same."""
    config = tmp_path / "batchctl.toml"
    config.write_text('[jobs.x]\nfunction = "os:nowhere"\n[jobs.y]\nrun = "exit 3"\n')
    trick = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    for job, code in (("x", 78), ("y", 1)):
        arguments = ["-m", "batchctl", "--config", str(config), "--state", str(tmp_path / "state"), "run", job]
        command = [sys.executable, "-c", trick, sys.executable, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr


def test_status_reads_with_the_bare_sqlite(tmp_path: Path) -> None:
    """What is asked most often imports neither sqlite-utils nor filelock, which making the history needs."""
    config, state = tmp_path / "batchctl.toml", str(tmp_path / "state")
    config.write_text(_CONFIG, encoding="utf-8")
    batchctl("--config", str(config), "--state", state, "run", "ok")
    command = [sys.executable, "-X", "importtime", "-m", "batchctl", "--config", str(config), "--state", state]
    done = subprocess.run([*command, "status"], capture_output=True, text=True, check=True)
    assert "succeeded" in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "batchctl.store.reader" in loaded
    assert loaded.isdisjoint({"sqlite_utils", "filelock"})
