"""Backing up the history and its configuration, and reading a backup back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.base.errors import UsageError
from batchctl.process.identity import host
from batchctl.store import backup as store

if TYPE_CHECKING:
    from batchctl.answers.site import Site
    from batchctl.store.backup import Copied


def backup(site: Site, target: str, *, keep: int | None = None) -> Copied:
    """Write a backup to a file, or into a directory of which the newest `keep` stay; running batches go on.

    Raises:
        UsageError: if `keep` is less than 1.
        ConfigError, StateError: if there is nothing that could be relied on to copy.
        BatchctlError: if the backup cannot be written.
    """
    if keep is not None and keep < 1:
        message = f"--keep {keep} would keep nothing"
        raise UsageError(message, remedy="give the number of backups that stay, 1 or more")
    return store.make(site.state, _files(site), target, host=host(), keep=keep)


def verify(target: str) -> Copied:
    """Read a backup back, of a directory the newest; BatchctlError where it cannot be relied on."""
    return store.verify(target)


def _files(site: Site) -> dict[str, str]:
    """Return the configuration's own files, by their names in a backup; ready-made jobs come with batchctl."""
    if site.config_path is None:
        return {}
    top = os.path.dirname(site.config_path)
    return {
        f"config/{os.path.relpath(path, top)}": path
        for path in site.config.files
        if os.path.commonpath([top, path]) == top
    }
