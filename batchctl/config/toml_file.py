"""One TOML file: read, parsed, and asked again where a key stands when something is wrong with it."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from typing import TYPE_CHECKING, Any, NoReturn

from batchctl.base.errors import ConfigError
from batchctl.base.paths import identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.base.paths import Identity

MAX_BYTES = 4 * 1024 * 1024
"""A crontab of thousands of jobs fits; a log or a disk image given by mistake does not."""
MAX_DEPTH = 24
MAX_INT = 2**63 - 1

Key = str | int
Keys = tuple[Key, ...]

_DEEPEST_LINE = 8
"""Parts of a dotted key that get a line of their own; more nobody reads."""

_ERROR_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class TomlFile:
    """A file and what it says. `prefix` is where its top level stands in the whole: `("jobs", name)` in jobs.d."""

    def __init__(self, path: str, label: str, prefix: Keys = (), content: bytes | None = None) -> None:
        """Read and parse the file, or take `content` for what it will say; `label` names it as an origin.

        Raises:
            ConfigError: if it cannot be read, or is not TOML.
        """
        self.path, self.label, self.prefix = path, label, prefix
        self.identity: Identity = None
        if content is None:
            content, self.identity = _read(path)
        if len(content) > MAX_BYTES:
            message = f"{path}: is larger than {MAX_BYTES // 1024 // 1024} MiB, so it is hardly a configuration"
            raise ConfigError(message, remedy="name the right file; many jobs can be split over jobs.d/*.toml")
        self.text = _decode(path, content)
        self.table = self._parse()
        self._refuse_unusable(self.table)

    @property
    def directory(self) -> str:
        """The directory that relative paths in this file start from."""
        return os.path.dirname(self.path)

    def refuse(self, keys: Keys, what: str, remedy: str) -> NoReturn:
        """Raise the ConfigError about a key (from the top of the configuration) with file, line and dotted key."""
        line = find_line(self.text, keys[len(self.prefix) :])
        where = self.path if line is None else f"{self.path}:{line}"
        message = f"{where}: {f'{self.dotted(keys)}: ' if keys else ''}{what}"
        raise ConfigError(message, remedy=remedy, keys=keys)

    def dotted(self, keys: Keys) -> str:
        """Return keys as the operator reads them; a step goes by its id, or by its place where it has none."""
        names: list[str] = []
        found: Any = self.table
        for depth, key in enumerate(keys):
            if depth >= len(self.prefix):
                found = _inside(found, key)
            if isinstance(key, int):
                step_id = found.get("id") if isinstance(found, dict) else None
                key = step_id if isinstance(step_id, str) else f"#{key + 1}"  # noqa: PLW2901
            names.append(key if re.fullmatch(r"[\w#][\w-]*", key) else repr(key))
        return ".".join(names)

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except RecursionError as error:
            message = f"{self.path}: tables or lists are nested too deeply"
            raise ConfigError(message, remedy=f"nest at most {MAX_DEPTH} levels") from error
        except ValueError as error:
            self._refuse_syntax(error)

    def _refuse_syntax(self, error: ValueError) -> NoReturn:
        # A number of thousands of digits is a plain ValueError of int(), which knows no position.
        text = str(error)
        found = _ERROR_POSITION.search(text)
        where, remedy = self.path, 'correct the line; text stands in quotes, as in timeout = "30h"'
        if found is not None and found[1]:
            lines = self.text.split("\n")
            rest = lines[int(found[1]) - 1][int(found[2]) - 1 :]
            where = f"{where}:{found[1]}"
            text = f"column {found[2]}: {text[: found.start()]}"
            if rest[:1].isalpha() and not rest[:1].isascii():
                remedy = 'TOML wants a name with such letters in quotes, as in [jobs."키워드"]'
        elif found is not None:
            where = f"{where}:{len(self.text.rstrip().splitlines()) or 1}"
            text = f"at the end of the file: {text[: found.start()]}"
        message = f"{where}: not TOML, {text}"
        raise ConfigError(message, remedy=remedy) from error

    def _refuse_unusable(self, table: dict[str, Any]) -> None:
        """Refuse what TOML can say and no program can be given; without recursion, since depth is what it looks for."""
        waiting: list[tuple[Keys, Any]] = [((), table)]
        while waiting:
            keys, value = waiting.pop()
            full = self.prefix + keys
            if len(keys) > MAX_DEPTH:
                short = full[:4]
                self.refuse(short, "is nested too deeply", f"nest at most {MAX_DEPTH} levels")
            if isinstance(value, dict):
                if any("\0" in key for key in value):
                    self.refuse(full, "a key holds a NUL character", "remove \\u0000 from the name")
                waiting += (((*keys, key), item) for key, item in value.items())
            elif isinstance(value, list):
                waiting += (((*keys, place), item) for place, item in enumerate(value))
            elif isinstance(value, str) and "\0" in value:
                self.refuse(full, "holds a NUL character, which no program can be given", "remove \\u0000")
            elif isinstance(value, int) and abs(value) > MAX_INT:
                self.refuse(full, "is a number of more than 64 bits", "write it as text, in quotes")


def _read(path: str) -> tuple[bytes, Identity]:
    try:
        # A named pipe would make the fire wait for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(descriptor)
            regular = stat.S_ISREG(found.st_mode)
            content = _read_up_to(descriptor, MAX_BYTES + 1) if regular else b""
        finally:
            os.close(descriptor)
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise ConfigError(message, remedy=_remedy_for(error)) from error
    if not regular:
        message = f"{path}: is {'a directory' if stat.S_ISDIR(found.st_mode) else 'not a regular file'}"
        raise ConfigError(message, remedy="name the file itself, for example --config /etc/batchctl/batchctl.toml")
    return content, identity(found)


def _read_up_to(descriptor: int, limit: int) -> bytes:
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(limit)


def _remedy_for(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "create it with `batchctl init`, or name another with --config FILE"
    if isinstance(error, PermissionError):
        return "make it readable for the user batchctl runs as"
    return "name a file that can be read, with --config FILE"


def _decode(path: str, content: bytes) -> str:
    # Windows editors begin UTF-8 files with a byte order mark; it says nothing, and is dropped.
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"{path}:{line}: is not UTF-8 (byte 0x{content[error.start]:02x})"
        remedy = f"save it as UTF-8, for example: iconv -f CP949 -t UTF-8 {path}"
        raise ConfigError(message, remedy=remedy) from error


def _inside(found: Any, key: Key) -> Any:
    if isinstance(found, dict) and isinstance(key, str):
        return found.get(key)
    if isinstance(found, list) and isinstance(key, int) and key < len(found):
        return found[key]
    return None


def find_line(text: str, keys: Keys) -> int | None:
    """Return the line, from 1, of a key or of the closest table or key around it; None if not even that is found."""
    lines = _lines_of(text)
    while keys:
        if keys in lines:
            return lines[keys]
        keys = keys[:-1]
    return None


def _lines_of(text: str) -> Mapping[Keys, int]:
    """Return the line of every header and key. Small on purpose: it only ever adds a line number to a message."""
    lines: dict[Keys, int] = {}
    counts: dict[Keys, int] = {}
    table: Keys = ()
    closing = ""
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        stripped = line.strip()
        if stripped.startswith("["):
            names = _key_names(stripped.lstrip("[ "), "]")
            table = _with_places(names, counts, is_array=stripped.startswith("[["))
            lines.setdefault(table, number)
        elif "=" in stripped and not stripped.startswith("#"):
            names = _key_names(stripped, "=")
            for depth in range(1, min(len(names), _DEEPEST_LINE) + 1):
                lines.setdefault(table + names[:depth], number)
        closing = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")
    return lines


def _with_places(names: Keys, counts: dict[Keys, int], *, is_array: bool) -> Keys:
    """Return the header's path with the places of the arrays of tables it goes through."""
    path: Keys = ()
    for name in names:
        path = (*path, name)
        if is_array and len([key for key in path if isinstance(key, str)]) == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


_KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s.=\]"']+))\s*""")


def _key_names(text: str, end: str) -> Keys:
    names: list[str] = []
    at = 0
    while (found := _KEY_PART.match(text, at)) is not None:
        names.append(next(part for part in found.groups() if part is not None))
        at = found.end()
        if text[at : at + 1] != ".":
            break
        at += 1
    return tuple(names) if text[at : at + 1] == end else ()
