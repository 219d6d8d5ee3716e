"""What cron does for the jobs of a configuration: whether it runs, how the block stands, which jobs it fires.

Read from the user's crontab, /etc/crontab and /etc/cron.d, for whoever looks; never on the way that a fire takes. What
cannot be read is unknown, and never taken for absent.
"""

from __future__ import annotations

import os
import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from batchctl.base.errors import ConfigError, StateError
from batchctl.base.record import Record
from batchctl.base.said import said
from batchctl.crontab import managed
from batchctl.crontab.entries import entries
from batchctl.crontab.naming import program_of, runs_batchctl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from batchctl.core.model import Config, Job
    from batchctl.crontab.entries import Entry

Daemon = Literal["running", "stopped", "unknown"]
Block = Literal["installed", "absent", "outdated", "unknown"]

SYSTEM_CRONTAB, SYSTEM_DIRECTORY = "/etc/crontab", "/etc/cron.d"
_PID_FILE = "/run/crond.pid"
_DAEMONS = frozenset({b"cron", b"crond", b"fcron", b"anacron", b"bcron-start"})
_NAMES = re.compile(r"[A-Za-z0-9_-]+")
"""What run-parts(8) and so cron takes for a file of /etc/cron.d."""


class Foreign(Record):
    """A line that is not batchctl's and runs what a job runs, unguarded."""

    job: str
    place: str
    """The file it stands in, or `crontab`."""
    line: int
    text: str


class Firing(Record):
    """What cron does for the jobs of one configuration."""

    cron: Daemon
    block: Block
    trouble: str = ""
    """Why the user's crontab could not be read."""
    jobs: frozenset[str] = frozenset()
    """The jobs that a line fires."""
    is_complete: bool = True
    """Whether every place where a line could stand has been read."""
    foreign: tuple[Foreign, ...] = ()
    path: str = "/usr/bin:/bin"
    """PATH of the lines."""

    def fires(self, config: Config, job: str) -> bool | None:
        """Say whether a line fires this job, or the first ones of its chain; None where that cannot be known."""
        if job in self.jobs or ((firsts := config.chain_begins(job)) and self.jobs.issuperset(firsts)):
            return True
        return False if self.is_complete else None


def look(config: Config, state: str) -> Firing:
    """Return what cron does for the jobs of a configuration; whatever is wrong with cron is an answer and no error."""
    cron = daemon()
    own, trouble, block = b"", "", "unknown"
    if managed.installed():
        try:
            own = managed.read()
            block = managed.standing(config, state, own)
        except (StateError, ConfigError) as error:
            trouble = str(error)
    else:
        trouble = said("there is no crontab program on this machine")
    places = [("crontab", own, False)]
    complete = not trouble or bool(own)
    for path in (SYSTEM_CRONTAB, *_names_in(SYSTEM_DIRECTORY)):
        content = _content(path)
        complete = complete and content is not None
        places.append((path, content or b"", True))
    lines = [(place, entry) for place, content, users in places for entry in _entries(content, has_users=users)]
    ours = {name for _, entry in lines if entry.command and (name := _fired(entry, config.path))}
    if not trouble:
        ours.update(_in_block(managed.block_in(own, managed.label(config.path))))
    return Firing(
        cron=cron,
        block=block,  # type: ignore[arg-type]
        trouble=trouble,
        jobs=frozenset(ours),
        is_complete=complete,
        foreign=tuple(_foreign(config.jobs, lines)),
        path=_search_path(own, config.path),
    )


def daemon() -> Daemon:
    """Say whether a cron runs here; unknown where other people's processes cannot be seen."""
    try:
        with open(_PID_FILE, encoding="ascii") as file:
            if _command_of(int(file.read())) in _DAEMONS:
                return "running"
    except (OSError, ValueError):
        pass
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return "unknown"
    if any(_command_of(pid) in _DAEMONS for pid in pids):
        return "running"
    return "stopped" if _command_of(1) else "unknown"


def _command_of(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read().strip()
    except OSError:
        return b""


def _names_in(directory: str) -> list[str]:
    try:
        return sorted(f"{directory}/{name}" for name in os.listdir(directory) if _NAMES.fullmatch(name))
    except OSError:
        return []


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError:
        return None


def _in_block(block: bytes) -> Iterator[str]:
    """Yield the jobs of a block's lines; there may be thousands, each of which batchctl has written itself."""
    for line in block.decode("utf-8", "replace").split("\n"):
        name = line.rpartition(" run ")[2]
        if name != line and not line.startswith("#"):
            yield shlex.split(name)[0] if "'" in name else name


def _entries(content: bytes, *, has_users: bool) -> list[Entry]:
    return entries(content, has_users=has_users) if content else []


def _fired(entry: Entry, config_path: str | None) -> str:
    """Return the job of this configuration that a line fires; "" where it fires none."""
    if " run " not in entry.command or not runs_batchctl(entry.command):
        return ""
    words = _words(entry.command)
    start = next((at for at, word in enumerate(words) if word == "run"), len(words))
    if start + 1 >= len(words):
        return ""
    named = entry.variables.get("BATCHCTL_CONFIG")
    for option, value in pairwise(words[:start]):
        named = value if option == "--config" else named
    ours = managed.label(config_path) == managed.DEFAULT if named is None else os.path.abspath(named) == config_path
    return words[start + 1] if ours else ""


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _foreign(jobs: Mapping[str, Job], lines: Iterable[tuple[str, Entry]]) -> Iterator[Foreign]:
    others = [(place, entry) for place, entry in lines if entry.command and not runs_batchctl(entry.command)]
    keys = {key: None for _, entry in others for key in _keys(entry.command)}
    # A shell's line takes long to take apart: only those of jobs that might be meant are.
    hints = {key.rpartition("/")[2] for key in keys}
    known: dict[str, str] = {}
    for job in jobs.values() if keys else ():
        for step in job.steps:
            text = step.run or (shlex.join(step.argv) if step.argv else "")
            if "{" not in text and any(hint in text for hint in hints):
                known.update((key, job.name) for key in _keys(text) if key in keys)
    for place, entry in others:
        job_name = next((known[key] for key in _keys(entry.command) if key in known), None)
        if job_name is not None:
            yield Foreign(job=job_name, place=place, line=entry.line, text=entry.text)


def _keys(command: str) -> Iterator[str]:
    """Yield what two lines have in common that are the same command: all of it, or a program named in full."""
    if "/" in command or " " in command.strip():
        yield " ".join(command.split())
    for program in program_of(command):
        path = os.path.expanduser(re.sub(r"^\$(HOME\b|\{HOME\})", "~", program))
        if path.startswith("/") and not path.startswith(("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/")):
            yield path


def search_path(config_path: str | None) -> str:
    """Return the PATH with which cron starts the lines of this configuration's block, or would."""
    try:
        return _search_path(managed.read() if managed.installed() else b"", config_path)
    except StateError:
        return _search_path(b"", config_path)


def _search_path(own: bytes, config_path: str | None) -> str:
    """Return the PATH with which cron starts the lines of this configuration's block: what a line above it says."""
    above = own.partition(managed.begin_of(managed.label(config_path)))[0]
    found = re.findall(rb"^[ \t]*[\"']?PATH[\"']?[ \t]*=[ \t]*(.*?)[ \t]*$", above, re.MULTILINE)
    return str(found[-1].decode("utf-8", "replace").strip("\"'")) if found else "/usr/bin:/bin"
