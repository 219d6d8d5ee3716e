"""What a run's output and results say at its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from support import job, step

from batchctl.core.model import Alerting, Condition, Expect
from batchctl.core.run import Attempt, Run, StepRun
from batchctl.engine.outputs import LIMIT, judge, matches

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("output", "patterns", "expected"),
    [
        # plain text, counted, with the first line
        (b"ok\nERROR one\nERROR two\n", ["ERROR"], [("ERROR", 2, "ERROR one")]),
        # no regular expression
        (b"a.c\nabc\n", ["a.c"], [("a.c", 1, "a.c")]),
        # Hangul, and several texts in the order asked for
        ("업로드 실패\nERROR\n".encode(), ["ERROR", "실패"], [("ERROR", 1, "ERROR"), ("실패", 1, "업로드 실패")]),
        # not there
        (b"fine\n", ["ERROR"], []),
        # no output at all, and nothing asked for
        (b"", ["ERROR"], []),
        (b"ERROR", [], []),
        # no line end, bytes that are no UTF-8
        (b"\xff\xfeERROR\xff", ["ERROR"], [("ERROR", 1, "\ufffd\ufffdERROR\ufffd")]),
    ],
)  # fmt: skip
def test_matches(tmp_path: Path, output: bytes, patterns: list[str], expected: list[tuple[str, int, str]]) -> None:
    """Texts are found as they are written."""
    path = tmp_path / "1.log"
    path.write_bytes(output)
    assert matches(patterns, str(path)) == expected


@pytest.mark.parametrize("at", [0, 1024 * 1024 - 2, 1024 * 1024 - 5, 3 * 1024 * 1024 + 7])
def test_across_blocks(tmp_path: Path, at: int) -> None:
    """A text that lies across two blocks is found once; beside it a shorter one is not counted twice."""
    path = tmp_path / "1.log"
    path.write_bytes(b"." * at + b"ERROR" + b"." * (4 * 1024 * 1024 - at))
    assert [(pattern, count) for pattern, count, _ in matches(["ERROR", "R", "a-much-longer-one"], str(path))] == [
        ("ERROR", 1),
        ("R", 3),
    ]


def test_one_line_of_10_mb(tmp_path: Path) -> None:
    """What is quoted of it is short, and has the text in it."""
    path = tmp_path / "1.log"
    path.write_bytes(b"x" * 10_000_000 + b"ERROR" + b"y" * 10_000_000)
    [(_, count, line)] = matches(["ERROR"], str(path))
    assert count == 1
    assert "ERROR" in line
    assert len(line) < 250


def test_a_log_beyond_the_limit(tmp_path: Path) -> None:
    """Of a log that is larger the beginning and the end are looked at, and the middle is not read."""
    path = tmp_path / "1.log"
    with path.open("wb") as file:
        file.write(b"FIRST\n")
        file.seek(LIMIT)
        file.write(b"MIDDLE\n")
        file.seek(2 * LIMIT)
        file.write(b"LAST\n")
    assert [found[0] for found in matches(["FIRST", "MIDDLE", "LAST"], str(path))] == ["FIRST", "LAST"]


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    """A log that is missing, a link, a pipe or a directory: a run must not end otherwise for it."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").write_text("ERROR")
    for name in ("missing", "pipe", "link", "."):
        assert matches(["ERROR"], str(tmp_path / name)) == []


def test_secrets_are_masked_before_the_line_is_cut(tmp_path: Path) -> None:
    """No part of a secret shows, wherever in the line it lies."""
    secret = "s3cret-" * 40
    for place in range(0, 600, 37):
        path = tmp_path / "1.log"
        path.write_text("." * place + secret + " ERROR " + "." * (600 - place) + secret + "\n")
        [(_, _, line)] = matches(["ERROR"], str(path), secrets=(secret,))
        assert "s3cret" not in line
        assert "ERROR" in line


def a_run(state: Path, output: bytes, result: dict[str, Any] | None, status: str = "succeeded") -> Run:
    """Return a run of one step that has ended."""
    made = StepRun(1, step("31"))
    made.result = result
    made.attempts.append(Attempt(1, "runs/1/1-1.log", 0.0))
    (state / "runs" / "1").mkdir(parents=True)
    (state / "runs" / "1" / "1-1.log").write_bytes(output)
    run = Run(1, "작업", 0.0, "token", [made])
    run.status = status
    return run


def test_judge(tmp_path: Path) -> None:
    """Results out of bounds belong to the run, texts found to the step whose output has them."""
    one = job(
        step("31"),
        expect=Expect(conditions=(Condition(key="n", operator=">=", bound=5.0),)),
        alerting=Alerting(alert_on_output=("ERROR",)),
    )
    found = judge(a_run(tmp_path, b"an ERROR\n", {"n": 3}), one, str(tmp_path))
    assert [(warning.seq, warning.kind, warning.text) for warning in found] == [
        (0, "expect", "step 31: n is 3, expected n >= 5"),
        (1, "output", "step 31 wrote 'ERROR' once: an ERROR"),
    ]


def test_judge_of_a_run_that_failed(tmp_path: Path) -> None:
    """A result that a failed run did not come to is not missed."""
    one = job(step("31"), expect=Expect(conditions=(Condition(key="n", operator=">=", bound=5.0),)))
    assert judge(a_run(tmp_path, b"", None, status="failed"), one, str(tmp_path)) == []


def test_nothing_asked_for(tmp_path: Path) -> None:
    """A job without conditions has no warnings, whatever it wrote."""
    assert judge(a_run(tmp_path, b"ERROR", {"n": 0}), job(step("31")), str(tmp_path)) == []
