"""`batchctl run --name NAME -- CMD`: any command, guarded without a configuration."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import batchctl, rows, wait_for

NAME = "거울"


class Guard:
    """A state directory of its own, and batchctl called with it, without any configuration."""

    def __init__(self, place: Path) -> None:
        """Keep the place."""
        self.place, self.state = place, place / "state"
        (place / "home").mkdir()

    def __call__(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Call batchctl."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.place / "home")}
        return batchctl("--state", str(self.state), *words, env=environment, **options)

    def run(self, *words: str, name: str = NAME) -> subprocess.CompletedProcess[str]:
        """Guard a command."""
        return self("run", "--name", name, *words)

    def asked(self, *words: str) -> Any:
        """Return what a command says as JSON."""
        return json.loads(self(*words, "--json").stdout)


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    """Return one."""
    return Guard(tmp_path)


def test_a_command_runs_word_for_word(guard: Guard) -> None:
    """No shell and no placeholder touches its words; it runs where batchctl was called, and its output is kept."""
    words = ["{}", "{x}", "${HOME}", "a b", "$(date)", "한글", "}}{{", "--force", ""]
    done = guard.run("--", "python3", "-c", "import sys, os; print(sys.argv[1:], os.getcwd())", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert guard("logs", NAME).stdout.strip() == f"{words} {Path.cwd()}"


def test_a_word_that_is_not_utf8_is_a_word(guard: Guard) -> None:
    """A file name of another age reaches the command as it is, by hand and from then on."""
    words = [b"caf\xe9", "한글".encode(), b"a\\b\\xe9", b"{x}", b"\\"]
    command = ["printf", "%s|", *map(os.fsdecode, words)]
    for more in (["run", "--name", NAME, "--", *command], ["run", "--name", NAME, "--", *command], ["run", NAME]):
        assert guard(*more).returncode == 0
        log = guard.state / "runs" / str(guard.asked("report")["runs"][0]["id"]) / "1-1.log"
        assert log.read_bytes() == b"|".join(words) + b"|"
    assert "caf\\udce9" in guard("run", "--name", NAME, "--dry-run", "--", *command).stdout
    assert guard("jobs", "show", NAME).returncode == guard("doctor", NAME).returncode == 0
    assert json.loads(guard("jobs", "show", NAME, "--json").stdout)["steps"] == [
        {"id": "1", "argv": ["printf", "%s|", r"caf\xe9", "한글", r"a\\b\\xe9", "{{x}}", r"\\"], "argv_bytes": True}
    ]


def test_what_has_changed_is_not_taken_from_the_copy(guard: Guard) -> None:
    """Other words, rules or places, a name taken since, a name forgotten: each fire goes by what is asked now."""
    config = guard.place / "c.toml"
    config.write_text("", encoding="utf-8")

    def fire(*words: str) -> int:
        return guard("--config", str(config), "run", "--name", "g", *words).returncode

    wait_for(lambda: fire("--", "true") == 0 and list(guard.state.glob("config-*.bin")), "the copy")
    assert (fire("--", "true"), fire("--", "false"), fire("--", "true", "x")) == (0, 1, 0)
    assert (fire("--min-gap", "1h", "--", "true"), fire("--retries", "1", "--", "false")) == (75, 1)
    assert rows(guard.state, "select attempts from steps order by run_id desc limit 1") == [(2,)]
    assert guard("--config", str(config), "jobs", "remove", "g").returncode == 0
    assert fire("--", "true") == 0
    assert (guard.state / "guarded" / "g.toml").exists(), "known again"
    config.write_text("[jobs.g]\nrun = 'true'\n", encoding="utf-8")
    assert fire("--", "true") == 2


def test_everything_knows_the_name_from_then_on(guard: Guard) -> None:
    """Whatever knows jobs knows this one, and previews by the rules that it was last given."""
    assert guard.run("--min-gap", "6h", "--timeout", "2h", "--", "true").returncode == 0
    skipped = guard.run("--min-gap", "6h", "--timeout", "2h", "--", "true")
    assert (skipped.returncode, skipped.stderr) == (75, "")
    assert [job["job"] for job in guard.asked("status")["jobs"]] == [NAME]
    assert guard.asked("explain", NAME)["reason"] == "min_gap"
    assert guard.asked("report", NAME)["stats"][NAME]["runs"] == 1
    assert guard("check").returncode == 0
    assert [job["job"] for job in json.loads((guard.state / "health.json").read_text())["jobs"]] == [NAME]
    assert guard("stop", NAME).stdout == f"{NAME} is not running\n"
    assert guard("simulate", NAME, "--duration", "1h", "--every", "5h").returncode == 0
    assert guard.run("--", "true").returncode == 0, "without the gap"
    assert guard.asked("explain", NAME)["reason"] is None
    assert guard("jobs", "remove", NAME).returncode == 0
    assert guard.asked("status")["jobs"] == []
    assert rows(guard.state, "select count(*) from runs") == [(2,)]


@pytest.mark.parametrize(
    ("rules", "command", "code", "status", "attempts"),
    [
        ([], "exit 3", 1, "failed", 1),  # a step failed
        (["--retries", "2"], "exit 3", 1, "failed", 3),  # tried again
        (["--timeout", "300ms"], "exec sleep 60", 124, "timed_out", 1),  # its budget
    ],
)
def test_exit_codes(guard: Guard, rules: list[str], command: str, code: int, status: str, attempts: int) -> None:
    """They are those of a job, and the report ends with the command that tries again."""
    done = guard.run(*rules, "--", "sh", "-c", command)
    assert done.returncode == code
    assert rows(guard.state, "select r.status, s.attempts from runs r join steps s on s.run_id = r.id") == [
        (status, attempts)
    ]
    resume = f"--state {guard.state} run {NAME} --resume"
    assert done.stderr.splitlines()[-1] == f"  resume it: batchctl {resume}"
    assert guard(*resume.split()[2:]).returncode == code
    assert rows(guard.state, "select resumed_from from runs where id = 2") == [(1,)]


def test_two_never_run_at_once_and_stop_ends_one(guard: Guard) -> None:
    """The second fire skips, whatever its command; `stop` ends the first with all its processes."""
    up = guard.place / "up"
    assert guard.run("--detach", "--", "sh", "-c", f"touch {up}; sleep 60").stdout == "1\n"
    wait_for(up.exists, "the command")
    assert guard.run("--", "true").returncode == 75
    assert guard("stop", NAME).stdout == f"{NAME}: run 1 cancelled\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--name", "설정됨", "--", "true"], "a job of the configuration"),  # taken
        (["--name", "daily-batch", "--", "true"], "a ready-made job"),  # as good as taken
        (["--name", "a b", "--", "true"], "cannot be the name of a job"),  # no name
        (["--name", "../x", "--", "true"], "cannot be the name of a job"),  # no way out either
        (["--name", "x"], "there is no command to guard"),  # nothing to do
        (["--name", "x", "--", ""], "there is no command to guard"),  # an empty word
        (["--name", "x", "--min-gap", "6", "--", "true"], "6h"),  # of what?
        (["--name", "x", "--min-gap", "six", "--", "true"], "is not a duration"),  # a slip
        (["--name", "x", "--timeout", "6h", "--stale-after", "5h", "--", "true"], "not longer than timeout"),  # as ever
        (["--name", "x", "--only", "2", "--", "true"], "no such step"),  # it has one
        (["설정됨", "--min-gap", "6h"], "goes with --name"),  # a job has its own
        (["설정됨", "true"], "takes one job"),  # the name is missing
        ([], "needs the name of a job"),  # all is
    ],
)
def test_what_is_refused(guard: Guard, words: list[str], says: str) -> None:
    """A wrong command line ends with 2, and nothing is run or remembered."""
    config = guard.place / "c.toml"
    config.write_text('[jobs."설정됨"]\nrun = "true"\n', encoding="utf-8")
    done = guard("--config", str(config), "run", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert not (guard.state / "batchctl.db").exists()
    assert "--only" in words or not (guard.state / "guarded").exists()


def test_what_the_top_of_the_configuration_says_holds(guard: Guard) -> None:
    """Whoever is told of every job is told of this one; a job of its name that comes later goes before it."""
    config, told = guard.place / "c.toml", guard.place / "told"
    config.write_text(f'on_alert = ["sh", "-c", "cat > {told}"]\n', encoding="utf-8")
    assert guard("--config", str(config), "run", "--name", NAME, "--", "false").returncode == 1
    wait_for(told.exists, "the alert")
    alert = wait_for(lambda: told.read_text(encoding="utf-8"), "its text")
    assert f"--config {config} --state {guard.state} run {NAME} --resume" in json.loads(alert)["body"]
    config.write_text(f'[jobs."{NAME}"]\nrun = "true"\nenabled = false\n', encoding="utf-8")
    assert guard("--config", str(config), "run", NAME).returncode == 75


def test_a_dry_run_remembers_nothing(guard: Guard) -> None:
    """It shows the plan and leaves no trace."""
    assert "> 1: ls -la" in guard.run("--dry-run", "--", "ls", "-la").stdout
    assert not guard.state.exists()
