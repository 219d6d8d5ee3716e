"""Typed settings of a source: `[sources.NAME]` of the configuration, which batchctl passes in BATCHCTL_SOURCES."""

import json
import os
from dataclasses import dataclass, field
from typing import Any


class SettingsError(Exception):
    """The settings of a source cannot be used; `str()` says what to do."""


@dataclass(frozen=True)
class Source:
    """One source of data: where it is, how politely it is asked, as whom.

    `rate_limit` is requests a second, `timeout` seconds, `batch_size` records a page, `interval_hours` the hours after
    a collection during which the source is left alone. Without `base_url` the sample server stands in for it.
    """

    name: str
    base_url: str | None = None
    rate_limit: float = 5.0
    batch_size: int = 200
    interval_hours: float = 0.0
    timeout: float = 30.0
    retries: int = 3
    publish_dir: str | None = None
    model: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def is_sample(self) -> bool:
        """Whether nothing is configured, so that the sample server stands in."""
        return self.base_url is None


def source(name: str) -> Source:
    """Return the settings of a source; defaults where the configuration says nothing.

    Raises:
        SettingsError: if BATCHCTL_SOURCES is not JSON, or a credential's variable is named and not set.
    """
    try:
        tables: dict[str, dict[str, Any]] = json.loads(os.environ.get("BATCHCTL_SOURCES") or "{}")
    except ValueError as error:
        message = "BATCHCTL_SOURCES is not JSON; batchctl sets it from [sources.NAME]"
        raise SettingsError(message) from error
    table = dict(tables.get(name, {}))
    for key in ("username", "password", "token"):
        table[key] = _credential(name, key, table.pop(f"{key}_env", None))
    return Source(name=name, **table)


def _credential(source_name: str, key: str, variable: str | None) -> str | None:
    if variable is None:
        return None
    value = os.environ.get(variable)
    if not value:
        message = f"[sources.{source_name}] {key}_env names {variable}, which is not set; set it in the job's env_file"
        raise SettingsError(message)
    return value
