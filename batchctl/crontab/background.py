"""Commands that cron's shell leaves running behind it; a step of batchctl ends with its shell, and what it left too."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    '[^']*' | "(?:[^"\\]|\\.)*" | \\. | \$\(\(.*?\)\)     # an & in these is text, or arithmetic
    | && | [<>|]& | &>>?
    | (?<![^\s;|&()])\#.*
    | (?P<background>&)
    """,
    re.DOTALL | re.VERBOSE,
)
_WAIT = re.compile(r"(?:^|[\s;&])wait(?=$|[\s;&)])")
_INNER = re.compile(r"""\b(?:ba|da)?sh[ \t]+-\w*c[ \t]+(?:'([^']*)'|"((?:[^"\\]|\\.)*)")""")
_DETACHES = re.compile(
    r"(?:^|[\s;|&(/])(?:setsid(?![ \t]+(?:-\w*w|--wait))|daemonize|start-stop-daemon.*[ \t](?:-b|--background)"
    r"|screen[ \t]+-\w*d\w*|tmux[ \t]+new)\b"
)


def in_foreground(command: str) -> str:
    """Return a command that ends with `&` so that it lasts as long as its programs do; any other as it is."""
    starts = _backgrounds(command)
    rest = command[starts[-1] + 1 :].strip() if starts else "-"
    if rest and not rest.startswith("#"):
        return command
    whole = command[: starts[-1] + 1]
    return f"{whole} wait" if len(starts) > 1 else whole[:-1].rstrip()


def leaves_behind(command: str) -> bool:
    """Say whether a command seems to leave a program running when its shell has ended."""
    starts = _backgrounds(command)
    inner = [single or double for single, double in _INNER.findall(command)]
    return (
        (bool(starts) and not _WAIT.search(command, starts[-1]))
        or _DETACHES.search(command) is not None
        or any(leaves_behind(text) for text in inner)
    )


def _backgrounds(command: str) -> list[int]:
    return [found.start() for found in _TOKEN.finditer(command) if found["background"]]
