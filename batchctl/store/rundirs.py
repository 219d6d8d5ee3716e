"""The directories of runs, `runs/ID`: measured and removed without ever leaving them.

Everything goes through one descriptor of `runs`, opened without following a link, and by names below it. A symbolic
link that a step has put there is removed as a link, and what it points to is never looked at.
"""

from __future__ import annotations

import os
import stat

from batchctl.base.errors import StateError
from batchctl.base.state_dir import StateDir
from batchctl.core.text.ids import id_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_RESERVED = ".reserved"
REMOVED = ".removed"
"""Ends the name of a directory that is being removed."""

_HERE = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 512
"""The unit of st_blocks, stat(2)."""


class RunDirs:
    """The directories of a state directory's runs; there may be none yet."""

    def __init__(self, state_dir: str) -> None:
        """Open them.

        Raises:
            StateError: if `runs` is something else than a directory.
        """
        self._place = StateDir(state_dir)
        self.not_removed: list[str] = []
        """What would not go, each with the reason."""
        try:
            self._runs: int | None = os.open(self._place.runs, _HERE)
        except FileNotFoundError:
            self._runs = None
        except OSError as error:
            message = f"{self._place.runs} is not a directory that can be read: {error.strerror}"
            raise StateError(message, remedy="make it one; a symbolic link is not followed") from error

    def close(self) -> None:
        """Close the descriptor."""
        if self._runs is not None:
            os.close(self._runs)

    def names(self) -> list[str]:
        """Return the names that runs give their directories, and those of directories that are being removed."""
        if self._runs is None:
            return []
        return [name for name in os.listdir(self._runs) if id_of(name.removesuffix(REMOVED)) is not None]

    def changed(self, name: str) -> float:
        """Return when an entry last changed, in seconds since the epoch; infinity where it is gone."""
        try:
            return os.lstat(name, dir_fd=self._runs).st_mtime
        except OSError:
            return float("inf")

    def size(self, name: str) -> int:
        """Return the bytes that an entry takes on disk; a log may have a hole, so not the length of its files."""
        if self._runs is None:
            return 0
        try:
            found = os.lstat(name, dir_fd=self._runs)
            below = sum(_blocks_below(name, self._runs)) if stat.S_ISDIR(found.st_mode) else 0
        except OSError:
            return 0
        return (found.st_blocks + below) * _BLOCK

    def set_aside(self, name: str) -> bool:
        """Rename an entry so that no run can make it its own; False where that is not possible."""
        try:
            os.rename(name, name + REMOVED, src_dir_fd=self._runs, dst_dir_fd=self._runs)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._note(name, error)
            return False
        return True

    def remove(self, name: str) -> bool:
        """Remove an entry with all below it; False where it would not go, which is noted, or was not there."""
        if self._runs is None:
            return False
        try:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=self._runs).st_mode):
                os.unlink(name, dir_fd=self._runs)
                return True
            import shutil

            # Resists an attack by symbolic links, as it works on descriptors wherever the system has them.
            shutil.rmtree(name, dir_fd=self._runs)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._note(name, error)
            return False
        return True

    def reserved(self) -> set[int]:
        """Return the runs that have a spool file reserved: those under way, and lost ones, which never gave it back."""
        try:
            names = os.listdir(self._place.spool)
        except OSError:
            return set()
        runs = (name.removesuffix(_RESERVED) for name in names if name.endswith(_RESERVED))
        return {int(run) for run in runs if id_of(run) is not None}

    def forget_reserve(self, run_id: int) -> None:
        """Remove the spool file that a run had reserved, which a lost run could not give back."""
        try:
            os.unlink(self._place.spooled(run_id, "reserved"))
        except OSError:
            return

    def _note(self, name: str, error: OSError) -> None:
        self.not_removed.append(f"{self._place.runs}/{name}: {error.strerror}")


def _blocks_below(name: str, parent: int) -> Iterator[int]:
    directory = os.open(name, _HERE, dir_fd=parent)
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                yield entry.stat(follow_symlinks=False).st_blocks
                if entry.is_dir(follow_symlinks=False):
                    yield from _blocks_below(entry.name, directory)
    finally:
        os.close(directory)
