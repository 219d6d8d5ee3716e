"""The one place that knows what lies where in the state directory, and with which modes.

    batchctl.db                     the history, SQLite; with batchctl.db-wal and -shm while it is open
    history-began                   says that there is, or was, one: nothing starts over silently where it is gone
    locks/JOB.lock                  taken by each run, and inherited by its steps; never delete one while a job may run
    schema.lock                     held while the history is made or upgraded
    runs/ID/STEP-ATTEMPT.log        the output of each attempt; STEP counts from 1
    runs/ID/STEP.result             the result that a step wrote
    runs/ID/STEP.progress           the progress that it wrote
    spool/ID.KIND                   the end of a run: reserved for it, json where the history could not take it and the
                                    next fire brings it in, damaged where that file says nothing
    config-KEY.bin                  a checked copy of the configuration that makes a fire cheap; made anew at a change
    guarded/NAME.toml               what `run --name NAME` was last given: the command and its rules, as a job file
    health.json                     what the last check found
    crontab.backup-TIME             the crontab before a change
    last-backup                     when `batchctl backup` last made one, and where
    web-token                       the admin's token of `batchctl serve`
    web-tokens.json                 its further tokens, as hashes
    web.lock                        held by the server of this state, and says where it listens

All of it is the operator's alone: directories 0700, files 0600. Programs of presets keep their own files beside these;
they find the directory as `{state}` and import nothing from here.
"""

from __future__ import annotations

import os
import stat

from batchctl.base.errors import StateError

FILE_MODE = 0o600
DIR_MODE = 0o700

_CRONTAB_BACKUP = "crontab.backup-"
_LONGEST_NAME = 180
"""Bytes of a job's name that its lock file bears; NAME_MAX is 255."""


