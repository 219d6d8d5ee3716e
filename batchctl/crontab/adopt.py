r"""From an existing crontab to jobs: what each line would be as a job, and what of it cannot be kept.

Lines are read as Debian's cron reads them: NAME=VALUE sets the environment of the lines below it, `\%` is a percent
sign, and what follows a bare `%` is the command's input.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from batchctl.base.record import Record
from batchctl.core.text.harmless import one_line
from batchctl.core.text.placeholders import fill_word
from batchctl.core.time.cron import parse_cron
from batchctl.crontab.naming import job_name
from batchctl.crontab.strip_wrappers import strip_wrappers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchctl.crontab.strip_wrappers import Stripped

_ENTRY = re.compile(r"(@\S+|(?:[^\s@]\S*[ \t]+){4}\S+)(?:[ \t]+(.*))?", re.DOTALL)
_VARIABLE = re.compile(r"""(?:"([^"]*)"|'([^']*)'|([^\s="']+))[ \t]*=[ \t]*(.*)""", re.DOTALL)
_TITLE = re.compile(r"m\s+h\s+dom\s+mon\s+dow\b.*")
_BEGIN, _END = "# >>> batchctl ", "# <<< batchctl "
_OWN = re.compile(r"\bbatchctl\b.*\s(run|check|catch-up)\b")
_DESCRIPTION = 200
_STDERR_ONLY = frozenset({"MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING"})
"""Variables that are for cron itself."""


class Proposal(Record):
    """A line as a job."""

    line: int
    text: str
    name: str
    table: dict[str, Any]
    """The keys of its file."""
    notes: tuple[str, ...]
    """What the operator should know, first of all what the job does differently."""
    complete: bool = True
    """Whether the job does what the line did; one that does not is only written disabled."""


class LeftOut(Record):
    """A line that becomes no job."""

    line: int
    text: str
    reason: str


