"""From an existing crontab to jobs: what each line would be as a job, and what of it cannot be kept."""

from __future__ import annotations

import re
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from batchctl.base.record import Record, replace
from batchctl.base.said import said
from batchctl.core.text.placeholders import fill_word
from batchctl.crontab.background import in_foreground, leaves_behind
from batchctl.crontab.entries import entries
from batchctl.crontab.locks import locks_in, sharing
from batchctl.crontab.naming import job_name
from batchctl.crontab.strip_wrappers import strip_wrappers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batchctl.crontab.entries import Entry
    from batchctl.crontab.locks import Lock, Sharing
    from batchctl.crontab.strip_wrappers import Stripped

_FOR_CRON = frozenset({"MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING"})
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
    pools: Mapping[str, int]
    """What [pools] of the configuration must say for the jobs, and does not say yet."""


def proposals(
    content: bytes, taken: Iterable[str], *, has_users: bool = False, limits: Mapping[str, int] | None = None
) -> Found:
    """Return what the lines of a crontab would be as jobs with names that are not `taken`.

    `has_users` says that each line names a user before its command, as /etc/crontab does; `limits` are the pools of the
    configuration.
    """
    lines = [_judged(entry) for entry in entries(content, has_users=has_users)]
    locks = {entry.line: locks_in(entry.command, entry.variables, entry.user) for entry in lines}
    shared = sharing([(entry.line, not entry.reason, locks[entry.line]) for entry in lines], limits or {})
    names, found = set(taken), []
    for entry in lines:
        if not entry.reason:
            found.append(_proposal(entry, locks[entry.line], shared, names))
            names.add(found[-1].name)
    notes = dict.fromkeys(note for entry in lines if not entry.reason for note in _variable_notes(entry.variables))
    return Found(
        proposals=tuple(found),
        left_out=tuple(
            LeftOut(line=entry.line, text=entry.text, reason=entry.reason) for entry in lines if entry.reason
        ),
        notes=tuple(notes),
        pools={pool: 1 for pool in shared.pools.values() if pool not in (limits or {})},
    )


def _judged(entry: Entry) -> Entry:
    if entry.reason or _literal(entry.command) is not None:
        return entry
    reason = said("has braces that a run line cannot hold; put the command into a script, and add that")
    return replace(entry, reason=reason)


def _proposal(entry: Entry, locks: tuple[Lock, ...], shared: Sharing, names: set[str]) -> Proposal:
    foreground = in_foreground(entry.command)
    plain = strip_wrappers(foreground, {lock.file for lock in locks if lock.key in shared.kept})
    run = _literal(plain.command) or plain.command
    env = {name: value for name, value in entry.variables.items() if name not in {*_FOR_CRON, "SHELL"}}
    home = entry.variables.get("HOME")
    shell = entry.variables.get("SHELL", "/bin/sh")
    keys = {
        "description": entry.comment or None,
        "schedule": entry.schedule,
        "timeout": plain.timeout,
        "grace": plain.grace,
        "pool": next((shared.pools[lock.key] for lock in locks if lock.key in shared.pools), None),
        "cwd": plain.cwd or (home if home and home.startswith("/") else None),
        "env": env or None,
    }
    chain = {"run": run} if shell.rpartition("/")[2] in {"sh", "dash"} else {"argv": [shell, "-c", run]}
    left_behind = leaves_behind(foreground)
    notes = [*_how_it_runs(entry, foreground, left_behind=left_behind)]
    notes += [note for lock in locks for note in _lock_notes(entry, lock, plain, shared)]
    return Proposal(
        line=entry.line,
        text=entry.text,
        name=job_name(strip_wrappers(foreground).command, names),
        table={key: value for key, value in {**keys, **chain}.items() if value is not None},
        notes=(*notes, *_other_notes(plain, locks)),
        complete=not (entry.has_input or left_behind),
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


def _how_it_runs(entry: Entry, foreground: str, *, left_behind: bool) -> list[str]:
    notes: list[str] = []
    if entry.has_input:
        notes.append(
            said(
                "the text after %s was the command's input, which a step does not have: write it into the command", "%"
            )
        )
    if entry.user is not None:
        notes.append(said("ran as %s; a job runs as the user of the crontab that batchctl installs into", entry.user))
    if foreground != entry.command:
        how = said("`wait` stands after its last &" if foreground.endswith("& wait") else "its last & is gone")
        notes.append(
            said("ran in the background; %s, since a step lasts, and is guarded, as long as its command does", how)
        )
    if left_behind:
        notes.append(
            said("may leave a program running behind it, which batchctl ends with the step: make it wait for that")
        )
    return notes


def _lock_notes(entry: Entry, lock: Lock, plain: Stripped, shared: Sharing) -> list[str]:
    """Return what becomes of a lock, and of waiting for it."""
    others = [str(line) for line in shared.lines[lock.key] if line != entry.line]
    by = (
        said("lines %s" if len(others) > 1 else "line %s", reduce(partial(said, "%s and %s"), others)) if others else ""
    )
    stays = lock.file not in plain.locks or lock.key in shared.kept
    pool = shared.pools.get(lock.key)
    if pool is not None:
        became = said(
            'flock %s became pool = "%s", of which one job runs at a time: it excludes %s', lock.file, pool, by
        )
        note = said(
            "%s; it stays in the command as well" if stays else "%s; take these lines out of the crontab together",
            became,
        )
    elif others:
        since = said("%s use it too" if len(others) > 1 else "%s uses it too", by)
        finds = said("waits inside its run" if lock.waits else "fails, and is no skip")
        note = said("flock %s stays, since %s; a start that finds it taken %s", lock.file, since, finds)
    elif stays:
        note = said("%s stays in the command", f"flock {lock.file}")
    else:
        note = said("flock %s is left to batchctl, which never starts a job twice", lock.file)
    if lock.waits and (pool is not None or not (others or lock.is_shared)):
        note = said("%s; where it waited for the lock, a fire is now skipped", note)
    return [note]


def _other_notes(plain: Stripped, locks: tuple[Lock, ...]) -> list[str]:
    notes: list[str] = []
    if plain.timeout is not None:
        notes.append(said("timeout %s became the budget of the job", plain.timeout))
    notes += [said("its output went to %s; batchctl keeps it: `batchctl logs`", file) for file in plain.outputs]
    if "redirection" in plain.left:
        notes.append(said("its output still goes to a file of its own, so `batchctl logs` will not show it"))
    spoken = {"redirection", "flock"} if locks else {"redirection"}
    return notes + [said("%s stays in the command", name) for name in plain.left if name not in spoken]


def _variable_notes(variables: dict[str, str]) -> list[str]:
    notes: list[str] = []
    if variables.get("MAILTO"):
        mail = variables["MAILTO"]
        notes.append(
            said("MAILTO=%s: cron mails the report of a failure to the MAILTO above the installed block", mail)
        )
    elif "MAILTO" in variables:
        notes.append(said("MAILTO is empty: nobody is told of a failure, unless the job has `notify`"))
    if "CRON_TZ" in variables:
        notes.append(said("CRON_TZ means nothing to Debian's cron; `timezone` of the configuration does"))
    if "$" in variables.get("PATH", ""):
        notes.append(said("PATH has a $, which neither cron nor batchctl expands"))
    return notes
