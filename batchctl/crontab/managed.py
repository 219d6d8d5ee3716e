"""The user's crontab: the only user of the `crontab` program.

batchctl owns the lines between its two markers and not a byte outside them, so the text stays bytes throughout. Each
configuration has a block of its own, named in its markers. What cannot be read is never written over: `crontab -` knows
no append, and whoever writes without having read deletes the operator's other jobs.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from io import BytesIO
from typing import TYPE_CHECKING

from batchctl.base import clock, paths
from batchctl.base.errors import ConfigError, StateError
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir, open_private
from batchctl.core.time import zones
from batchctl.crontab.block import WITHOUT_CARE, Entry, UnwritableError, block_lines, care_lines, entries
from batchctl.crontab.entries import batchctl_commands
from batchctl.process.ask import exchange

if TYPE_CHECKING:
    from typing import Literal

    from batchctl.core.model import Config
    from batchctl.core.time.zones import Zone

BACKUPS_KEPT = 10

_BEGIN = b"# >>> batchctl "
_END = b"# <<< batchctl "
_EDIT = (
    "run `crontab -e` and repair the lines that begin with `# >>> batchctl` and `# <<< batchctl`; nothing was written"
)
DEFAULT = "(default configuration)"
"""The label of the configuration that a fire finds by itself; any other is labelled with its path."""
_LOCALTIME = "/etc/localtime"
_SURROUNDINGS = (b"HOME", b"XDG_CONFIG_HOME", b"XDG_STATE_HOME", b"BATCHCTL_CONFIG", b"BATCHCTL_STATE")


class Change(Record):
    """What an install would do."""

    entries: tuple[Entry, ...]
    care: tuple[str, ...]
    """The lines that look after the jobs."""
    block: bytes
    old: bytes
    new: bytes


def change(config: Config, state: str, old: bytes, *, care: bool | None = None, program: str = "") -> Change:
    """Return what an install of this configuration into the crontab `old` would do.

    `care` says whether the block has lines that look after the jobs; for None it has them unless the one that is there
    was installed without.

    Raises:
        ConfigError: if a job cannot be written as crontab lines.
        StateError: if the markers in the crontab are damaged, or cron's time zone cannot be known.
    """
    name = label(config.path)
    try:
        call = _call(config, state, old, program)
        made = entries(config, call, cron_zone(), clock.now())
        care = WITHOUT_CARE.encode() not in block_in(old, name) if care is None else care
        cared = care_lines(config, call, care=care, taken=batchctl_commands(old)) if made else ()
    except UnwritableError as error:
        raise ConfigError(str(error), remedy=error.remedy) from error
    block = _wrap(name, block_lines(made, cared)) if made else b""
    return Change(
        entries=made,
        care=tuple(line for line in cared if line[0] != "#"),
        block=block,
        old=old,
        new=replace_block(old, name, block),
    )


def standing(config: Config, state: str, old: bytes) -> Literal["installed", "absent", "outdated"]:
    """Return how the block of this configuration stands in the crontab `old`.

    Which of several installations of batchctl it calls is no difference, as long as that one is there.

    Raises:
        ConfigError, StateError: as `change` does.
    """
    there = block_in(old, label(config.path))
    if not there:
        return "absent"
    return "installed" if change(config, state, old, program=_program_in(there)).block == there else "outdated"


def begin_of(label: str) -> bytes:
    """Return the line that begins the block of this label."""
    return _BEGIN + os.fsencode(label)


def label(config_path: str | None) -> str:
    """Return the name that the block of this configuration carries in its markers."""
    return DEFAULT if config_path in (None, _found_by_cron()) else str(config_path)


def cron_zone() -> Zone:
    """Return the zone in which cron reads its fields; StateError where nobody can tell.

    That is the TZ with which the daemon was started, where it was (containers do) and we may look, else
    /etc/localtime; but not this process's TZ, which may be only the operator's own.
    """
    name = _daemon_tz()
    try:
        return zones.NamedZone(name) if name else _LocalZone()
    except ValueError as error:
        message = f"cron was started with TZ={name}, which is not a named time zone"
        raise StateError(message, remedy="start cron with a name such as TZ=Asia/Seoul, or without TZ") from error


def unified_diff(old: bytes, new: bytes) -> bytes:
    """Return the difference as `diff -u` prints it; b"" where there is none."""
    from difflib import diff_bytes
    from difflib import unified_diff as compare

    before, after = BytesIO(old).readlines(), BytesIO(new).readlines()
    return b"".join(diff_bytes(compare, before, after, b"crontab", b"crontab after install"))


def installed() -> bool:
    """Say whether this machine has a `crontab` program."""
    return shutil.which("crontab") is not None


def read() -> bytes:
    """Return the user's crontab, b"" where there is none.

    Raises:
        StateError: if it cannot be read; nothing may be written then.
    """
    code, listed, said = _crontab("-l")
    if code == 0:
        return _as_stored(listed)
    # "No crontab yet" has the same exit code as "not allowed" and "cannot open": only the words differ.
    if said.lower().startswith(b"no crontab for ") and not listed:
        return b""
    message = f"the crontab cannot be read: {_words(code, said)}"
    raise StateError(message, remedy="nothing was written; make `crontab -l` work for this user first")


def _as_stored(listed: bytes) -> bytes:
    r"""Return the bytes of the crontab whose listing this is.

    Debian's `crontab -l` shows a carriage return as `\r` and a backspace as `\b` (since 3.0pl1-149), just as it shows a
    command that has these two characters written out; `crontab -l | crontab -` would turn the one into the other. The
    editor that `crontab -e` starts is given the real bytes: `cat` passes them on and changes nothing.
    """
    if b"\\r" not in listed and b"\\b" not in listed:
        return listed
    _, stored, _ = _crontab("-e", editor="cat")
    if listed not in (stored, stored.replace(b"\r", b"\\r").replace(b"\b", b"\\b")):
        message = (
            "the crontab has a \\r or \\b, and `crontab -l` does not tell whether it stands for a control character"
        )
        raise StateError(message, remedy="nothing was written; take the line with \\r or \\b out of the crontab")
    return stored


def write(old: bytes, new: bytes, state: str) -> str | None:
    """Replace the crontab `old`, as read before, by `new`; return the path of the backup, None where there was nothing.

    The crontab is read again right before it is written, and after it: cron has no lock to take, so two installs at the
    same moment are told apart by what they find, and the later one refuses.

    Raises:
        StateError: if the crontab has changed since it was read, cron refuses the new one, or it does not read back.
    """
    backup = _back_up(old, state) if old else None
    if read() != old:
        message = "somebody else changed the crontab at this moment"
        raise StateError(message, remedy="nothing was written; run the command again")
    code, _, said = _crontab("-", text=new)
    if code != 0:
        message = f"cron refused the new crontab: {_words(code, said)}"
        raise StateError(message, remedy="the old crontab is still in force; see it with `crontab -l`")
    if read() != new:
        message = "the crontab does not read back as it was written"
        restore = f"compare `crontab -l` with the backup, {backup}" if backup else "look at `crontab -l`"
        raise StateError(message, remedy=restore)
    return backup


def replace_block(text: bytes, label: str, block: bytes) -> bytes:
    """Return the crontab with the block of this label replaced where it stands, or appended; b"" takes it away.

    Raises:
        StateError: if the markers in the text are damaged, so that nobody can say which lines are batchctl's.
    """
    lines = BytesIO(text).readlines()  # not splitlines(), which also splits at a lone carriage return
    start, end = _find(lines, os.fsencode(label).strip())
    if start < end:
        return b"".join([*lines[:start], block, *lines[end:]])
    if block and lines and not lines[-1].endswith(b"\n"):
        lines.append(b"\n")  # cron itself takes no file whose last line is unfinished
    return b"".join([*lines, block])


def block_in(text: bytes, label: str) -> bytes:
    """Return the block of this label with its markers; b"" where there is none."""
    lines = BytesIO(text).readlines()
    start, end = _find(lines, os.fsencode(label).strip())
    return b"".join(lines[start:end])


def _wrap(label: str, lines: list[str]) -> bytes:
    """Return the lines between the markers of this label."""
    name = os.fsencode(label)
    inside = b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines)
    return _BEGIN + name + b"\n" + inside + _END + name + b"\n"


def _find(lines: list[bytes], label: bytes) -> tuple[int, int]:
    """Return where the block of this label begins and where what follows it begins; equal where there is none."""
    found, begun, name = (0, 0), 0, b""
    for number, line in enumerate((line.strip() for line in lines), 1):
        if line.startswith(_BEGIN):
            _require(not begun, f"line {number} begins a block inside the one that begins in line {begun}")
            begun, name = number, line.removeprefix(_BEGIN)
        elif line.startswith(_END):
            ends = begun and name == line.removeprefix(_END)
            _require(ends, f"line {number} ends a block that does not begin before it")
            if name == label:
                _require(not found[1], f"a second block of the same configuration begins in line {begun}")
                found = (begun - 1, number)
            begun = 0
    _require(not begun, f"the block that begins in line {begun} does not end")
    return found


def _require(sound: object, complaint: str) -> None:
    if not sound:
        message = f"the crontab's batchctl markers are damaged: {complaint}"
        raise StateError(message, remedy=_EDIT)


def _crontab(argument: str, *, text: bytes = b"", editor: str = "true") -> tuple[int, bytes, bytes]:
    program = shutil.which("crontab")
    if program is None:
        message = "there is no crontab program on this machine"
        raise StateError(message, remedy="install Debian's package cron (apt-get install cron) and start the daemon")
    try:
        # The C locale: read() tells "no crontab" from other failures by the words.
        env = os.environ | {"LC_ALL": "C", "VISUAL": editor}
        return exchange((program, argument), text, env)
    except OSError as error:
        message = f"{program} cannot be started: {error.strerror}"
        raise StateError(message, remedy="nothing was written; make `crontab -l` work for this user first") from error


def _words(code: int, said: bytes) -> str:
    words = " ".join(said.decode("utf-8", "backslashreplace").split())
    return words or f"`crontab` ended with exit code {code} and said nothing"


def _back_up(text: bytes, state: str) -> str:
    place = StateDir(state)
    place.ensure()
    # The microseconds keep two installs within one second apart; the UTC stamp makes the names sort by age.
    instant = clock.now()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(instant)) + f".{round(instant % 1 * 1e6) % 1000000:06d}Z"
    path = place.crontab_backup(stamp)
    try:
        with open(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        for old in place.crontab_backups()[:-BACKUPS_KEPT]:
            os.unlink(old)
    except OSError as error:
        message = f"the old crontab cannot be backed up to {path}: {error.strerror}"
        raise StateError(message, remedy="the crontab was not changed; make room there, or give --state DIR") from error
    return path


def _call(config: Config, state: str, old: bytes, program: str) -> tuple[str, ...]:
    """Return the command line up to `run`: cron starts it with the user's HOME and none of the shell's variables."""
    names = {line.partition(b"=")[0].strip(b" \t\"'") for line in BytesIO(old)}
    alone = not names.intersection(_SURROUNDINGS)
    words = (program,) if program else _program()
    if config.path is not None and not (alone and config.path == _found_by_cron()):
        words += ("--config", config.path)
    if not (alone and state == (config.state_dir or f"{_home()}/.local/state/batchctl")):
        words += ("--state", state)
    for name in paths.modules():
        words += ("--module", name)
    return words


def _program() -> tuple[str, ...]:
    """Return how to start this very installation, absolutely; links are kept, for they survive an upgrade."""
    for path in (shutil.which(sys.argv[0]), os.path.join(os.path.dirname(sys.executable), "batchctl")):
        if path and os.path.basename(path) == "batchctl" and os.access(path, os.X_OK) and os.path.isfile(path):
            return (os.path.abspath(path),)
    return (sys.executable, "-m", "batchctl")


def _program_in(block: bytes) -> str:
    """Return the batchctl that the lines of a block call, where it is one file that is there; else ""."""
    import re

    found = re.search(rb"^[^#\n]*?(/[^\s'\"]*/batchctl) ", block, re.MULTILINE)
    path = "" if found is None else os.fsdecode(found[1])
    return path if os.access(path, os.X_OK) else ""


def _found_by_cron() -> str | None:
    for path in (f"{_home()}/.config/batchctl/batchctl.toml", paths.SYSTEM_CONFIG):
        if os.path.exists(path):
            return path
    return None


def _home() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir.rstrip("/")
    except KeyError:
        return ""  # no passwd entry: cron will not run this user's crontab either, and nothing is taken for a default


class _LocalZone(zones.NamedZone):
    """The zone of /etc/localtime, whatever TZ says; UTC where there is no such file."""

    def __init__(self) -> None:
        super().__init__(os.path.realpath(_LOCALTIME).partition("zoneinfo/")[2] or _LOCALTIME)

    def _load(self) -> None:
        from datetime import datetime
        from zoneinfo import ZoneInfo

        self._from_instant = datetime.fromtimestamp
        try:
            with open(_LOCALTIME, "rb") as file:
                self._zone = ZoneInfo.from_file(file, self.name)
        except FileNotFoundError:
            self.name = "UTC"
            super()._load()
        except (OSError, ValueError) as error:
            message = f"the system's time zone, {_LOCALTIME}, cannot be read: {error}"
            raise StateError(message, remedy="make it a link to a file below /usr/share/zoneinfo") from error


def _daemon_tz() -> str:
    try:
        with open("/run/crond.pid", encoding="ascii") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            if file.read().strip() != "cron":
                return ""
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except (OSError, ValueError):
        return ""  # no daemon, or one that we may not look into: /etc/localtime is what it most likely has
    found = [value.removeprefix(b"TZ=") for value in variables if value.startswith(b"TZ=")]
    return found[0].decode("ascii", "replace").removeprefix(":") if found else ""
