"""The second place for the end of a run: a file reserved on disk before the run begins.

`spool/ID.reserved` holds blocks and no content; `keep` fills it in place and renames it to `spool/ID.json`, which needs
no new block even on a full disk. `import_all` brings it into the history and removes it.
"""

from __future__ import annotations

import os

from batchctl.base.errors import is_passing
from batchctl.base.state_dir import StateDir, open_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from batchctl.core.run import Identity, Run
    from batchctl.store.runs import Birth

RESERVED_BYTES = 128 * 1024


def reserve(state_dir: str, run_id: int) -> None:
    """Take the blocks for a run's spool file.

    Raises:
        OSError: if there is no room, in which case the run must not start.
    """
    place = StateDir(state_dir)
    place.make_spool()
    reserved = place.spooled(run_id, "reserved")
    descriptor = open_private(reserved, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.posix_fallocate(descriptor, 0, RESERVED_BYTES)
    except OSError:
        os.unlink(reserved)
        raise
    finally:
        os.close(descriptor)


def release(state_dir: str, run_id: int) -> None:
    """Give the reserved blocks back: the history has the end of the run."""
    try:
        os.unlink(StateDir(state_dir).spooled(run_id, "reserved"))
    except OSError:
        return


def reservations(state_dir: str) -> list[int]:
    """Return the ids of the runs for which blocks are reserved."""
    try:
        names = os.listdir(StateDir(state_dir).spool)
    except OSError:
        return []
    return [int(name.removesuffix(".reserved")) for name in names if name.endswith(".reserved")]


def keep(state_dir: str, run: Run, owner: Identity, birth: Birth | None = None) -> bool:
    """Write the end of a run into its spool file; say whether it is there.

    On a full disk there is room for what was reserved and no more: then it goes without the steps' results.
    """
    from batchctl.store.spool_format import as_bytes

    try:
        StateDir(state_dir).make_spool()
        _fill(state_dir, run.id, as_bytes(run, owner, birth))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and is_passing(error):
            return False  # another try may keep all of it
        for step in run.steps:
            step.result = None
        try:
            _fill(state_dir, run.id, as_bytes(run, owner, birth))
        except (OSError, ValueError):
            return False
    return True


def _fill(state_dir: str, run_id: int, content: bytes) -> None:
    place = StateDir(state_dir)
    reserved = place.spooled(run_id, "reserved")
    descriptor = open_private(reserved, os.O_WRONLY | os.O_CREAT)
    try:
        written = 0
        while written < len(content):
            written += os.write(descriptor, content[written:])
        os.ftruncate(descriptor, len(content))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(reserved, place.spooled(run_id, "json"))
    directory = os.open(place.spool, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def settle(state_dir: str) -> None:
    """Import what waits, for a command that is about to show the history; where that cannot be, it stays waiting.

    Without anything waiting, which is as good as always, it costs one listing of a directory.
    """
    if not StateDir(state_dir).waiting():
        return
    import sqlite3

    from batchctl.base.errors import StateError
    from batchctl.store import database

    try:
        connection = database.connect(state_dir, create=False, busy_limit=_PATIENCE_OF_A_LOOK)
        try:
            import_all(state_dir, connection)
        finally:
            connection.close()
    except (StateError, sqlite3.Error):
        return


_PATIENCE_OF_A_LOOK = 1.0


def import_all(state_dir: str, connection: sqlite3.Connection) -> int:
    """Bring every waiting spool file into the history and return how many there were.

    A file that says nothing is set aside as `.damaged`, for the operator to look at; it never stops a fire, and neither
    does one that cannot be read or removed: it stays, and to import it again changes nothing. What a newer batchctl
    wrote stays for that one.

    Raises:
        sqlite3.Error: if the history takes no writing; the files stay.
    """
    imported = 0
    for name in sorted(StateDir(state_dir).waiting()):
        try:
            imported += _import(f"{StateDir(state_dir).spool}/{name}", connection)
        except OSError:
            continue  # among others: another fire has imported it at this very moment
    return imported


def _import(path: str, connection: sqlite3.Connection) -> int:
    import sqlite3

    from batchctl.store import database, runs, spool_format

    with open(path, "rb") as file:
        content = file.read()
    try:
        owner, birth, run = spool_format.read(content)
    except spool_format.NewerError:
        return 0
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _set_aside(path)
    try:
        with database.Immediate(connection):
            if runs.birth_of(connection, run) is not None:
                runs.save(connection, run, owner)
            elif not runs.is_known(connection, run):
                # The history was lost, or restored from a backup, since the run began in it.
                runs.insert_ended(connection, run, owner, birth)
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        return _set_aside(path)
    os.unlink(path)
    return 1


def _set_aside(path: str) -> int:
    os.rename(path, path.removesuffix(".json") + ".damaged")
    return 0
