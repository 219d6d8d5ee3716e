"""`batchctl logs`: what a run wrote, shown and never obeyed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from history_rows import HOUR, Rows, in_c_locale
from support import batchctl, start_batchctl

from batchctl.base import clock
from batchctl.commands.cli import main
from batchctl.core.run import Identity

JOB = "일괄-작업"
CONFIG = """
[jobs."일괄-작업"]
steps = [{ id = "31", run = "true" }]
[jobs.other]
steps = [{ id = "1", run = "true" }]
"""


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be at a terminal of 80 columns that knows Unicode, wherever the tests run."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """Make an empty history."""
    return Rows(tmp_path / "state")


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Write the configuration and return the global options."""
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]


def two_steps(rows: Rows) -> int:
    """Insert a run of two steps, the second tried twice."""
    run = rows.run(JOB, clock.now() - HOUR)
    rows.step(run, 1, "31")
    rows.step(run, 2, "32", attempts=2)
    rows.log(run, 1, 1, "하나\n둘\n".encode())
    rows.log(run, 2, 1, b"first try")
    rows.log(run, 2, 2, b"second\ntry\n")
    return run


WHOLE = (
    "── step 31 · attempt 1 ──\n하나\n둘\n── step 32 · attempt 1 ──\nfirst try\n"
    "── step 32 · attempt 2 ──\nsecond\ntry\n"
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), WHOLE),  # the last run, all of it
        (("--run", "1"), WHOLE),  # the same by its id
        (("--step", "31"), "하나\n둘\n"),  # one attempt needs no heading
        (("--step", "32"), WHOLE[WHOLE.index("── step 32") :]),  # two attempts do
        (("-n", "1"), "── step 32 · attempt 2 ──\ntry\n"),  # the last line of all
        (("-n", "3"), WHOLE[WHOLE.index("── step 32") :]),  # across attempts
        (("-n", "4"), WHOLE.replace("하나\n", "")),  # across steps
        (("--step", "31", "-n", "1"), "둘\n"),  # of one step
        (("-n", "99"), WHOLE),  # more than there are
        (("-n", "0"), ""),  # none
        (("-f",), WHOLE),  # a run that has ended is not waited for
    ],
)
def test_selection(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, words: tuple[str, ...], expected: str
) -> None:
    """Run, step and number of lines choose what is printed."""
    two_steps(rows)
    assert main([*command, "logs", JOB, *words]) == 0
    assert capsys.readouterr() == (expected, "")


def test_output_is_shown_and_never_obeyed(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """Escapes, NULs, reordering and bytes that are no text become visible, markup stays; what was drawn over goes."""
    run = rows.run(JOB, clock.now())
    rows.step(run, 1, "31")
    rows.log(run, 1, 1, "\x1b]0;owned\x07\x00 [red]a[/red]\ttab\r\nb\rc \u202eevil \x9b1m".encode() + b"\xff\n")
    assert main([*command, "logs", JOB]) == 0
    expected = "\\x1b]0;owned\\x07\\x00 [red]a[/red]\ttab\nc \\u202eevil \\x9b1m\ufffd\n"
    assert capsys.readouterr().out == expected


def test_a_cut_is_told(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """Where a log lost its middle, a line of its own says how much."""
    run = rows.run(JOB, clock.now())
    rows.step(run, 1, "31")
    path = rows.log(run, 1, 1, b"begin\n".ljust(4096, b"."))
    with path.open("r+b") as file:
        file.seek(1 << 30)
        file.write(b"end\n")
    assert main([*command, "logs", JOB]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[-2:]) == ("begin", [f"[… {(1 << 30) - 4096:,} bytes of the middle were cut]", "end"])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nobody",), "there is no job 'nobody'"),  # not in the configuration, nor in the history
        (("other",), "other has never run"),  # nothing to show yet
        ((JOB, "--run", "99"), f"{JOB} has no run 99"),  # no such run
        (("other", "--run", "1"), f"other has no run 1; it is a run of {JOB}"),  # of another job
        ((JOB, "--step", "64"), "run 1 of 일괄-작업 has no step '64'"),  # no such step
    ],
)
def test_what_is_not_there(
    command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows, words: tuple[str, ...], complaint: str
) -> None:
    """What was asked for and is not there is named, with what to do, and exit 2."""
    two_steps(rows)
    assert main([*command, "logs", *words]) == 2
    err = capsys.readouterr().err
    assert complaint in err
    assert "  → " in err


