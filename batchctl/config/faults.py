"""Everything that is wrong with a configuration, gathered, so that it is told at once and corrected at once."""

from __future__ import annotations

import copy
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from batchctl.base.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchctl.config.toml_file import Keys

T = TypeVar("T")
_NOTHING = {"run": "true"}
_MOST = 20
"""Errors of one table that are told; whoever has more has given batchctl the wrong file."""


class Faults:
    """The errors found so far."""

    def __init__(self) -> None:
        """Begin without any."""
        self.found: list[ConfigError] = []
        self._of_all: list[Keys] = []
        """What was taken out at the top of the main file: jobs may miss it."""

    def of(self, table: Any, above: int, attempt: Callable[[Any], T]) -> T | None:
        """Return what `attempt` makes of a table; note each key that it refuses, and try again without that.

        `above` is how many keys lead to the table. What is refused only because something else was taken out is not
        noted. None where nothing can be made of the rest.
        """
        taken = [*self._of_all]
        for _ in range(_MOST):
            try:
                return attempt(table)
            except ConfigError as error:
                if not any(_follows(error, keys) for keys in taken):
                    self.note(error)
                rest = _without(table, error.keys[above:])
                if rest is None:
                    return None
                taken.append(error.keys)
                if not above:
                    self._of_all.append(error.keys)
                table = rest
        return None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note an error instead of passing it on."""
        try:
            yield
        except ConfigError as error:
            self.note(error)

    def note(self, error: ConfigError) -> None:
        """Keep one error; each is told once."""
        if str(error) not in map(str, self.found):
            self.found.append(error)

    def settle(self) -> None:
        """Raise the first of the errors with all others beside it; nothing where there is none."""
        if self.found:
            first, *others = self.found
            raise ConfigError(str(first), remedy=first.remedy, keys=first.keys, others=tuple(others)) from first


def _follows(error: ConfigError, taken: Keys) -> bool:
    """Say whether an error may be there only because a key was taken out: it is about what held it, or speaks of it."""
    name = next((key for key in reversed(taken) if isinstance(key, str)), "")
    return taken[: len(error.keys)] == error.keys or name in re.findall(r"[\w-]+", str(error).rpartition(": ")[2])


def _without(table: Any, keys: Keys) -> Any:
    """Return a copy of a table without what these keys lead to; None where that leads nowhere.

    A list keeps its places: a step that is refused as a whole makes room for one that does nothing.
    """
    if not keys:  # it has no command, by now or from the beginning
        return {**table, **_NOTHING} if isinstance(table, dict) and not table.keys() & {*_NOTHING, "steps"} else None
    result = copy.deepcopy(table)
    inside = result
    for depth, key in enumerate(keys[:-1]):
        try:
            below = inside[key]
        except (KeyError, IndexError, TypeError):
            return None
        if isinstance(below, list) and not all(isinstance(item, dict) for item in below):
            keys = keys[: depth + 1]  # a word of argv goes with all of argv
            break
        inside = below
    last = keys[-1]
    try:
        if isinstance(inside, list) and isinstance(last, int):
            if not inside[last].keys() & {"run", "argv", "function"}:
                inside[last] |= _NOTHING
                return result
            group = inside[last].get("group")
            room = {"id": f"step-{last}", **_NOTHING, **({"group": group} if isinstance(group, str) else {})}
            if inside[last] == room:
                return None
            inside[last] = room
        else:
            del inside[last]
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    return result
