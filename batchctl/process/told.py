"""Running a program to its end and hearing all that it says."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def told(command: Sequence[str]) -> tuple[int, str, str]:
    """Run a program with an empty stdin; return its exit code and what it wrote to stdout and stderr.

    Whoever is interrupted while waiting (Ctrl-C) asks the program to end, and waits until it has.

    Raises:
        OSError: if it cannot be started.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        errors="replace",
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate()
        except BaseException:
            process.terminate()
            raise
    return process.returncode, out, err
