"""What a crontab's command wraps around its program (flock, timeout, cd, redirections), taken off where that is safe.

Only a simple command, with nothing of the shell's grammar around it, is taken apart; of any other the text stays as it
is, since what `||` does after `flock -n` failed cannot be said in keys of a job.
"""

from __future__ import annotations

import re
import shlex

from batchctl.base.record import Record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_REDIRECTION = re.compile(r"(\d*)(>>|>&|>\||>)[ \t]*|(&>>?)[ \t]*")
_PIECE = re.compile(
    r"""'[^']*'|"(?:[^"\\`$]|\\.|\$(?!\())*"|\\.|\$\{[^}'"`$\\]*\}|\$(?![({])|[^\s;|&()<>'"`\\$]""", re.DOTALL
)
_CD = re.compile(r"cd[ \t]+(\S+|'[^']*'|\"[^\"]*\")[ \t]*&&[ \t]*(?=\S)")
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_TO_FILE = re.compile(r"(?<![3-9&>])>>?[ \t]*(?!/dev/null|&)[^\s;|&()<>'\"]+([ \t]+2>&1)?[ \t]*$")
_GRAMMAR = frozenset({"if", "for", "while", "until", "case", "{", "!", "[[", "time", "coproc", "function", "select"})
_FLOCK_FLAGS = frozenset("nxeoFv")
_FLOCK_WORDS = {"--nonblock": "n", "--nb": "n", "--exclusive": "x", "--close": "o", "--no-fork": "F", "--verbose": "v"}
_FLOCK_VALUES = ("-w", "-E", "--wait", "--timeout", "--conflict-exit-code")
_TIMEOUT_FLAGS = ("--foreground", "--preserve-status", "-v", "--verbose", "-p", "-f")


class Stripped(Record):
    """A command without its wrappers."""

    command: str
    cwd: str | None = None
    timeout: str | None = None
    grace: str | None = None
    locks: tuple[str, ...] = ()
    """Lock files that `flock` was given; those of `kept` still stand in the command."""
    outputs: tuple[str, ...] = ()
    """Files that the output went to, each once."""
    left: tuple[str, ...] = ()
    """Wrappers that are there and stay."""


class _Simple(Record):
    """A simple command: where its words begin and end, and where its output goes."""

    words: tuple[tuple[int, int], ...]
    redirections: tuple[tuple[str, str], ...]
    """Operator and file of each; the file `&1` where stderr joins stdout."""


def strip_wrappers(command: str, kept: Container[str] = ()) -> Stripped:
    """Return the command without flock, timeout, a leading cd and redirections of its output, where that is safe.

    `kept` are lock files whose flock stays: another command uses them too, and a job's own guard knows nothing of that.
    """
    found = Stripped(command=command.strip())
    while True:
        step = _step(found, kept)
        if step is None:
            return replace(found, left=_left(found.command))
        found = step


def _step(found: Stripped, kept: Container[str]) -> Stripped | None:
    text = found.command
    cd = _CD.match(text)
    if cd is not None:
        place = _literal(cd[1])
        plain = place is not None and place.startswith(("/", "~/"))
        if found.cwd is None and plain and "||" not in text:  # what follows || would run where the cd fails
            return replace(found, command=text[cd.end() :], cwd=place)
        return None
    simple = _simple(text)
    if simple is None:
        return None
    if simple.redirections:
        log = _log_of(simple)
        if log is None:
            return None
        return replace(found, command=text[: simple.words[-1][1]], outputs=(*found.outputs, log))
    words = [_literal(text[start:end]) for start, end in simple.words]
    program = (words[0] or "").rpartition("/")[2]
    if program == "flock":
        return _without_flock(found, simple, words, kept)
    return _without_timeout(found, simple, words) if program == "timeout" else None


def _log_of(simple: _Simple) -> str | None:
    """Return where the output goes if it is thrown away or logged; None where the file may be what the job is for.

    `>> FILE 2>&1` is a log, since messages are among it; `> FILE` or `>> FILE` alone may be a backup, or a table.
    """
    operators, files = zip(*simple.redirections, strict=True)
    if set(files) <= {"/dev/null", "&1"}:
        return "/dev/null"
    logged = (operators == (">>", ">&") and files[1] == "&1") or operators == ("&>>",)
    return files[0] if logged else None


