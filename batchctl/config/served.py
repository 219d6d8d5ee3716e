"""What the configuration lets `batchctl serve` do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from batchctl.config.schema import WebTable, convert
from batchctl.core.model import Web

if TYPE_CHECKING:
    from batchctl.config.key_path import KeyPath


def served(table: Any, where: KeyPath | None) -> Web:
    """Return what `[web]` says; ConfigError where it is wrong."""
    if where is None:
        return Web()
    given = asdict(convert(table, WebTable, where.at("web")))
    return Web(**{key: tuple(value) if isinstance(value, list) else value for key, value in given.items()})