class Found(Record):
    """What a crontab has."""

    proposals: tuple[Proposal, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    """What holds for several lines."""


class _Line(Record):
    """One entry of the crontab, not yet a job."""

    number: int
    text: str
    schedule: str
    command: str
    has_input: bool
    user: str | None
    comment: str
    variables: dict[str, str]


def proposals(content: bytes, taken: Iterable[str], *, has_users: bool = False) -> Found:
    """Return what the lines of a crontab would be as jobs with names that are not `taken`.

    `has_users` says that each line names a user before its command, as /etc/crontab does.
    """
    entries, left_out = _entries(content, has_users=has_users)
    locks = Counter(lock for entry in entries for lock in set(strip_wrappers(entry.command).locks))
    shared = {lock for lock, count in locks.items() if count > 1}
    names, found = set(taken), []
    for entry in entries:
        made = _proposal(entry, shared, names)
        if isinstance(made, Proposal):
            names.add(made.name)
            found.append(made)
        else:
            left_out.append(made)
    notes = dict.fromkeys(note for entry in entries for note in _variable_notes(entry.variables))
    return Found(
        proposals=tuple(found),
        left_out=tuple(sorted(left_out, key=lambda left: left.line)),
        notes=tuple(notes),
    )


def _entries(content: bytes, *, has_users: bool) -> tuple[list[_Line], list[LeftOut]]:
    entries: list[_Line] = []
    left_out: list[LeftOut] = []
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
            left_out.append(LeftOut(line=number, text=one_line(text), reason=wrong))
        elif variable is not None:
            variables = {**variables, variable[1] or variable[2] or variable[3] or "": _value(variable[4])}
        else:
            read = _entry(number, text, has_users=has_users, comment=comment, variables=variables)
            if isinstance(read, _Line):
                entries.append(read)
            else:
                left_out.append(read)
    return entries, left_out


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


def _entry(number: int, text: str, *, has_users: bool, comment: str, variables: dict[str, str]) -> _Line | LeftOut:
    parts = _ENTRY.fullmatch(text)
    shown = one_line(text)
    if parts is None:
        return LeftOut(line=number, text=shown, reason="is neither five fields and a command nor NAME=VALUE")
    reason = _why_no_schedule(parts[1])
    user, command = None, parts[2] or ""
    if has_users:
        user, _, command = command.partition(" ")
    command, has_input = _as_cron_reads(command.strip(" \t"))
    if not reason and not command.strip():
        reason = "has no command"
    if not reason and _OWN.search(command):
        reason = "runs batchctl itself"
    if reason:
        return LeftOut(line=number, text=shown, reason=reason)
    return _Line(
        number=number,
        text=shown,
        schedule=" ".join(parts[1].split()),
        command=command,
        has_input=has_input,
        user=user,
        comment=comment,
        variables=variables,
    )


def _why_no_schedule(text: str) -> str:
    if text.lower() == "@reboot":
        return "fires at boot, which no schedule of batchctl does; leave it in the crontab"
    try:
        parse_cron(text)
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


def _proposal(entry: _Line, shared: set[str], names: set[str]) -> Proposal | LeftOut:
    plain = strip_wrappers(entry.command, shared)
    run = _literal(plain.command)
    if run is None:
        reason = "has braces that a run line cannot hold; put the command into a script, and add that"
        return LeftOut(line=entry.number, text=entry.text, reason=reason)
    env = {name: value for name, value in entry.variables.items() if name not in {*_STDERR_ONLY, "SHELL"}}
    home = entry.variables.get("HOME")
    shell = entry.variables.get("SHELL", "/bin/sh")
    keys = {
        "description": entry.comment or None,
        "schedule": entry.schedule,
        "timeout": plain.timeout,
        "grace": plain.grace,
        "cwd": plain.cwd or (home if home and home.startswith("/") else None),
        "env": env or None,
    }
    chain = {"run": run} if shell.rpartition("/")[2] in {"sh", "dash"} else {"argv": [shell, "-c", run]}
    return Proposal(
        line=entry.number,
        text=entry.text,
        name=job_name(strip_wrappers(entry.command).command, names),
        table={key: value for key, value in {**keys, **chain}.items() if value is not None},
        notes=tuple(_notes(entry, plain, shared)),
        complete=not entry.has_input,
    )


def _literal(command: str) -> str | None:
    """Return the text that batchctl, which takes `{name}` for a placeholder, reads as this command."""
    braced = re.sub(r"(?<!\$)\{(\w+)\}", r"{{\1}}", command)
    for text in (command, braced, command.replace("{", "{{").replace("}", "}}")):
        try:
            if fill_word(text, {}) == command:
                return text
        except KeyError:
            continue
    return None


def _notes(entry: _Line, plain: Stripped, shared: set[str]) -> list[str]:
    notes = []
    if entry.has_input:
        notes.append("the text after % was the command's input, which a step does not have: write it into the command")
    if entry.user is not None:
        notes.append(f"ran as {entry.user}; a job runs as the user of the crontab that batchctl installs into")
    notes += [
        f'flock {lock} stays: other lines use it too; pool = "NAME" with [pools] says the same'
        if lock in shared
        else f"flock {lock} is left to batchctl, which never starts a job twice"
        for lock in plain.locks
    ]
    if plain.timeout is not None:
        notes.append(f"timeout {plain.timeout} became the budget of the job")
    notes += [
        "its output went to /dev/null; batchctl keeps it: `batchctl logs`"
        if file == "/dev/null"
        else f"its output went to {file}; batchctl keeps it: `batchctl logs`"
        for file in plain.outputs
    ]
    if "redirection" in plain.left:
        notes.append("its output still goes to a file of its own, so `batchctl logs` will not show it")
    notes += [
        f"{name} stays in the command" for name in plain.left if name in {"flock", "timeout"} - _of(plain, shared)
    ]
    return notes


def _of(plain: Stripped, shared: set[str]) -> set[str]:
    """Return the wrappers that stay for a reason that was given already."""
    return {"flock"} if shared.intersection(plain.locks) else set()


def _variable_notes(variables: dict[str, str]) -> list[str]:
    notes = []
    if variables.get("MAILTO"):
        mail = variables["MAILTO"]
        notes.append(f"MAILTO={mail}: cron mails the report of a failure to the MAILTO above the installed block")
    elif "MAILTO" in variables:
        notes.append("MAILTO is empty: nobody is told of a failure, unless the job has `notify`")
    if "CRON_TZ" in variables:
        notes.append("CRON_TZ means nothing to Debian's cron; `timezone` of the configuration does")
    if "$" in variables.get("PATH", ""):
        notes.append("PATH has a $, which neither cron nor batchctl expands")
    return notes