class StateDir:
    """The paths of one state directory. Only `ensure` and `make_*` touch the disk."""

    __slots__ = ("history", "path", "runs", "spool")

    def __init__(self, path: str) -> None:
        """Keep the absolute path; there may be nothing there yet."""
        self.path = path
        self.history = f"{path}/batchctl.db"
        self.runs = f"{path}/runs"
        self.spool = f"{path}/spool"

    @property
    def marker(self) -> str:
        """The file that says a history was begun here."""
        return f"{self.path}/history-began"

    @property
    def schema_lock(self) -> str:
        """What is locked while the history is made or brought to another version."""
        return f"{self.path}/schema.lock"

    @property
    def health(self) -> str:
        """What the last health check found."""
        return f"{self.path}/health.json"

    @property
    def last_backup(self) -> str:
        """When and where the state was last backed up."""
        return f"{self.path}/last-backup"

    @property
    def web_token(self) -> str:
        """The admin's token of the server."""
        return f"{self.path}/web-token"

    @property
    def web_tokens(self) -> str:
        """The server's further tokens."""
        return f"{self.path}/web-tokens.json"

    @property
    def web_lock(self) -> str:
        """What the one server of this state holds."""
        return f"{self.path}/web.lock"

    def lock(self, job: str) -> bytes:
        """Return the lock file of a job; long names are cut and told apart by a checksum.

        Bytes, since under a legacy locale the same Hangul name must not become another file.
        """
        name = job.encode()
        if len(name) > _LONGEST_NAME:
            from zlib import crc32

            name = name[:_LONGEST_NAME] + b"~%08x" % crc32(name)
        return b"%s/locks/%s.lock" % (os.fsencode(self.path), name)

    def at(self, relative: str) -> str:
        """Return the path of what the history names relative to the state directory: a log, a result."""
        return f"{self.path}/{relative}"

    def run(self, run_id: int) -> str:
        """Return the directory of a run."""
        return f"{self.runs}/{run_id}"

    def result(self, run_id: int, seq: int) -> str:
        """Return the file that a step, by its place in the run, writes its result to."""
        return f"{self.runs}/{run_id}/{seq}.result"

    def progress(self, run_id: int, seq: int) -> str:
        """Return the file that a step writes its progress to."""
        return f"{self.runs}/{run_id}/{seq}.progress"

    def spooled(self, run_id: int, kind: str) -> str:
        """Return the spool file of a run; `kind` is `reserved`, `json` or `damaged`."""
        return f"{self.spool}/{run_id}.{kind}"

    def waiting(self) -> list[str]:
        """Return the names of the ends of runs that wait for import; one listing, cheap enough for every fire."""
        try:
            return [name for name in os.listdir(self.spool) if name.endswith(".json")]
        except OSError:
            return []

    def compiled(self, key: str) -> str:
        """Return the compiled copy of the configuration with this checksum of its surroundings."""
        return f"{self.path}/config-{key}.bin"

    def guarded(self, name: str) -> str:
        """Return the job file of a command that is guarded without a configuration."""
        return f"{self.path}/guarded/{name}.toml"

    def crontab_backup(self, stamp: str) -> str:
        """Return where a crontab that is about to be changed is kept; stamps sort by age."""
        return f"{self.path}/{_CRONTAB_BACKUP}{stamp}"

    def crontab_backups(self) -> list[str]:
        """Return the crontabs that are kept, the oldest first; OSError where the directory cannot be read."""
        return sorted(self.at(name) for name in os.listdir(self.path) if name.startswith(_CRONTAB_BACKUP))

    def ensure(self) -> None:
        """Create the state directory where missing and make sure that it can be trusted.

        Raises:
            StateError: if it cannot be made, is no directory, belongs to somebody else, or is writable by others or by
                nobody. Root may write into any directory, so the mode is looked at and not tried out.
        """
        path = self.path
        try:
            # A world-writable directory may hold somebody else's lock; a mode without write is an operator's decision.
            os.makedirs(path, mode=DIR_MODE, exist_ok=True)
            found = os.stat(path)
        except OSError as error:
            message = f"state directory {path}: {error.strerror}"
            raise StateError(
                message, remedy="make it a directory that you can write to, or give --state DIR"
            ) from error
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid != os.geteuid():
            message = f"state directory {path} belongs to user id {found.st_uid}, not to you ({os.geteuid()})"
            raise StateError(message, remedy="run batchctl as that user, or give --state DIR")
        if mode & 0o022:
            message = f"state directory {path} is writable by others (mode {mode:04o}), so its locks cannot be trusted"
            raise StateError(message, remedy=f"chmod 700 {path}")
        if not mode & 0o200 or not os.access(path, os.W_OK):
            message = f"state directory {path} is read-only (mode {mode:04o})"
            raise StateError(message, remedy=f"chmod 700 {path}, remount it writable, or give --state DIR")

    def make_spool(self) -> None:
        """Make the spool where missing; OSError where that fails."""
        os.makedirs(self.spool, mode=DIR_MODE, exist_ok=True)

    def make_run(self, run_id: int) -> None:
        """Make the directory that takes a run's logs, results and progress; OSError where that fails.

        Where a history that was lost, or restored from a backup, gave the same id before, the logs of then are kept
        beside.
        """
        path = self.run(run_id)
        # One by one: makedirs() gives its mode to the last directory only.
        os.makedirs(self.runs, mode=DIR_MODE, exist_ok=True)
        try:
            os.mkdir(path, DIR_MODE)
        except FileExistsError:
            if not os.listdir(path):
                return  # of a start that the history did not take
            before = 1
            while os.path.lexists(f"{path}.before-{before}"):
                before += 1
            os.rename(path, f"{path}.before-{before}")
            os.mkdir(path, DIR_MODE)


def run_name(run_id: int) -> str:
    """Return the directory of a run as the history names it: relative to the state directory, which may be moved."""
    return f"runs/{run_id}"


def log_name(run_id: int, seq: int, attempt: int) -> str:
    """Return the log of an attempt as the history names it."""
    return f"runs/{run_id}/{seq}-{attempt}.log"


def open_private(path: str | bytes, flags: int) -> int:
    """Open a file in the state directory, 0600 where it is made; no link is followed, no child inherits it."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
