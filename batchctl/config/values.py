"""Single values of the configuration: from what TOML holds to what the domain works with."""

from __future__ import annotations

import math
import os
import re
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from batchctl.base.duration import parse_duration
from batchctl.base.errors import UsageError
from batchctl.config.keys import example
from batchctl.core.model import Window
from batchctl.core.text.words import unescaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.config.key_path import KeyPath

TEN_YEARS = 3653 * 86400.0
"""Seconds; a longer duration is a slip (an extra digit, milliseconds without their unit)."""

_NAME = re.compile(r"\w[\w.-]{0,63}")
_ALLOWED = "up to 64 letters (of any script), digits, `_`, `-` and `.`, beginning with a letter, a digit or `_`"
MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
FUNCTION = re.compile(rf"{MODULE.pattern}:{MODULE.pattern}")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKMG]?)(i?)[bB]?")
_UNIT = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3}
_WINDOW = re.compile(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)")
_TIME_OF_DAY = re.compile(r"(\d\d?):(\d\d)")


def name_of(title: str) -> str:
    """Return a name made of what people call a job: what no name has becomes `-`; "" where nothing stays."""
    return re.sub(r"[^\w.-]+", "-", normalize("NFC", title)).strip("-.")[:64].rstrip("-.")


def name(text: str, where: KeyPath, what: str) -> str:
    """Return a job's, step's or group's name in Unicode normal form, in which all names are kept and compared."""
    normal = normalize("NFC", text)
    if not _NAME.fullmatch(normal):
        where.refuse(f"{text!r} cannot be the name of a {what}", f"a name is {_ALLOWED}")
    return normal


def job_name(text: str) -> str:
    """Return the name of a new job in that form; UsageError where it cannot be one."""
    normal = normalize("NFC", text)
    if not _NAME.fullmatch(normal):
        message = f"{text!r} cannot be the name of a job"
        raise UsageError(message, remedy=f"a name is {_ALLOWED}")
    return normal


def duration(raw: str | float, where: KeyPath, *, zero: bool = False) -> float:
    """Return the seconds of a duration; zero only where it means something."""
    try:
        seconds = parse_duration(raw)
    except (ValueError, OverflowError) as error:
        negative = (isinstance(raw, int | float) and raw < 0) or (isinstance(raw, str) and raw.strip().startswith("-"))
        what = f"{raw!r} is negative" if negative else str(error).partition(";")[0]
        where.refuse(what, example(where.key))
    if seconds > TEN_YEARS:
        where.refuse(f"{raw!r} is more than ten years", "units are w, d, h, m, s and ms; a bare number is seconds")
    if not seconds and not zero:
        where.refuse("must be more than zero", f"leave {where.key} out where there is to be none")
    return seconds


def optional_duration(raw: str | float | None, where: KeyPath, *, zero: bool = False) -> float | None:
    """Return the seconds of a duration that may be left out."""
    return None if raw is None else duration(raw, where, zero=zero)


def size(raw: str | int | None, where: KeyPath) -> int | None:
    """Return the bytes of a size such as "200MB" (decimal), "64MiB" (binary) or a bare number."""
    found = None if raw is None else _SIZE.fullmatch(str(raw).strip())
    if raw is None:
        return None
    if found is None or (found[3] and not found[2]):
        remedy = 'write for example "200MB", "64MiB", or a number of bytes'
        where.refuse(f"{raw!r} is not a size", remedy)
    result = int(float(found[1]) * (1024 if found[3] else 1000) ** _UNIT[found[2]])
    if not 0 < result < 2**62:
        where.refuse(f"{raw!r} is not a possible size", "leave it out where there is to be no limit")
    return result


def window(text: str | None, where: KeyPath) -> Window | None:
    """Return active hours as minutes of the day, both inclusive."""
    if text is None:
        return None
    found = _WINDOW.fullmatch(text.strip())
    if found is None or int(found[1]) > 23 or int(found[3]) > 23 or int(found[2]) > 59 or int(found[4]) > 59:  # noqa: PLR2004
        remedy = f'write for example {where.key} = "08:00-22:59"; the last minute of the day is 23:59'
        where.refuse(f"{text!r} is not a range of hours", remedy)
    return Window(start=int(found[1]) * 60 + int(found[2]), end=int(found[3]) * 60 + int(found[4]))


def daily_as_cron(text: str, where: KeyPath) -> str:
    """Return the cron expression of a time of day."""
    found = _TIME_OF_DAY.fullmatch(text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:  # noqa: PLR2004
        where.refuse(f"{text!r} is not a time of day", 'write for example daily = "14:30"')
    return f"{int(found[2])} {int(found[1])} * * *"


def location(text: str | None, where: KeyPath) -> str | None:
    """Return a path, absolute: `~` is the home directory, a relative one starts from the file that says it."""
    if text is None:
        return None
    expanded = os.path.expanduser(text)
    if not expanded or expanded.startswith("~"):
        where.refuse(f"{text!r} leads nowhere", "write an absolute path, or one relative to the configuration file")
    return os.path.join(where.source.directory, expanded)


def interpreter(text: str | None, where: KeyPath) -> str | None:
    """Return a Python by its path, or by its name as PATH has it."""
    return text if text and "/" not in text else location(text, where)


def command(words: list[str], where: KeyPath, *, as_bytes: bool = False) -> tuple[str, ...]:
    """Return the words of a command, whose program may be said with the home directory's `~`, as to a shell.

    With `as_bytes` they are written as `escaped` does.
    """
    if as_bytes:
        words = [unescaped(word) for word in words]
    program = os.path.expanduser(words[0])
    if program.startswith("~"):
        where.refuse(f"{words[0]!r} leads nowhere", "write the path in full; ~ is your home, and ~NAME that of a user")
    return (program, *words[1:])


def search_path(raw: str | list[str] | None, where: KeyPath) -> tuple[str, ...]:
    """Return the directories to put before PATH; text is split at colons as PATH itself is."""
    parts = [raw] if isinstance(raw, str) else raw or []
    found = (location(part, where) for text in parts for part in text.split(":"))
    return tuple(part for part in found if part is not None)


def params(table: Mapping[str, Any], where: KeyPath) -> dict[str, Any]:
    """Return parameters as JSON values; dates and times become ISO text."""
    return {key: _json_value(value, where.at(key)) for key, value in table.items()}


def _json_value(value: Any, where: KeyPath) -> Any:
    if isinstance(value, dict):
        return params(value, where)
    if isinstance(value, list):
        return [_json_value(item, where) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        where.refuse(f"{value} cannot be handed to a step as JSON", "write it as text, in quotes")
    return value


def env(table: Mapping[str, Any], where: KeyPath) -> dict[str, str]:
    """Return environment variables; their values are text and nothing else, and no message shows one."""
    for key, value in table.items():
        if not key or "=" in key:
            where.refuse(f"{key!r} cannot be the name of an environment variable", 'write NAME = "value"')
        if not isinstance(value, str):
            shown = f'"{str(value).lower()}"' if isinstance(value, bool | int) else '"value"'
            where.at(key).refuse("must be text", f"write {key} = {shown}")
    return dict(table)
