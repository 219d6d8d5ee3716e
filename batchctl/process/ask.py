"""Asking a program: one short question within limits, or what is handed over whole and answered in bytes."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from batchctl.process.feed import feed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LIMIT = 60.0
_LONGEST = 500


def ask(argv: tuple[str, ...], env: Mapping[str, str], cwd: str | None, user: str | None = None) -> tuple[int, str]:
    """Run a program to its end and return its exit code and the last line of what it said, of either stream.

    It runs as us, or where we are root as `user`. It gets 60 seconds (exit code 124 stands for more); what it
    started is ended with it.
    """
    code, said = feed(argv, b"", _LIMIT, env=env, cwd=cwd, user=user)
    lines = said.strip().splitlines()
    return code, lines[-1][:_LONGEST] if lines else ""


def lines_of(argv: Callable[[int], tuple[str, ...]], cwd: str | None) -> tuple[int, list[bytes], str]:
    """Run a program within the same limits; return its exit code, the whole lines that it answers, and its last words.

    The answer goes to a descriptor of its own, which `argv` is given: no print of whatever the program runs reaches it.
    """
    answer = os.memfd_create("batchctl")
    try:
        code, said = feed(argv(answer), b"", _LIMIT, cwd=cwd, inherits=(answer,))
        content = os.pread(answer, os.fstat(answer).st_size, 0)
    finally:
        os.close(answer)
    words = said.strip().splitlines()
    return code, content.split(b"\n")[:-1], words[-1][:_LONGEST] if words else ""


def exchange(argv: tuple[str, ...], content: bytes, env: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    """Run a program to its end with `content` as its stdin; return its exit code and all of its stdout and stderr.

    Raises:
        OSError: if it cannot be started.
    """
    done = subprocess.run(argv, input=content, capture_output=True, check=False, env=env)
    return done.returncode, done.stdout, done.stderr
