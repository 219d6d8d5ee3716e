"""What the top of the main file says to those who look: `check` and `batchctl serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from batchctl.config import values
from batchctl.config.schema import FileTable, WebTable, convert
from batchctl.core.model import Web

if TYPE_CHECKING:
    from batchctl.config.key_path import KeyPath


def served(table: Any, where: KeyPath | None) -> Web:
    """Return what `[web]` says; ConfigError where it is wrong."""
    if where is None:
        return Web()
    given = asdict(convert(table, WebTable, where.at("web")))
    found: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return Web(**found)


def disk_free_min(top: FileTable, where: KeyPath | None) -> dict[str, int]:
    """Return the key of the same name as a field, where it is given; ConfigError where it is wrong."""
    if where is None or top.disk_free_min is None:
        return {}
    return {"disk_free_min": values.size(top.disk_free_min, where.at("disk_free_min")) or 0}
