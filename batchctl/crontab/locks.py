"""The lock files that the commands of a crontab give to flock(1), and which lines exclude each other by them.

Read from the text wherever flock stands in it, since a line may exclude another in a form that nobody can take apart:
`[ -x f ] && flock -n L f`, `(flock -n 9 || exit 1; f) 9>L`, `sh -c 'flock -n L f'`.
"""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING

from batchctl.base.record import Record
from batchctl.crontab.naming import free_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORD = r"""(?:'[^']*'|"[^"]*"|\\.|[^\s;|&()<>'"\\])+"""
_FLOCK = re.compile(
    r"(?<![\w.$-])flock(?P<options>(?:[ \t]+(?:-[a-zA-Z]*[wE](?:=?[\d.]+|[ \t]+\S+)"
    r"|--(?:wait|timeout|conflict-exit-code)(?:=|[ \t]+)\S+|-[a-zA-Z]+|--[a-z-]+))*)"
    rf"[ \t]+(?P<file>{_WORD})"
)
_AT_ONCE = re.compile(
    r"(?<!\S)(?:-[a-zA-Z]*n|--nb\b|--nonblock|(?:-[a-zA-Z]*w|--wait|--timeout)[= \t]*0(?:\.0*)?(?!\S))"
)
_SHARED = re.compile(r"(?<!\S)(?:-[a-zA-Z]*s|--shared)")
_UNLOCK = re.compile(r"(?<!\S)(?:-[a-zA-Z]*u|--unlock)")
_CD = re.compile(rf"(?:^|[;&|(][ \t]*)cd[ \t]+({_WORD})[ \t]*(?=&&|;)")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_QUOTES = re.compile(r"""'([^']*)'|"([^"]*)"|\\(.)""")


class Lock(Record):
    """A lock that a command takes."""

    file: str
    """As it is written, without quotes."""
    key: str
    """The same for two commands where, as far as their text says, it is the same file."""
    waits: bool
    """Whether a command that finds it taken waits, for a while or for ever."""
    is_shared: bool


class Sharing(Record):
    """What becomes of the lock files of a crontab, by the key of each."""

    lines: Mapping[str, tuple[int, ...]]
    """The lines that use it."""
    pools: Mapping[str, str]
    """The pool of limit 1 that takes its place."""
    kept: frozenset[str]
    """Those whose flock stays in every command."""


def locks_in(command: str, variables: Mapping[str, str], user: str | None = None) -> tuple[Lock, ...]:
    """Return the locks that a command takes, each file once; `variables` are those that the crontab sets."""
    found: dict[str, Lock] = {}
    for call in _FLOCK.finditer(command):
        file, options = unquoted(call["file"]), call["options"]
        if _UNLOCK.search(options):
            continue
        if file.isdecimal():
            opened = re.search(rf"(?<![\w./$-]){file}(?:>>|>\||<>|>|<)[ \t]*({_WORD})", command)
            if opened is None:
                continue
            file = unquoted(opened[1])
        places = [unquoted(cd[1]) for cd in _CD.finditer(command) if cd.start() < call.start()]
        key = _key([*places, file], variables, user or "")
        waits, shared = not _AT_ONCE.search(options), bool(_SHARED.search(options))
        found.setdefault(key, Lock(file=file, key=key, waits=waits, is_shared=shared))
    return tuple(found.values())


def unquoted(word: str) -> str:
    """Return a word of the shell without its quotes, its variables as they are."""
    return _QUOTES.sub(lambda quoted: quoted[1] or quoted[2] or quoted[3] or "", word)


def _key(places: Sequence[str], variables: Mapping[str, str], user: str) -> str:
    """Return the path that words lead to, each from the one before, absolute as far as their text says.

    cron starts each command in HOME.
    """
    home = variables.get("HOME") or f"~{user}"
    known = {**variables, "HOME": home}
    path = home
    for place in places:
        text = re.sub(r"^~(?=/|$)", lambda _: home, place)
        text = _VARIABLE.sub(lambda found: known.get(found[1] or found[2], f"${found[1] or found[2]}"), text)
        path = text if text.startswith(("/", "~", "$")) else os.path.join(path, text)
    path = os.path.normpath(path)
    return re.sub(r"^/var/run/", "/run/", re.sub(r"^/var/lock/", "/run/lock/", path))  # links on every Debian


def sharing(uses: Sequence[tuple[int, bool, Sequence[Lock]]], limits: Mapping[str, int]) -> Sharing:
    """Return which locks exclude lines from each other, and how jobs keep to that.

    `uses` are the lines: number, whether it becomes a job, its locks. `limits` are the pools that there are: one of the
    same name and of limit 1 is taken for what an earlier import made. A job has one pool; a lock that would be its
    second stays in the commands, as does one that a line takes shared, or that a line uses which stays in the crontab.
    """
    lines: dict[str, tuple[int, ...]] = {}
    for number, _, locks in uses:
        lines.update({lock.key: (*lines.get(lock.key, ()), number) for lock in locks})
    jobs = {number for number, is_job, _ in uses if is_job}
    shared = {lock.key for _, _, locks in uses for lock in locks if lock.is_shared}
    pools: dict[str, str] = {}
    kept, pooled = set(), set[int]()
    for key, users in lines.items():
        ours = jobs.intersection(users)
        if len(users) > 1 and (key in shared or len(ours) < len(users) or pooled & ours):
            kept.add(key)
        if len(ours) > 1 and key not in shared and not pooled & ours:
            taken = {*pools.values(), *(name for name, limit in limits.items() if limit != 1)}
            pools[key] = free_name(re.sub(r"\.(lock|lck|pid)$", "", os.path.basename(key)) or "lock", taken)
            pooled |= ours
    return Sharing(lines=lines, pools=pools, kept=frozenset(kept))
