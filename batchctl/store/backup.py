"""A consistent copy of the history and of what configures it, in one archive; and reading one back.

The history is copied by SQLite's own backup in one go, which holds one read transaction: a batch that runs meanwhile
goes on writing and is in the copy up to that instant. The archive is a tar file, compressed where its name ends in
`gz`:

    MANIFEST.json                   when, where and by which version it was made, and the SHA-256 of every file in it
    state/batchctl.db               the history
    state/history-began             its marker, without which a restored history would be made anew where it is missing
    config/…                        the main configuration and jobs.d, where they are files

Logs are not in it: they are as large as what the steps write. Nor are env_file and the secrets in it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batchctl.base import clock
from batchctl.base.errors import BatchctlError
from batchctl.base.files import read, replace_file
from batchctl.base.record import Record
from batchctl.base.state_dir import FILE_MODE, StateDir
from batchctl.base.version import VERSION
from batchctl.store import database

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MANIFEST = "MANIFEST.json"
HISTORY = "state/batchctl.db"
MARKER = "state/history-began"
_PREFIX = "batchctl-"
_SUFFIX = ".tar.gz"
_BLOCK = 1 << 20


class Copied(Record):
    """A backup: `at` seconds since the epoch, sizes in bytes."""

    path: str
    at: float
    host: str
    version: str
    runs: int
    newest_run: int | None
    """The id of the newest run in it; None where there is none."""
    size: int
    files: Sequence[str]
    removed: Sequence[str] = ()
    """Older backups of the same directory that `keep` let go."""


def make(state_dir: str, config: Mapping[str, str], target: str, *, host: str, keep: int | None = None) -> Copied:
    """Write a backup to a file, or into a directory under a name of its own, of which the newest `keep` stay.

    Where no history was begun yet, the configuration alone is in it.

    `config` maps the names of the configuration's files in the archive to their paths. The archive appears at its place
    whole or not at all, 0600.

    Raises:
        StateError: if the history cannot be trusted.
        BatchctlError: if the archive cannot be written.
    """
    at = clock.now()
    into = os.path.isdir(target) or target.endswith("/")
    path = os.path.join(target, f"{_PREFIX}{_stamp(at)}{_SUFFIX}") if into else target
    directory = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".batchctl-", dir=directory) as scratch:
            named, (runs, newest) = dict(config), (0, None)
            if database.begun(state_dir):
                history = f"{scratch}/history"
                runs, newest = _copy(state_dir, history)
                named = {HISTORY: history, MARKER: StateDir(state_dir).marker, **config}
            about: dict[str, Any] = {"at": at, "host": host, "version": VERSION, "runs": runs, "newest_run": newest}
            part = f"{scratch}/archive"
            _write(part, named, about, compressed=path.endswith("gz"))
            os.replace(part, path)
        removed = _thin(directory, keep) if into and keep is not None else ()
        size = os.stat(path).st_size
    except OSError as error:
        message = f"backup to {target}: {error.strerror or error}"
        raise BatchctlError(message, remedy="name a place that you can write to, with room for it") from error
    _remember(state_dir, at, path)
    return Copied(path=path, files=list(named), size=size, removed=removed, **about)


def verify(path: str) -> Copied:
    """Read a backup back: every file against its checksum, and the history against SQLite's own check.

    Of a directory its newest backup is read.

    Raises:
        BatchctlError: if it is missing, damaged or no backup; the message says which file of it.
    """
    if os.path.isdir(path):
        found = _backups(path)
        if not found:
            message = f"there is no backup in {path}"
            raise BatchctlError(message, remedy=f"make one: `batchctl backup {path}`")
        path = found[-1]
    try:
        with tempfile.TemporaryDirectory(prefix="batchctl-") as scratch, tarfile.open(path) as archive:
            about = json.loads(_member(archive, MANIFEST).read())
            for name, digest in about["files"].items():
                copy = f"{scratch}/history" if name == HISTORY else os.devnull
                if _extract(_member(archive, name), copy) != digest:
                    raise _damaged(path, f"{name} is not what was written")
            if HISTORY in about["files"]:
                _check(path, f"{scratch}/history")
    except (OSError, EOFError, tarfile.TarError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _damaged(path, getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
    values = {name: about[name] for name in ("at", "host", "version", "runs", "newest_run")}
    return Copied(path=path, size=os.stat(path).st_size, files=list(about["files"]), **values)


def last(state_dir: str) -> tuple[float, str] | None:
    """Return when this state was last backed up, and to which file; None where it never was, as far as is known."""
    try:
        with open(StateDir(state_dir).last_backup, encoding="utf-8") as file:
            said = json.load(file)
        return float(said["at"]), str(said["path"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _copy(state_dir: str, path: str) -> tuple[int, int | None]:
    """Copy the history and return how many runs it has, and the id of the newest."""
    source = database.connect(state_dir, create=False)
    target = sqlite3.connect(path)
    try:
        source.backup(target)
        # A copy is read where its directory may not be written to: no journal beside it.
        target.execute("pragma journal_mode = delete")
        runs, newest = target.execute("select count(*), max(id) from runs").fetchone()
    except sqlite3.Error as error:
        raise database.untrusted(StateDir(state_dir).history, error) from error
    finally:
        target.close()
        source.close()
    return runs, newest


def _write(path: str, named: Mapping[str, str], about: Mapping[str, Any], *, compressed: bool) -> None:
    digests = {}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz" if compressed else "w", format=tarfile.PAX_FORMAT) as archive:
            for name, source in named.items():
                with open(source, "rb") as content:
                    entry = archive.gettarinfo(arcname=name, fileobj=content)
                    entry.mode, entry.type = FILE_MODE, tarfile.REGTYPE
                    archive.addfile(entry, content)
                    content.seek(0)
                    digests[name] = hashlib.file_digest(content, "sha256").hexdigest()
            text = json.dumps({**about, "files": digests}, ensure_ascii=False, indent=2).encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size, entry.mode, entry.mtime = len(text), FILE_MODE, int(about["at"])
            archive.addfile(entry, io.BytesIO(text))
        file.flush()
        os.fsync(file.fileno())


def _member(archive: tarfile.TarFile, name: str) -> Any:
    found = archive.extractfile(name)
    if found is None:
        message = f"{name} is no file"
        raise ValueError(message)
    return found


def _extract(content: Any, path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        while block := content.read(_BLOCK):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _check(archive: str, path: str) -> None:
    connection = sqlite3.connect(path)
    try:
        said = connection.execute("pragma integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        said = str(error)
    finally:
        connection.close()
    if said != "ok":
        raise _damaged(archive, f"the history in it: {said}")


def _damaged(path: str, why: str) -> BatchctlError:
    message = f"backup {path} cannot be relied on: {why}"
    return BatchctlError(message, remedy="make another one with `batchctl backup`, and keep this one for a look")


def _backups(directory: str) -> list[str]:
    """Return the backups of a directory, the oldest first."""
    names = sorted(name for name in os.listdir(directory) if name.startswith(_PREFIX) and name.endswith(_SUFFIX))
    return [f"{directory}/{name}" for name in names]


def _thin(directory: str, keep: int) -> list[str]:
    gone = _backups(directory)[:-keep]
    for path in gone:
        os.unlink(path)
    return gone


def _stamp(at: float) -> str:
    """Return an instant in UTC as names bear it, to the microsecond, so that they sort by age."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def _remember(state_dir: str, at: float, path: str) -> None:
    """Let `doctor` know; that this cannot be written down makes the backup no worse."""
    path_of_note = StateDir(state_dir).last_backup
    text = json.dumps({"at": at, "path": os.path.abspath(path)}, ensure_ascii=False).encode()
    with suppress(BatchctlError):
        replace_file(path_of_note, read(path_of_note) if os.path.lexists(path_of_note) else None, text)
