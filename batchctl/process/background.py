"""Work in a session of its own: whoever asked for it goes on as soon as the work is under way.

No terminal's end reaches it, and no shell's. Until it is under way, or has ended, it speaks through the streams that it
was given, so a refusal is seen by whoever asked; from then on it has none.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from batchctl.base.errors import EXIT_BUG, StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    Tell = Callable[[int, str], None]
    """Says with which exit code and which output the asker may go; once."""


def leave(work: Callable[[Tell], int]) -> tuple[int, str]:
    """Begin the work and return what it tells, or the exit code that it returns before it has told anything.

    Raises:
        StateError: if it was ended before that.
        OSError: if the machine is out of processes.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        if os.fork() == 0:
            _work(work, writer)
    finally:
        os.close(writer)
    with open(reader, "rb") as answer:
        code, _, said = answer.read().partition(b"\n")
    if not code:
        message = "batchctl was ended in the background before it could tell what became of the fire"
        raise StateError(message, remedy="see `batchctl status`, then fire again")
    return int(code), said.decode()


def _work(work: Callable[[Tell], int], writer: int) -> NoReturn:
    code = EXIT_BUG
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        answer = open(writer, "wb")  # noqa: SIM115 - closed by the first word

        def tell(number: int, said: str) -> None:
            for stream in (1, 2):
                os.dup2(nothing, stream)
            with suppress(OSError, ValueError), answer:  # who asked may have gone, or has its answer already
                answer.write(f"{number}\n{said}".encode(errors="surrogateescape"))

        code = work(tell)
        sys.stdout.flush()
        sys.stderr.flush()
        tell(code, "")
    finally:
        os._exit(code)
