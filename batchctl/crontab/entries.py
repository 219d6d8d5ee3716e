r"""The lines of a crontab, as Debian's cron reads them.

NAME=VALUE sets the environment of the lines below it, `\%` is a percent sign, and what follows a bare `%` is the
command's input. In /etc/crontab and /etc/cron.d each line names a user before its command.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batchctl.base.record import Record
from batchctl.base.said import said
from batchctl.core.text.harmless import one_line
from batchctl.core.time.cron import parse_cron
from batchctl.crontab.naming import runs_batchctl

if TYPE_CHECKING:
    from collections.abc import Container

_ENTRY = re.compile(r"(@\S+|(?:[^\s@]\S*[ \t]+){4}\S+)(?:[ \t]+(.*))?", re.DOTALL)
_VARIABLE = re.compile(r"""(?:"([^"]*)"|'([^']*)'|([^\s="']+))[ \t]*=[ \t]*(.*)""", re.DOTALL)
_TITLE = re.compile(r"m\s+h\s+dom\s+mon\s+dow\b.*")
_BEGIN, _END = "# >>> batchctl ", "# <<< batchctl "
_USERS_TITLE = re.compile(rb"^#.*(?:\bdow|\*)[ \t]+user(?:-?name)?\b", re.MULTILINE)
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}\$?[ \t]+(?=[^\s&|;<>=-])")
_DESCRIPTION = 200


class Entry(Record):
    """One line that is no comment and sets no variable."""

    line: int
    text: str
    variables: dict[str, str]
    """What the lines above it set."""
    schedule: str = ""
    command: str = ""
    has_input: bool = False
    user: str | None = None
    comment: str = ""
    reason: str = ""
    """Why it can be no job, where it cannot."""


def entries(content: bytes, *, has_users: bool) -> list[Entry]:
    """Return the lines of a crontab outside batchctl's own blocks."""
    found: list[Entry] = []
    comments: list[str] = []
    variables: dict[str, str] = {}
    for number, raw in _foreign_lines(content):
        text, wrong = _decoded(raw)
        if not text or text.startswith("#"):
            comments = [] if wrong else _with_comment(comments, text)
            continue
        comment, comments = one_line(" ".join(comments))[:_DESCRIPTION], []
        variable = _VARIABLE.fullmatch(text)
        if wrong:
            found.append(Entry(line=number, text=one_line(text), variables=variables, reason=wrong))
        elif variable is not None:
            variables = {**variables, variable[1] or variable[2] or variable[3] or "": _value(variable[4])}
        else:
            found.append(_entry(number, text, has_users=has_users, comment=comment, variables=variables))
    return found


def batchctl_commands(content: bytes) -> set[str]:
    """Return all words of the lines outside batchctl's own blocks that run batchctl."""
    commands = [entry.command for entry in entries(content, has_users=False) if runs_batchctl(entry.command)]
    return {word for command in commands for word in command.split()}


def has_users(content: bytes, known: Container[str]) -> bool:
    """Say whether a crontab is one of the system's: each line has a user before its command, one of them `known`.

    The title above the lines of /etc/crontab (`dow user command`) is as good as a known user.
    """
    commands = [entry.command for entry in entries(content, has_users=False) if entry.command]
    users = [found[0].rstrip() if (found := _USER.match(command)) else "" for command in commands]
    is_known = any(user in known for user in users) or _USERS_TITLE.search(content) is not None
    return bool(users) and all(users) and is_known


def _foreign_lines(content: bytes) -> list[tuple[int, bytes]]:
    """Return the lines outside batchctl's own blocks, with their numbers."""
    lines = list(enumerate(content.split(b"\n"), 1))
    found: list[tuple[int, bytes]] = []
    begun = 0
    for number, raw in lines:
        if raw.strip().startswith(_BEGIN.encode()):
            begun = begun or len(found) + 1
        found.append((number, raw))
        if begun and raw.strip().startswith(_END.encode()):
            del found[begun - 1 :]
            begun = 0
    return found


def _decoded(raw: bytes) -> tuple[str, str]:
    """Return a line's text, and what is wrong with it."""
    line = raw.removesuffix(b"\r").strip(b" \t")
    try:
        text, wrong = line.decode(), ""
    except UnicodeDecodeError as error:
        wrong = f"is not UTF-8 (byte 0x{line[error.start]:02x}); convert it first, for example with iconv -f CP949"
        text = line.decode("utf-8", "backslashreplace")
    return text, "holds a NUL character" if "\0" in text else wrong


def _with_comment(comments: list[str], text: str) -> list[str]:
    """Return the comment lines that stand right above the next line."""
    said = text.lstrip("#").strip()
    if not any(char.isalnum() for char in said) or _TITLE.fullmatch(said):
        return []
    entry = _ENTRY.fullmatch(said)
    if entry is not None and _why_no_schedule(entry[1]) == "":
        return []  # a line that was switched off says nothing about the next one
    return [*comments, said]


def _value(text: str) -> str:
    text = text.rstrip(" \t")
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _entry(number: int, text: str, *, has_users: bool, comment: str, variables: dict[str, str]) -> Entry:
    parts = _ENTRY.fullmatch(text)
    shown = one_line(text)
    if parts is None:
        wrong = said("is neither five fields and a command nor NAME=VALUE")
        return Entry(line=number, text=shown, variables=variables, reason=wrong)
    user, rest = None, (parts[2] or "").strip(" \t")
    if has_users:
        user, rest = [*re.split(r"[ \t]+", rest, maxsplit=1), ""][:2]
    command, has_input = _as_cron_reads(rest)
    reason = _why_no_schedule(parts[1])
    if not reason and not command.strip():
        reason = said("has no command")
    if not reason and runs_batchctl(command):
        reason = said("runs batchctl itself, so the line stays in the crontab")
    return Entry(
        line=number,
        text=shown,
        variables=variables,
        schedule=" ".join(parts[1].split()),
        command=command,
        has_input=has_input,
        user=user,
        comment=comment,
        reason=reason,
    )


def _why_no_schedule(text: str) -> str:
    if text.lower() == "@reboot":
        return said("fires at boot, which no schedule of batchctl does; leave it in the crontab")
    try:
        parse_cron(text, second_opinion=False)
    except ValueError as error:
        return str(error)
    return ""


def _as_cron_reads(command: str) -> tuple[str, bool]:
    """Return the command up to its first bare `%`, and whether there was one."""
    out, escaping = "", False
    for char in command:
        if char == "%" and not escaping:
            return out.rstrip(), True
        if char == "%":
            out = out[:-1]
        out += char
        escaping = char == "\\" and not escaping
    return out, False
