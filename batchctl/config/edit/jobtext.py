"""The text of job files: written new, and changed in one place with every other byte kept; the only user of tomlkit.

tomlkit keeps what it does not change, but a comment above a table is to it the last of the table before, and some files
that are TOML it puts in another order, or refuses. So each result is held against the old text: another parser must
find that it says the same but for the one change, and no line may differ but those that came, went or hold the key.
"""

from __future__ import annotations

import tomllib
from contextlib import contextmanager
from functools import reduce
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any, TypeGuard
from unicodedata import normalize

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, InlineTable, SingleKey, Table

from batchctl.base.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tomlkit.items import Item, Key

    Body = Sequence[tuple[Key | None, Item]]
Path = tuple[str, ...]

_MARK = "\0"
"""A character that no TOML can hold."""


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
    keys: list[str] = list(tomllib.loads(text)["jobs"])
    return next(key for key in keys if normalize("NFC", key) == name)


def with_value(text: str, table: Path, key: str, value: Any) -> str:
    """Return the text with a key set, or with None taken out, in a table that is there.

    Raises:
        ValueError: if more than that would change.
    """
    expected = inside = tomllib.loads(text)
    for name in table:
        inside = inside[name]
    if value is None:
        del inside[key]
    else:
        inside[key] = value
    whole, end = _whole(text)
    with _tomlkit_errors():
        document = _parsed(whole)
        if value is None:
            _drop(reduce(lambda found, name: found[name], table, document), key)
        else:
            _set(document, table, key, _inline(value) if isinstance(value, dict) else tomlkit.item(value), end)
    return _checked(text, document.as_string(), expected)


def with_key(text: str, table: Path, dotted: str, value: Any) -> str:
    """Return the text with a key of a table, or of a table in it (`params.limit`), set, or taken out with None.

    Raises:
        ValueError: if more than that would change, or the value is none that TOML can hold.
    """
    *within, key = dotted.split(".")
    inside = tomllib.loads(text)
    for name in table:
        inside = inside[name]
    for depth, name in enumerate(within):
        if not isinstance(inside.get(name, {}), dict):
            message = f"{dotted}: {name} is no table"
            raise ValueError(message)  # noqa: TRY004 - what the text says cannot take the change
        if name not in inside:
            for outer in reversed([*within[depth + 1 :], key]):
                value = None if value is None else {outer: value}
            return text if value is None else with_value(text, (*table, *within[:depth]), name, value)
        inside = inside[name]
    if inside.get(key) == value and type(inside.get(key)) is type(value):
        return text
    return with_value(text, (*table, *within), key, value)


def with_entries(text: str, header: str, entries: Mapping[str, Any]) -> str:
    """Return the main file's text with more entries in a table at its top; ValueError where more would change."""
    for name, value in entries.items():
        table = tomllib.loads(text)
        if header in table:
            text = text if table[header].get(name) == value else with_value(text, (header,), name, value)
            continue
        whole, end = _whole(text) if text else ("", "\n")
        line = f"{tomlkit.key(name).as_string()} = {tomlkit.item(value).as_string()}"
        text = _checked(
            text, f"{whole}{end if text else ''}[{header}]{end}{line}{end}", {**table, header: {name: value}}
        )
    return text


def _set(document: tomlkit.TOMLDocument, table: Path, key: str, item: Item, end: str) -> None:
    inside: Any = document
    for part in table:
        inside = inside[part]
    if isinstance(inside, InlineTable):
        inside[key] = item
        return
    item.trivia.trail = end
    below = [(path, found) for path, found in _headers(document.body) if _is_of(path, table)]
    header = next((found for path, found in below if path == table), None)
    at, name, first = next((at, *entry) for at, entry in enumerate(document.body) if entry[0] is not None)
    if key in inside or (table and not below):
        inside[key] = item  # where it stands, or beside dotted keys
    # Not by append(), which writes it below the last comment of the table: that is about the table after it.
    elif header is not None:
        item.trivia.indent = header.trivia.indent
        header.value.body.insert(0, (SingleKey(key), item))
    elif not table and not _is_header(first, name):
        document.body.insert(at + 1, (SingleKey(key), item))
    else:
        trivia = below[0][1].trivia
        start = f"{trivia.indent}[{tomlkit.key(table).as_string()}]{end}" if table else ""
        trivia.indent = f"{start}{trivia.indent}{key} = {item.as_string()}{end}{end}{trivia.indent}"


