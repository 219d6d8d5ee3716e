"""What a command runs, and a name for its job: the program, or the script that an interpreter is given."""

from __future__ import annotations

import re
import shlex
from unicodedata import normalize

from batchctl.crontab.strip_wrappers import strip_wrappers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

_LAUNCHERS = frozenset({"nice", "ionice", "env", "sudo", "chronic", "nohup", "exec", "time", "stdbuf", "setsid"})
_PARTS = frozenset({"cd", ".", "source", "export", "set", "umask", "test", "[", "sleep", "exit", "flock", "timeout"})
_INTERPRETER = re.compile(r"python[\d.]*|php[\d.]*|node|ruby|perl|bash|sh|dash|zsh|java|uv|poetry|npx")
_FRONTS = frozenset({"artisan", "manage.py", "console", "npm", "yarn", "make", "rake", "wp"})
_AROUND = frozenset({"flock", "timeout", "sh", "bash", "dash"})
_SEPARATOR = re.compile(r"&&|\|\||[;|\n]|(?<![<>])&(?!>)")
_BATCHCTL = re.compile(r"(?:^|[\s/'\"])batchctl(?=[\s'\"]|$)")
_BLAND = frozenset({"run", "main", "start", "cron", "index", "job", "batch", "script", "app"})


def job_name(command: str, taken: Container[str]) -> str:
    """Return a name for what a command runs, not among those that are taken."""
    return free_name(_stem(command), taken)


def free_name(text: str, taken: Container[str]) -> str:
    """Return the text as a name that the configuration allows, with a number where it is taken."""
    stem = re.sub(r"[^\w.-]+|\.{2,}", "-", normalize("NFC", text)).strip("-.")[:50].strip("-.") or "job"
    name, count = stem, 1
    while name in taken:
        count += 1
        name = f"{stem}-{count}"
    return name


def runs_batchctl(command: str) -> bool:
    """Say whether batchctl itself is among the programs that a command runs, be it behind flock or in a `sh -c`."""
    for part in _SEPARATOR.split(command):
        words = _program_words(part)
        program = words[0].rpartition("/")[2] if words else ""
        if program == "batchctl" or (program in _AROUND and _BATCHCTL.search(part)):
            return True
    return False


def program_of(command: str) -> Iterator[str]:
    """Yield the program, or the script that an interpreter is given, of each part of a command."""
    for part in _SEPARATOR.split(command):
        words = _program_words(part)
        if words and words[0].rpartition("/")[2] in {"flock", "timeout"}:
            words = _program_words(strip_wrappers(shlex.join(words)).command)
        if words and words[0] not in _PARTS:
            yield words[0]


def _stem(command: str) -> str:
    for part in _SEPARATOR.split(command):
        words = _program_words(part)
        if words and words[0].rpartition("/")[2] in {"flock", "timeout"}:
            words = _program_words(strip_wrappers(shlex.join(words)).command)
        if words and words[0] not in _PARTS:
            return _program_name(words)
    return "job"


def _program_words(part: str) -> list[str]:
    """Return the words of a command from its program on: no variables set before it, no launcher, no interpreter."""
    try:
        words = shlex.split(part.strip("(){} \t"))
    except ValueError:
        words = part.split()
    while words:
        word = words[0].rpartition("/")[2]
        is_option = words[0].startswith("-") and words[0] != "-m"
        is_front = _INTERPRETER.fullmatch(word) is not None and len(words) > 1 and words[1] != "-c"
        if word in _LAUNCHERS or is_option or is_front or re.match(r"\w+=|\d+$", words[0]):
            words = words[1:]
        elif word == "-m" and len(words) > 1:
            return [words[1].replace(".", "-"), *words[2:]]
        else:
            break
    return words


def _program_name(words: list[str]) -> str:
    directory, _, program = words[0].rstrip("/)").rpartition("/")
    stem = re.sub(r"\.(sh|bash|py|php|pl|rb|js|jar)$", "", program)
    following = words[1] if len(words) > 1 and not words[1].startswith("-") else ""
    if program in _FRONTS and following:
        return f"{stem}-{following}"
    parent = directory.rpartition("/")[2]
    return f"{parent}-{stem}" if stem in _BLAND and parent not in {"", "bin", "sbin"} else stem
