"""`[sources.NAME]`: typed settings of the catalogue's collectors; credentials only by the name of a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from batchctl.config import values
from batchctl.config.schema import SourceTable, convert, example

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.config.key_path import KeyPath


def sources(tables: Mapping[str, Any], where: KeyPath) -> dict[str, dict[str, Any]]:
    """Return every source's settings as JSON values, durations in seconds; steps get them in BATCHCTL_SOURCES.

    Raises:
        ConfigError: with file, line where known, key and remedy.
    """
    return {name: _source(table, where.at(name)) for name, table in tables.items()}


def _source(table: Any, where: KeyPath) -> dict[str, Any]:
    raw = convert(table, SourceTable, where)
    if raw.base_url is not None and not raw.base_url.startswith(("http://", "https://")):
        where.at("base_url").refuse(f"{raw.base_url!r} is not an http address", example("base_url"))
    for key in ("username_env", "password_env", "token_env"):
        name = getattr(raw, key)
        if name is not None and not name.isidentifier():
            # Most likely the secret itself, so it is not repeated here.
            where.at(key).refuse("is not the name of an environment variable", example(key))
    if raw.publish_dir is not None and not (raw.publish_dir.startswith("/") and raw.base_url):
        where.at("publish_dir").refuse(
            "needs an absolute path, and the address of that directory in base_url", example("publish_dir")
        )
    settings: dict[str, Any] = msgspec.to_builtins(raw)
    settings["timeout"] = values.duration(raw.timeout, where.at("timeout"))
    if settings["base_url"] is not None:
        settings["base_url"] = settings["base_url"].rstrip("/")
    return settings