def test_nothing_written_and_logs_gone(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """An empty log and a removed one are told apart, on stderr."""
    run = rows.run(JOB, clock.now())
    rows.step(run, 1, "31")
    path = rows.log(run, 1, 1, b"")
    assert main([*command, "logs", JOB]) == 0
    assert capsys.readouterr() == ("", f"run {run} of {JOB} has written nothing\n")
    path.unlink()
    assert main([*command, "logs", JOB]) == 0
    assert capsys.readouterr() == ("", f"the logs of run {run} of {JOB} are gone\n")


def test_a_job_that_left_the_configuration(command: list[str], capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """Its history stays readable."""
    run = rows.run("gone", clock.now())
    rows.step(run, 1, "1")
    rows.log(run, 1, 1, b"still here\n")
    assert main([*command, "logs", "gone"]) == 0
    assert capsys.readouterr().out == "still here\n"


@pytest.fixture
def three_runs(rows: Rows) -> Rows:
    """Make runs of two jobs and of one that left the configuration, an old one among them."""
    now = clock.now()
    for job, hours, output in (
        (JOB, 100, "ERROR old\n"),
        (JOB, 3, "fine\n\x1b[31mERR\x1b[0mOR one\nfine"),
        ("other", 2, "warning\nERROR two\n"),
        ("gone", 1, "no newline ERROR three"),
    ):
        run = rows.run(job, now - hours * HOUR)
        rows.step(run, 1, "31")
        rows.log(run, 1, 1, output.encode())
    return rows


ONE = f"── {JOB} run 2 · step 31 · attempt 1 ──\n\\x1b[31mERR\\x1b[0mOR one\n"
TWO = "── other run 3 · step 31 · attempt 1 ──\nERROR two\n"
THREE = "── gone run 4 · step 31 · attempt 1 ──\nno newline ERROR three\n"
OLD = f"── {JOB} run 1 · step 31 · attempt 1 ──\nERROR old\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--all-jobs --grep ERROR", ONE + TWO + THREE),  # of the last day, through colours
        ("--all-jobs --grep ERROR --since 5d", OLD + ONE + TWO + THREE),
        ("--all-jobs --grep ERROR --since 2.5h", TWO + THREE),
        ("--all-jobs --grep ERROR -n 1", THREE),  # the last of all
        ("--all-jobs --grep ERROR --step 32", ""),
        ("--all-jobs --grep ^E.*two$", TWO),  # a regular expression
        ("other --grep ERROR", TWO),  # of the last run of a job
        (f"{JOB} --grep ERROR --since 5d", OLD + ONE),  # of all its runs since
        (f"{JOB} --grep ERROR --run 1", OLD),
        ("other --since 1d", TWO.replace("ERROR two", "warning\nERROR two")),
    ],
)
@pytest.mark.usefixtures("three_runs")
def test_lines_of_several_runs(
    command: list[str], capsys: pytest.CaptureFixture[str], words: str, expected: str
) -> None:
    """Oldest first, each run and step under a heading, only what was looked for."""
    assert main([*command, "logs", *words.split()]) == 0
    assert capsys.readouterr() == (expected, "")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "name a job, or give --all-jobs"),
        (f"{JOB} --all-jobs", "--all-jobs and a job contradict each other"),
        ("--all-jobs --raw", "--raw and --all-jobs contradict each other"),
        ("--all-jobs -f", "-f and --all-jobs contradict each other"),
        (f"{JOB} --since 1d --run 1", "--run and --since contradict each other"),
        ("--all-jobs --grep (", "--grep: '(' is no regular expression"),
        ("--all-jobs --since yesterday", "--since: 'yesterday' is neither a time nor a duration"),
        ("nobody --since 1d", "there is no job 'nobody'"),
    ],
)
@pytest.mark.usefixtures("three_runs")
def test_what_cannot_be_looked_for(
    command: list[str], capsys: pytest.CaptureFixture[str], words: str, complaint: str
) -> None:
    """Exit 2 with what to do."""
    assert main([*command, "logs", *words.split()]) == 2
    assert complaint in capsys.readouterr().err


def test_raw_bytes_are_those_that_were_written_but_for_secrets(command: list[str], tmp_path: Path, rows: Rows) -> None:
    """Every byte comes through, a cut character too, and a secret in any script does not."""
    (tmp_path / "c.toml").write_text(f"{CONFIG}env = {{ KEY = '열쇠-4711' }}\nsecrets = ['KEY']\n", encoding="utf-8")
    output = bytes(range(256)) + b"\r50%\r\n\xec\x97\n"
    run = rows.run("other", clock.now())
    rows.step(run, 1, "1")
    rows.log(run, 1, 1, output + "열쇠-4711\n".encode() + output)
    line = [sys.executable, "-m", "batchctl", *command, "logs", "other", "--raw"]
    assert subprocess.run(line, capture_output=True, check=True).stdout == output + b"***\n" + output


def test_follow_until_the_run_ends(command: list[str], rows: Rows) -> None:
    """Following goes on across steps and ends with the run, with everything printed."""
    elsewhere = Identity(host="elsewhere", boot_id="b", pid=1, start_ticks=1)
    run = rows.run(JOB, clock.now(), None, owner=elsewhere)
    rows.step(run, 1, "31", "running")
    rows.step(run, 2, "32", "pending")
    log = rows.log(run, 1, 1, b"one\n")
    with start_batchctl(*command, "logs", JOB, "-f") as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["── step 31 · attempt 1 ──\n", "one\n"]
        with log.open("ab", buffering=0) as file:
            file.write("둘".encode()[:2])
            file.write("둘".encode()[2:] + b"\n")
        assert process.stdout.readline() == "둘\n"
        rows.log(run, 2, 1, b"three")
        assert process.stdout.readline() == "── step 32 · attempt 1 ──\n"
        rows.change("update runs set status = 'succeeded', ended_at = started_at, duration_s = 0 where id = ?", run)
        assert process.stdout.read() == "three\n"
        assert process.wait(60) == 0


def test_follow_ends_with_a_lost_run(command: list[str], rows: Rows) -> None:
    """A run whose owner is gone will never write again."""
    run = rows.run(JOB, clock.now() - HOUR, None)
    rows.step(run, 1, "31", "running")
    rows.log(run, 1, 1, b"cut short")
    done = batchctl(*command, "logs", JOB, "-f")
    assert (done.returncode, done.stdout) == (0, "cut short\n")


def test_c_locale(command: list[str], rows: Rows) -> None:
    """In the C locale the headings are ASCII and the output is whole."""
    two_steps(rows)
    done = batchctl(*command, "logs", JOB, env=in_c_locale())
    assert done.stdout == WHOLE.replace("──", "--").replace("·", "-")
