"""Python's UTF-8 mode where the locale is of another encoding, and nothing has coerced it.

Names, paths, parameters and what is said to steps are UTF-8, whatever the locale. The mode cannot be entered later, so
batchctl begins again; a flag of the interpreter, unlike a variable, is not inherited by steps.
"""

from __future__ import annotations

import _locale
import io
import os
import sys

_PLAIN = frozenset({"utf-8", "utf8", "ansi_x3.4-1968", "ascii", "us-ascii"})
"""What UTF-8 can be said to: a C locale promises nothing of what is behind it."""


def speak_utf8() -> None:
    """Enter the mode; within it, read arguments and write both streams as a terminal of the locale needs it."""
    if sys.getfilesystemencoding() != "utf-8":
        with open("/proc/self/cmdline", "rb") as file:  # what Python made of it need not lead back to the same bytes
            words = file.read().split(b"\0")[1:-1]
        os.execv(sys.executable, [os.fsencode(sys.executable), b"-X", b"utf8", *words])  # noqa: S606 - ourselves
    encoding = _locale.getencoding()
    if encoding.lower() in _PLAIN:
        return
    sys.argv = [_decoded(argument, encoding) for argument in sys.argv]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def _decoded(argument: str, encoding: str) -> str:
    """Return an argument as UTF-8 has it, else as the locale has it."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return os.fsencode(argument).decode(encoding, errors="surrogateescape")
    return argument
