"""Whatever a step writes is kept as it is, shown as harmless text, and costs the supervisor no memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from firing import ended, fire, start
from support import batchctl, job, rows, step, wait_for

from batchctl.process.capping import Cap
from batchctl.store import tail
from batchctl.store.logfile import Log

MIB = 1 << 20
_HOSTILE = (
    b"nul \x00 bell \x07 back \x08 del \x7f c1 \x9b31m\n"
    b"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H \x1bc\n"
    b"invalid \xff\xfe \xc3\n"
    b"[red]markup[/red] [link=http://x]y[/link] :smile: {braces} %s\n"
    b"over\rwritten\r\n" + "뒤집기 \u202eabc\u202c 한글\n".encode()
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a file with all that a terminal could obey."""
    file = tmp_path / "hostile"
    file.write_bytes(_HOSTILE)
    return file


def configured(tmp_path: Path, text: str) -> list[str]:
    """Write the configuration and return the global options."""
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]


def assert_harmless(shown: str) -> None:
    """No character of what was shown does anything to a terminal."""
    dangerous = {char for char in shown if (ord(char) < 0x20 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0}
    assert dangerous | {char for char in shown if char in "\u202e\u202c"} == set()


def test_hostile_output_is_stored_byte_for_byte(state: Path, hostile: Path) -> None:
    """NULs, invalid UTF-8 and escapes, on stdout and stderr: the file has exactly what was written."""
    fire(job(step("1", f"cat {hostile}; cat {hostile} >&2")), state)
    assert (state / "runs/1/1-1.log").read_bytes() == 2 * _HOSTILE


def test_hostile_output_is_shown_and_never_obeyed(tmp_path: Path, hostile: Path) -> None:
    """In the failure report, in `logs`, and as a result in `status` and every format of `report`."""
    result = json.dumps({"note": _HOSTILE.decode(errors="replace"), "[bold]": "\x1b[31m"})
    (tmp_path / "result").write_text(result)
    line = f"cat {hostile}; cp {tmp_path}/result $BATCHCTL_RESULT; exit 3"
    options = configured(tmp_path, f"[jobs.x]\nrun = '''{line}'''\n")
    failed = batchctl(*options, "run", "x", errors="strict")
    assert failed.returncode == 1
    assert "\\x1b[31mred" in failed.stderr
    assert "[red]markup[/red]" in failed.stderr
    assert_harmless(failed.stderr)
    logs = batchctl(*options, "logs", "x")
    assert "\\x1b[31mred\\x1b[0m" in logs.stdout
    assert "[red]markup[/red] [link=http://x]y[/link] :smile:" in logs.stdout
    assert "nul \\x00 bell \\x07" in logs.stdout
    assert_harmless(logs.stdout)
    for command in ("status", "status x", "status --json", "report", "report x", "report --json", "report --format csv",
                    "report --format md", "report --format html", "explain x", "run x --dry-run --resume"):  # fmt: skip
        shown = batchctl(*options, *command.split())
        assert shown.returncode in {0, 1}, shown.stderr
        assert_harmless(shown.stdout.replace("\r\n", "\n") if "csv" in command else shown.stdout)


@pytest.mark.parametrize(
    "written",
    [
        b"",  # nothing
        b"not json",
        b"[1, 2]",  # no object
        b'{"half": ',
        b"\xff\xfe",  # no text
        b"[" * 500_000,  # deeper than any stack
        b'{"a":' * 150_000 + b"1" + b"}" * 150_000,  # an object, as deep
        b'{"long": "' + b"x" * 2 * MIB + b'"}',  # too long
        b'{"digits": ' + b"9" * 100_000 + b"}",  # a number that Python refuses
    ],
    ids=range(9),
)
def test_a_result_that_is_none_hurts_nothing(state: Path, tmp_path: Path, written: bytes) -> None:
    """What a step leaves as its result may be anything: the step has succeeded, without a result."""
    (tmp_path / "result").write_bytes(written)
    found = fire(job(step("1", f"cp {tmp_path}/result $BATCHCTL_RESULT"), step("2")), state)
    assert [(one["status"], one["result"]) for one in found["steps"]] == [("succeeded", None)] * 2


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('{"rate": NaN, "most": Infinity, "huge": 1e999}', {"rate": None, "most": None, "huge": None}),  # no JSON
        (r'{"half": "\ud83d"}', {"half": "?"}),  # half of a surrogate pair is no text
        ('{"a": {"b": [1, "둘", null, true, 1.5]}}', {"a": {"b": [1, "둘", None, True, 1.5]}}),  # what it should be
    ],
)
def test_results_are_kept_as_json_that_everybody_reads(state: Path, tmp_path: Path, written: str, kept: Any) -> None:
    """What JSON does not have becomes null, and the rest stays as it was written."""
    (tmp_path / "result").write_text(written)
    found = fire(job(step("1", f"cp {tmp_path}/result $BATCHCTL_RESULT")), state)
    assert found["steps"][0]["result"] == kept
    assert json.loads(rows(state, "select result from steps")[0][0]) == kept


