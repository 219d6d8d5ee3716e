"""The text of job files: written new, and changed in one place with every other byte kept; the only user of tomlkit.

Each change is read back by another parser than the one that made it, and must say the old text with that one change.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import tomlkit

from batchctl.base.errors import UsageError
from batchctl.config.edit.toml_lines import Statement, parse, statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.config.edit.toml_lines import Path


def to_toml(table: Mapping[str, Any], comments: Sequence[str] = ()) -> str:
    """Return a job's keys as a file of their own; values as TOML has them, `comments` as lines at its top.

    Raises:
        UsageError: if a value is none that TOML can hold.
    """
    document = tomlkit.document()
    for comment in comments:
        document.add(tomlkit.comment(comment))
    for key, value in table.items():
        try:
            document.add(key, _inline(value) if isinstance(value, dict) else tomlkit.item(value))
            # An argument that was not UTF-8 comes with surrogates, which no file can hold.
            document.as_string().encode()
        except (ValueError, TypeError) as error:
            message = f"{key}: {value!r} cannot be written as TOML"
            raise UsageError(message, remedy="give text (UTF-8), numbers, true, false, lists or tables") from error
    return document.as_string()


def _inline(table: Mapping[str, Any]) -> Any:
    made = tomlkit.inline_table()
    for key, value in table.items():
        made.add(key, _inline(value) if isinstance(value, dict) else tomlkit.item(value))
    return made


def raw_key(text: str, name: str) -> str:
    """Return the job's key as the main file spells it, in whatever Unicode form."""
    keys: list[str] = list(parse(text)["jobs"])
    return next(key for key in keys if normalize("NFC", key) == name)


def with_enabled(text: str, table: Path, enabled: bool) -> str:  # noqa: FBT001 - a value, not a flag
    """Return the text with `enabled` in this table; ValueError where that cannot be done by one statement."""
    parts = statements(text)
    expected = deepcopy(parse(text))
    inside = expected
    for key in table:
        inside = inside[key]
    inside["enabled"] = enabled
    done = "".join(_enabled_in(parts, table, enabled))
    if parse(done) != expected:
        raise ValueError(table)
    return done


def _enabled_in(parts: list[Statement], table: Path, enabled: bool) -> list[str]:  # noqa: FBT001
    texts, wanted = [part.text for part in parts], (*table, "enabled")
    end = "\r\n" if "\r\n" in "".join(texts) else "\n"
    line = f"enabled = {'true' if enabled else 'false'}{end}"
    header = None
    for at, part in enumerate(parts):
        is_inline = part.is_key and bool(part.path) and part.path == table[: len(part.path)]
        if is_inline or (part.is_key and part.path == wanted):
            texts[at] = _set(part, wanted, enabled)
            return texts
        if part.is_header and part.path == table:
            header = at
    at = header if header is not None else next(at for at, part in enumerate(parts) if _is_of(part, table))
    if parts[at].is_header and header is None:
        texts.insert(at, f"[{_dotted(table)}]{end}{line}{end}" if table else f"{line}{end}")
        return texts
    # The dotted key of a neighbour shows how far this one has to be spelled out.
    prefix = "" if header is not None else "".join(f"{_dotted([key])}." for key in table[len(parts[at].table) :])
    indent = texts[at][: len(texts[at]) - len(texts[at].lstrip(" \t"))]
    texts[at] = texts[at] + ("" if texts[at].endswith("\n") else end) + indent + prefix + line
    return texts


def _is_of(part: Statement, table: Path) -> bool:
    return bool(part.path) and part.path[: len(table)] == table


def _dotted(path: Sequence[str]) -> str:
    return ".".join(tomlkit.key(key).as_string() for key in path)


def _set(part: Statement, path: Path, enabled: bool) -> str:  # noqa: FBT001
    """Return the one statement with the key set in it; what else it says, and its comment, stay."""
    document = tomlkit.parse(part.text)
    inside: Any = document
    *tables, last = path[len(part.table) :]
    for key in tables:
        inside = inside[key]
    inside[last] = enabled
    return document.as_string()


def without(text: str, key: str) -> str:
    """Return the main file's text without a job, its comments but those inside the job's tables kept."""
    expected = deepcopy(parse(text))
    table = ("jobs", key)
    del expected["jobs"][key]
    parts = statements(text)
    texts: list[str] = []
    at = 0
    while at < len(parts):
        part = parts[at]
        if not _is_of(part, table):
            texts.append(_without_entry(part, table))
            at += 1
            continue
        at = _end_of(parts, at, table)
        # One blank line between what stood before and what comes after is enough.
        if not "".join(texts[-1:]).strip():
            while at < len(parts) and not parts[at].text.strip():
                at += 1
    done = "".join(texts)
    found = parse(done)
    if not expected["jobs"] and "jobs" not in found:
        del expected["jobs"]
    if found != expected:
        raise ValueError(key)
    return done


def _end_of(parts: list[Statement], at: int, table: Path) -> int:
    """Return the place after the last statement of the job that begins here; comments after that belong to nobody."""
    end = at
    for place in range(at, len(parts)):
        if parts[place].is_header or parts[place].is_key:
            if not _is_of(parts[place], table):
                break
            end = place + 1
    return end


def _without_entry(part: Statement, table: Path) -> str:
    """Return a statement, without the job where it is an entry of this inline table."""
    if not (part.is_key and part.path == ("jobs",)):
        return part.text
    document = tomlkit.parse(part.text)
    document["jobs"].remove(table[1])
    return document.as_string()