def _without_flock(
    found: Stripped, simple: _Simple, words: Sequence[str | None], kept: Container[str]
) -> Stripped | None:
    at = 1
    while at < len(words) and (words[at] or "").startswith("-"):
        word = words[at] or ""
        if word in _FLOCK_VALUES:
            at += 1
        elif word.startswith(tuple(f"{name}=" for name in _FLOCK_VALUES[2:])) or re.fullmatch(r"-[wE]\d+", word):
            pass
        elif not (word in _FLOCK_WORDS or (word[1:] and set(word[1:]) <= _FLOCK_FLAGS)):
            return None  # shared, unlocking, or unknown here
        at += 1
    lock = words[at] if at < len(words) else None
    if lock is None or lock.isdecimal() or at + 1 >= len(words):
        return None
    if lock in kept:
        return replace(found, command=found.command, locks=(*found.locks, lock)) if lock not in found.locks else None
    rest: str | None = found.command[simple.words[at + 1][0] :]
    if words[at + 1] in {"-c", "--command"}:
        rest = words[at + 2] if at + 3 == len(words) else None
    return None if not rest else replace(found, command=rest.strip(), locks=(*found.locks, lock))


def _without_timeout(found: Stripped, simple: _Simple, words: Sequence[str | None]) -> Stripped | None:
    at, grace = 1, None
    while at < len(words) and (words[at] or "").startswith("-"):
        name, equals, value = (words[at] or "").partition("=")
        if name in {"-k", "-s", "--kill-after", "--signal"}:
            if not equals:
                at += 1
                value = (words[at] if at < len(words) else None) or ""
            if name in {"-k", "--kill-after"}:
                grace = _length(value)
            elif value.upper().removeprefix("SIG") not in {"TERM", "15"}:
                return None
        elif name not in _TIMEOUT_FLAGS:
            return None
        at += 1
    length = _length((words[at] if at < len(words) else None) or "")
    if length is None or at + 1 >= len(words) or found.timeout is not None:
        return None
    rest = found.command[simple.words[at + 1][0] :]
    return replace(found, command=rest, timeout=length, grace=grace or found.grace)


def _length(text: str) -> str | None:
    """Return a duration of timeout(1) as batchctl writes it; None where it is none, or no limit."""
    found = _LENGTH.fullmatch(text)
    return None if found is None or not float(found[1]) else f"{found[1]}{found[2] or 's'}"


def _left(command: str) -> tuple[str, ...]:
    words = re.split(r"[\s;|&()]+", command)
    found = [name for name in ("flock", "timeout") if any(word.rpartition("/")[2] == name for word in words)]
    return (*found, "redirection") if _TO_FILE.search(command) else tuple(found)


def _literal(word: str) -> str | None:
    """Return what a word of the shell says; None where that depends on variables, commands or files."""
    bare = re.sub(r"'[^']*'|\\.", "", word)
    if any(sign in bare for sign in "$`") or any(sign in re.sub(r'"[^"]*"', "", bare) for sign in "*?["):
        return None
    try:
        found = shlex.split(word)
    except ValueError:
        return None
    return found[0] if len(found) == 1 else None


def _simple(text: str) -> _Simple | None:
    """Return the parts of a simple command whose redirections, if any, stand at its end; None for any other text."""
    words: list[tuple[int, int]] = []
    redirections: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        if text[at] in " \t":
            at += 1
            continue
        redirection = _REDIRECTION.match(text, at)
        if redirection is not None:
            end = _word_end(text, redirection.end())
            target = _literal(text[redirection.end() : end]) or ""
            joined = redirection[2] == ">&" and target.isdecimal()
            at = end
            if not target or (joined and (redirection[1], target) != ("2", "1")):
                return None
            operator = redirection[2] or redirection[3]
            named = redirection[1] in {None, "", "1"} or target == "/dev/null"
            redirections.append((operator if named or joined else "other", "&1" if joined else target))
            continue
        end = _word_end(text, at)
        if end == at or redirections or text[at] == "#" or (not words and text[at:end] in _GRAMMAR):
            return None
        words.append((at, end))
        at = end
    return _Simple(words=tuple(words), redirections=tuple(redirections)) if words else None


def _word_end(text: str, at: int) -> int:
    """Return the end of the word that begins here; its beginning where there is none that is plain to see."""
    while at < len(text):
        if text.startswith("$(", at):
            end = _substitution_end(text, at + 2)
            if end is None:
                break
            at = end
            continue
        piece = _quoted_end(text, at) if text[at] == '"' else None
        found = _PIECE.match(text, at)
        if piece is None and found is None:
            break
        at = piece if piece is not None else found.end() if found is not None else at
    return at


def _quoted_end(text: str, at: int) -> int | None:
    """Return the end of a double-quoted piece with plain command substitutions in it."""
    at += 1
    while at < len(text):
        if text[at] == '"':
            return at + 1
        if text.startswith("$(", at):
            end = _substitution_end(text, at + 2)
            if end is None:
                return None
            at = end
        elif text[at] == "`":
            return None
        else:
            at += 2 if text[at] == "\\" else 1
    return None


def _substitution_end(text: str, at: int) -> int | None:
    """Return the end of a `$(…)` that has neither quotes nor parentheses inside."""
    end = text.find(")", at)
    return None if end < 0 or any(sign in text[at:end] for sign in "'\"`(\\") else end + 1