@pytest.mark.parametrize("what", ["mkfifo {}", "ln -s /dev/zero {}", "mkdir {}", "ln -s {} {}"])
def test_a_result_that_is_no_file_holds_nothing_up(state: Path, what: str) -> None:
    """A pipe, a device, a directory, a link to itself: the run ends all the same."""
    line = what.replace("{}", "$BATCHCTL_RESULT")
    found = fire(job(step("1", line), step("2")), state)
    assert (found["status"], found["steps"][0]["result"]) == ("succeeded", None)


# The cron line's own entry, which says at its very end how much memory it has ever had.
_MEASURED = """
import os, sys
def leave(code):
    with open('/proc/self/status') as status, open(os.environ['PEAK'], 'w') as file:
        file.write(next(line.split()[1] for line in status if line.startswith('VmHWM')))
    real(code)
real, os._exit = os._exit, leave
from batchctl.__main__ import entry
entry()
"""


@pytest.mark.slow
def test_a_gibibyte_without_a_newline_costs_no_memory(state: Path, tmp_path: Path) -> None:
    """The log has all of it, the supervisor stays below 25 MiB to its end, and readers of the end read no more."""
    line = "head -c 1G /dev/zero; touch $UP; while ! test -e $GO; do sleep 0.05; done; exit 1"
    options = configured(tmp_path, f'[jobs.first]\nrun = "true"\n[jobs.x]\nrun = "{line}"\n')
    os.utime(tmp_path / "c.toml", (0, 0))  # long there, so that it is compiled
    assert batchctl(*options, "run", "first").returncode == 0
    up, go, most = tmp_path / "up", tmp_path / "go", tmp_path / "peak"
    environment = {**os.environ, "UP": str(up), "GO": str(go), "PEAK": str(most)}
    command = [sys.executable, "-c", _MEASURED, *options, "run", "x"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    log = state / "runs/2/1-1.log"
    try:
        wait_for(up.exists, "the gibibyte", limit=120)
        assert log.stat().st_size == 1 << 30
        assert_reads_little(options)
    finally:
        go.touch()
        _, said = process.communicate(timeout=60)
        log.unlink(missing_ok=True)
    assert process.returncode == 1
    assert len(said) < 10_000
    assert_harmless(said.decode())
    assert int(most.read_text()) < 25 * 1024, f"{most.read_text()} KiB"


def assert_reads_little(options: list[str]) -> None:
    """Check that `logs -n 20` of a line of a gibibyte reads its end, says so, and is soon done."""
    counted = (
        "import sys; from batchctl.commands.cli import main; code = main(sys.argv[1:]); sys.stdout.flush()\n"
        "sys.stderr.write(open('/proc/self/io').read())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", counted, *options, "logs", "x", "-n", "20"], capture_output=True, check=True, timeout=60
    )
    read = next(int(line.split()[1]) for line in done.stderr.decode().splitlines() if line.startswith("rchar"))
    assert read < 32 * MIB, f"{read} bytes"
    assert b"bytes before this are not shown" in done.stdout
    assert len(done.stdout) < 10 * MIB