def without(text: str, key: str) -> str:
    """Return the main file's text without a job, its comments but those inside the job's tables kept.

    Raises:
        ValueError: if more than that would change.
    """
    expected = tomllib.loads(text)
    del expected["jobs"][key]
    with _tomlkit_errors():
        document = _parsed(_whole(text)[0])
    table = ("jobs", key)
    tails: list[str] = []
    end = ((), tomlkit.table())
    for (path, before), (next_path, after) in pairwise([*_headers(document.body), end]):
        if _is_of(path, table) and not _is_of(next_path, table):
            tails.append(_tail(before))
            after.trivia.indent = _MARK + after.trivia.indent
    for name, jobs in document.body:
        if name is not None and name.key == "jobs":
            _drop(jobs, key)
    done, *following = document.as_string().split(_MARK)
    for tail, rest in zip_longest(tails, following, fillvalue=""):
        # One blank line between what stood before and what comes after is enough.
        is_blank = not done or done.endswith(("\n\n", "\n\r\n"))
        done += (tail.lstrip("\r\n") if is_blank else tail) + rest
    if not expected["jobs"] and "jobs" not in tomllib.loads(done):
        del expected["jobs"]
    return _checked(text, done, expected)


def _drop(jobs: Any, key: str) -> None:
    # remove() does not find all of a job whose tables stand apart.
    if isinstance(jobs, InlineTable):
        jobs.remove(key)
    else:
        body = jobs.body if isinstance(jobs, tomlkit.TOMLDocument) else jobs.value.body
        body[:] = [entry for entry in body if entry[0] is None or entry[0].key != key]


def _is_of(path: Path, table: Path) -> bool:
    return path[: len(table)] == table


def _whole(text: str) -> tuple[str, str]:
    """Return the text with its last line ended, and how its lines end."""
    end = "\r\n" if "\r\n" in text else "\n"
    return text if text.endswith("\n") else text + end, end


@contextmanager
def _tomlkit_errors() -> Iterator[None]:
    """Turn what tomlkit raises, not all of which is a ValueError, into one."""
    try:
        yield
    except TOMLKitError as error:
        raise ValueError(str(error)) from error


def _parsed(text: str) -> tomlkit.TOMLDocument:
    document = tomlkit.parse(text)
    if document.as_string() != text:
        message = "tomlkit does not keep this text as it is"
        raise ValueError(message)
    return document


def _headers(body: Body, above: Path = ()) -> Iterator[tuple[Path, Table]]:
    """Yield every table that has a header of its own, in the order of the text."""
    for key, item in body:
        if key is not None and _is_header(item, key):
            path = (*above, key.key)
            for table in item.body if isinstance(item, AoT) else [item]:
                if table.display_name is not None:
                    yield path, table
                yield from _headers(table.value.body, path)


def _is_header(item: Item, key: Key | None) -> TypeGuard[AoT | Table]:
    """Say whether a table has a header, or those below it have, and is no dotted key."""
    return isinstance(item, AoT | Table) and key is not None and not key.is_dotted()


def _tail(table: Table) -> str:
    """Return the comments and blank lines after a table's last key: they belong to what comes after it."""
    found = ""
    for key, item in table.value.body:
        if _is_header(item, key):
            break
        found = found + item.as_string() if key is None else ""
    return found


def _checked(old: str, new: str, expected: Mapping[str, Any]) -> str:
    """Return the new text if it says what is expected and, but for whole lines or one, has the lines of the old."""
    whole, line_end = _whole(old)
    before, after = whole.split("\n"), new.split("\n")
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    gone, come = (lines[start : len(lines) - end] for lines in (before, after))
    rest = iter(gone)
    if tomllib.loads(new) != expected or (len(gone) > 1 and len(come) > 1 and not all(line in rest for line in come)):
        message = "more than the key would change"
        raise ValueError(message)
    if whole != old and after[-2:] == before[-2:]:
        new = new.removesuffix(line_end)  # no line came after the last, so it ends as it did
    return new


def _alike(one: list[str], other: list[str]) -> int:
    """Return how many lines both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
