"""Handing a program something to read: what it says is kept, what it starts goes with it, and it gets so much time."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from firing import with_argument
from support import wait_for

from batchctl.process.feed import feed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("argv", "content", "code", "said"),
    [
        (["cat"], "한 줄".encode(), 0, "한 줄"),  # stdin to stdout
        (["sh", "-c", "echo out; echo err >&2; exit 3"], b"", 3, "out\nerr\n"),  # both streams
        (["true"], b"x" * 1_000_000, 0, ""),  # a program that does not read is not waited for
        (["/nowhere/program"], b"", 127, "cannot start /nowhere/program: No such file or directory"),
        (["sh", "-c", "kill -9 $$"], b"", -9, ""),
    ],
    ids=["stdin", "streams", "deaf", "missing", "killed"],
)
def test_what_a_program_ends_with(argv: list[str], content: bytes, code: int, said: str) -> None:
    """Its exit code and what it said, of either stream."""
    assert feed(argv, content, 30) == (code, said)


def test_only_the_end_of_much_is_kept() -> None:
    """64 KiB at most, the last of them: an alert's program may write what it likes."""
    code, said = feed(["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; echo end"], b"", 30)
    assert (code, len(said)) == (0, 65536)
    assert said.endswith("xend\n")


def test_time_is_limited_and_nothing_is_left_behind(tmp_path: Path) -> None:
    """After the limit the program is ended with all it started; 124 says so, and what it had said is kept."""
    token = str(tmp_path)
    begun = time.monotonic()
    code, said = feed(["sh", "-c", f"echo begun; sleep 300 & exec sh -c 'sleep 300' {token}"], b"", 0.3)
    assert (code, said) == (124, "begun\n\nno answer within 0 s")
    assert time.monotonic() - begun < 30
    wait_for(lambda: not with_argument(token), "its processes to be gone")


def test_what_goes_on_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    """A child that keeps the output open is ended with the program, and delays nothing."""
    token = str(tmp_path)
    assert feed(["sh", "-c", f"sh -c 'sleep 300' {token} & echo done"], b"", 30) == (0, "done\n")
    wait_for(lambda: not with_argument(token), "its child to be gone")


def test_surroundings_are_given_or_ours(tmp_path: Path) -> None:
    """Environment and working directory are this process's unless others are named."""
    assert feed(
        ["sh", "-c", "echo $A; pwd"], b"", 30, env={"A": "갑", "PATH": os.environ["PATH"]}, cwd=str(tmp_path)
    ) == (
        0,
        f"갑\n{tmp_path}\n",
    )
