"""Work that is left to a session of its own."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from support import wait_for

from batchctl.base.errors import StateError
from batchctl.process import background

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_zombies() -> Iterator[None]:
    """Wait for the work that a test has left to itself: the asker, who would go, is this process here."""
    yield

    def all_reaped() -> bool:
        try:
            return os.waitpid(-1, os.WNOHANG) is None
        except ChildProcessError:
            return True

    wait_for(all_reaped, "the work to end")


def test_the_asker_goes_as_soon_as_it_is_told(tmp_path: Path) -> None:
    """What is told comes back at once; the work goes on in another session, without streams, and ends by itself."""
    go, seen = tmp_path / "go", tmp_path / "seen"

    def work(tell: background.Tell) -> int:
        tell(0, "7\n한글\n")
        wait_for(go.exists, "the word to go on")
        print("to nobody")  # noqa: T201 - that is what is tested
        streams = {os.readlink(f"/proc/self/fd/{stream}") for stream in range(3)}
        (tmp_path / "part").write_text(f"{os.getsid(0)} {os.getpid()} {' '.join(streams)}")
        (tmp_path / "part").rename(seen)
        return 1

    assert background.leave(work) == (0, "7\n한글\n")
    assert not seen.exists()
    go.touch()
    session, pid, *streams = wait_for(lambda: seen.exists() and seen.read_text().split(), "the work's end")
    assert session == pid != str(os.getpid())
    assert streams == ["/dev/null"]


def test_what_ends_without_a_word_gives_its_exit_code() -> None:
    """A refusal is the asker's exit code."""
    assert background.leave(lambda _: 75) == (75, "")


def test_more_than_a_pipe_holds(tmp_path: Path) -> None:
    """The object of a run of thousands of steps comes back whole."""
    said = "x" * 1_000_000

    def work(tell: background.Tell) -> int:
        tell(0, said)
        return 0

    assert background.leave(work) == (0, said)


def test_an_end_before_the_first_word_is_no_success() -> None:
    """Nobody knows what became of it, and that is said."""

    def work(_: background.Tell) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    with pytest.raises(StateError, match="ended in the background"):
        background.leave(work)
