"""A key of the configuration: which key of which file is being looked at, so that every error can name both."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.config.toml_file import Key, Keys, TomlFile


class KeyPath:
    """A key, from the top of the configuration; `owners` names the files of those keys below that another file set."""

    def __init__(self, source: TomlFile, keys: Keys = (), owners: Mapping[Key, TomlFile] | None = None) -> None:
        """Stand at a key."""
        self.source, self.keys, self._owners = source, keys, owners or {}

    @property
    def key(self) -> str:
        """The name of the last key that is a name."""
        return next((key for key in reversed(self.keys) if isinstance(key, str)), "")

    def at(self, key: Key) -> KeyPath:
        """Return the key one further in."""
        return KeyPath(self._owners.get(key, self.source), (*self.keys, key))

    def refuse(self, what: str, remedy: str) -> NoReturn:
        """Raise the ConfigError about this key."""
        self.source.refuse(self.keys, what, remedy)
