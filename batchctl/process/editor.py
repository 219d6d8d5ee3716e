"""The operator's editor, on the operator's terminal."""

from __future__ import annotations

import os
import shutil
import subprocess

_USUAL = ("sensible-editor", "editor", "vi", "nano")


def editor() -> str | None:
    """Return the shell words of $VISUAL, $EDITOR or what the system has; None where there is no editor."""
    named = os.environ.get("VISUAL", "").strip() or os.environ.get("EDITOR", "").strip()
    return named or next((name for name in _USUAL if shutil.which(name)), None)


def open_in(words: str, path: str) -> int:
    """Open a file in an editor, wait until it is left, and return its exit code; `words` are read by the shell."""
    return subprocess.run(["/bin/sh", "-c", f'{words} "$1"', "editor", path], check=False).returncode