def test_a_long_last_line_is_shown_from_its_end(tmp_path: Path) -> None:
    """The reader starts within the line, at a character, and says how much is before it; short lines are all shown."""
    file = tmp_path / "log"
    file.write_bytes("한".encode() * MIB + b"END\n")
    log = Log(str(file))
    assert log.seek_last_lines(5) == 1
    text = "".join(str(piece) for piece in log.read())
    assert 0 < log.left_out < 3 * MIB
    assert set(text) == {"한", "E", "N", "D", "\n"}
    assert len(text.encode()) + log.left_out == file.stat().st_size
    file.write_bytes(b"".join(b"%d\n" % number for number in range(300_000)))
    log = Log(str(file))
    assert (log.seek_last_lines(250_000), log.left_out) == (250_000, 0)


def _blocks(path: Path) -> int:
    return path.stat().st_blocks * 512


def _may_have_holes(place: Path) -> bool:
    probe = place / "probe"
    probe.write_bytes(b"x" * MIB)
    Cap(str(probe), 64 * 1024).apply()
    return _blocks(probe) < MIB


def test_log_max_caps_what_stays_on_disk(tmp_path: Path) -> None:
    """Head and tail are kept, the middle is given back to the disk, and `logs` and the failure report show the cut."""
    if not _may_have_holes(tmp_path):
        pytest.skip("this file system has no holes, so all of a log is kept")
    line = "echo HEAD; head -c 40M /dev/zero | tr '\\\\0' 'x'; echo; for i in $(seq 30); do echo line $i; done; exit 1"
    options = configured(tmp_path, f'[jobs.x]\nlog_max = "1MiB"\nrun = "{line}"\n')
    done = batchctl(*options, "run", "x")
    log = tmp_path / "state/runs/1/1-1.log"
    assert log.stat().st_size > 40 * MIB
    assert _blocks(log) <= MIB + 2 * 4096
    assert "| line 30" in done.stderr
    assert "\\x00" not in done.stderr
    shown = batchctl(*options, "logs", "x").stdout
    assert shown.startswith("HEAD\n")
    assert shown.endswith("line 29\nline 30\n")
    assert "bytes of the middle were cut" in shown
    assert "\\x00" not in shown
    assert len(shown) < 1.1 * MIB


def test_a_small_cap_leaves_no_hole_in_the_last_lines(tmp_path: Path) -> None:
    """Where the tail that is kept is shorter than what a report would read, it begins at the tail."""
    if not _may_have_holes(tmp_path):
        pytest.skip("this file system has no holes, so all of a log is kept")
    log = tmp_path / "log"
    log.write_bytes(b"head\n" + b"x" * 200_000 + b"\n" + b"last\n" * 100)
    cap = Cap(str(log), 16384)
    cap.apply()
    cap.apply()
    lines = tail.last_lines(str(log))
    assert lines == ["last"] * 20
    assert not any("\\x00" in line for line in tail.last_lines(str(log), lines=1000))


def test_without_holes_all_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file system refuses, the log stays whole and nobody notices."""
    from batchctl.process import capping

    log = tmp_path / "log"
    log.write_bytes(b"x" * MIB)
    monkeypatch.setattr(capping, "_PUNCH_HOLE", 0x4000)  # a flag that no kernel knows
    Cap(str(log), 65536).apply()
    assert log.read_bytes() == b"x" * MIB


def test_a_cap_does_not_slow_the_step(state: Path) -> None:
    """The step is never waited for and writes into the same file all along: it loses no byte at its end."""
    line = "i=0; while [ $i -lt 200 ]; do head -c 100000 /dev/zero; i=$((i+1)); done; echo; echo THE END"
    found = fire(job(step("1", line, log_max=100_000)), state)
    log = state / "runs/1/1-1.log"
    assert found["code"] == 0
    assert log.stat().st_size == 200 * 100_000 + 9
    assert log.read_bytes().endswith(b"\0\nTHE END\n")


def test_output_goes_on_when_the_supervisor_is_dead(state: Path, tmp_path: Path) -> None:
    """After kill -9 of batchctl not a line of the step is lost: the file is the step's own."""
    up = tmp_path / "up"
    line = f"for i in 1 2 3; do echo $i; done; touch {up}; sleep 0.5; for i in 4 5 6; do echo $i; done"
    process = start(job(step("1", line)), state)
    wait_for(up.exists, "the step")
    process.kill()
    process.communicate()
    wait_for(lambda: (state / "runs/1/1-1.log").read_text() == "1\n2\n3\n4\n5\n6\n", "the rest of the output")
    assert ended(start(job(), state))["code"] in {0, 75}
