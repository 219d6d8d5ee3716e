"""Asking a program one short question, with a limit on its time and on what it may answer."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

from batchctl.process.spawn import NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT = 60.0
_LONGEST = 500


def ask(argv: tuple[str, ...], env: Mapping[str, str], cwd: str | None) -> tuple[int, str]:
    """Run a program to its end and return its exit code and the last line of what it said, of either stream.

    It gets 60 seconds (exit code 124 stands for more) and a process group of its own, which is ended with it.
    """
    try:
        with subprocess.Popen(
            argv,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=_LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return 124, f"no answer within {_LIMIT:.0f} s"
    except OSError as error:
        return NOT_FOUND, f"{argv[0]}: {error.strerror}"
    lines = output.decode(errors="replace").strip().splitlines()
    return process.returncode, lines[-1][:_LONGEST] if lines else ""
