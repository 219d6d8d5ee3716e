"""What any change of a file changes: by this a compiled copy knows its sources."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    Identity = tuple[int, ...] | None


def identity_of(path: str) -> Identity:
    """Return the identity of what a path leads to through all symbolic links; None where there is nothing."""
    try:
        return identity(os.stat(path))
    except OSError:
        return None


def identity(found: os.stat_result) -> Identity:
    """Return what any change of a file or directory changes: device, inode, size, mtime and ctime in ns."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
