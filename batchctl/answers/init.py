"""A commented configuration to start from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.base import paths
from batchctl.base.errors import BatchctlError
from batchctl.base.files import NOTHING
from batchctl.base.record import Record
from batchctl.config.starter import STARTER

if TYPE_CHECKING:
    from batchctl.answers.site import Site


class Started(Record):
    """The configuration that was written."""

    path: str
    is_found: bool
    """Whether batchctl finds it there by itself."""


def init(site: Site, path: str | None = None) -> Started:
    """Write a starter configuration to `path`, else to where batchctl looks for one; nothing is ever overwritten.

    Raises:
        BatchctlError: if something is there already, or it cannot be written.
    """
    named = path or site.config_option or os.environ.get("BATCHCTL_CONFIG")
    target = paths.absolute(named or paths.user_config_file())
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        # O_EXCL refuses whatever has the name already, be it a link that leads nowhere.
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        taken = error.filename or target
        what = "already exists" if taken == target else "is not a directory"
        message = f"{taken} {what}; {NOTHING}"
        raise BatchctlError(message, remedy="edit it, or choose another place with --path FILE") from error
    except OSError as error:
        message = f"{error.filename or target}: {error.strerror}; {NOTHING}"
        raise BatchctlError(message, remedy="choose a place you can write to, with --path FILE") from error
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(STARTER)
    except OSError as error:
        os.unlink(target)
        message = f"{target}: {error.strerror}; {NOTHING}"
        raise BatchctlError(message, remedy="make room, or choose another place with --path FILE") from error
    return Started(path=target, is_found=paths.config_file(None) == target)
