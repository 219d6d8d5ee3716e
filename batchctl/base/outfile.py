"""Writing a result to the file that `--output` names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.base.errors import BatchctlError
from batchctl.base.paths import absolute

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO


def write_file(path: str, what: str, fill: Callable[[TextIO], object]) -> None:
    """Write a file in UTF-8, as a whole or not at all; a pipe or a device is simply written to.

    Raises:
        UsageError: if the current directory, from which it is named, has been deleted.
        BatchctlError: if it cannot be written; `what` names what was to be in it.
    """
    special = os.path.exists(path) and not os.path.isfile(path)
    target = os.path.realpath(absolute(path))
    draft = path if special else f"{target}.{os.getpid()}.part"
    try:
        with open(draft, "w", encoding="utf-8", errors="backslashreplace") as file:
            fill(file)
        if not special:
            os.replace(draft, target)
    except OSError as error:
        message = f"cannot write {what} to {path}: {error.strerror}"
        raise BatchctlError(message, remedy="give --output a file in a directory that you can write to") from error
    finally:
        if not special and os.path.exists(draft):
            os.unlink(draft)
