"""A place in the configuration: which key of which file is being looked at, so that every error can name both."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.config.source import Key, Keys, Source


class Place:
    """A key, from the top of the configuration; `owners` names the files of those keys below that another file set."""

    def __init__(self, source: Source, keys: Keys = (), owners: Mapping[Key, Source] | None = None) -> None:
        """Stand at a key."""
        self.source, self.keys, self._owners = source, keys, owners or {}

    @property
    def key(self) -> str:
        """The name of the last key that is a name."""
        return next((key for key in reversed(self.keys) if isinstance(key, str)), "")

    def at(self, key: Key) -> Place:
        """Return the place one key further in."""
        return Place(self._owners.get(key, self.source), (*self.keys, key))

    def refuse(self, what: str, remedy: str) -> NoReturn:
        """Raise the ConfigError about this key."""
        self.source.refuse(self.keys, what, remedy)
