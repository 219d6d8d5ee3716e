"""Changing jobs as files: one TOML file per job in jobs.d/ beside the configuration.

Every change is judged first, by loading the whole configuration as it would be, and written only if that succeeds. In
a file that holds more than the job, every byte outside what is changed stays.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from batchctl.base import paths
from batchctl.base.errors import BatchctlError, ConfigError
from batchctl.base.files import NOTHING, alone, make_directory, read, replace_file, write_all
from batchctl.base.record import Record
from batchctl.config import load, load_as
from batchctl.config.build import SCHEDULES
from batchctl.config.edit.jobtext import raw_key, with_entries, with_key, without

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from batchctl.core.model import Config

_MINIMAL = b"""\
# batchctl: what holds for every job (timezone, state_dir, [pools]); `batchctl init --path FILE` writes an example.
# Each job has a file of its own, jobs.d/NAME.toml beside this one: `batchctl jobs add`, `batchctl jobs edit`.
"""
_BOM = "\ufeff"


class Done(Record):
    """What was changed."""

    jobs: tuple[str, ...]
    files: tuple[str, ...]
    """The files that were written or removed, absolute; none where everything was as wanted."""
    created: str | None = None
    """The main file, where there was none before."""
    skipped: tuple[str, ...] = ()
    """Names that were taken already."""
    before: Config | None
    """None where there was no configuration, or none that could be read."""
    after: Config | None
    """None where nothing was changed."""


def add(
    config_path: str | None, jobs: Mapping[str, str], *, keep: bool = False, pools: Mapping[str, int] | None = None
) -> Done:
    """Write new jobs, name to the text of its file; where there is no configuration yet, a minimal one is made.

    With `keep` a name that is taken is left as it is and reported, otherwise nothing at all is written. `pools` are
    limits that the main file does not have yet: they are written into its [pools].

    Raises:
        BatchctlError: if a name is taken, or a file cannot be written.
        ConfigError: if the configuration would be wrong with them.
    """
    main = config_path or paths.user_config_file()
    directory = os.path.dirname(main)
    if config_path is not None:
        load(main)  # one that was named and is not there is a slip, and no reason to make it
    elif not os.path.isdir(directory):
        # Judged before anything is made, so that a wrong job leaves not even a directory behind.
        _judged(main, {**_new_files(main, jobs), main: _with_pools(_MINIMAL, main, pools)})
        make_directory(directory)
    with alone(directory):
        fresh = config_path is None and not os.path.lexists(main)
        before = None if fresh else load(main)
        taken = [name for name in jobs if before is not None and name in before.jobs]
        if taken and before is not None and not keep:
            raise taken_name(taken[0], before.jobs[taken[0]].origin)
        new = _new_files(main, {name: text for name, text in jobs.items() if name not in taken})
        old = _MINIMAL if fresh else read(main)
        shared = _with_pools(old, main, pools) if new else old
        after = _judged(main, {**new, main: shared}) if new else None
        if new:
            make_directory(f"{directory}/jobs.d")
            _write(main, None if fresh else old, shared, new)
    return Done(
        jobs=tuple(name for name in jobs if name not in taken),
        files=(*new, *([] if fresh or shared == old else [main])),
        created=main if fresh and new else None,
        skipped=tuple(taken),
        before=before,
        after=after,
    )


def taken_name(name: str, origin: str) -> BatchctlError:
    """Return the error for a new job whose name another one has."""
    message = f"there is already a job {name!r}, in {origin}; {NOTHING}"
    return BatchctlError(message, remedy=f"choose another name, or change it with `batchctl jobs edit {name}`")


def _write(main: str, old: bytes | None, shared: bytes, new: Mapping[str, bytes]) -> None:
    """Write new job files and what the main file, which said `old` (None: nothing), says for them; all or none."""
    if old is None:
        write_all({**new, main: shared})
        return
    if shared != old:
        replace_file(main, old, shared)  # first, since a job whose pool is not there yet is an error to every fire
    try:
        write_all(new)
    except BaseException:
        if shared != old:
            replace_file(main, shared, old)
        raise


def remove(config_path: str | None, name: str) -> Done:
    """Take a job out: its file in jobs.d, or its tables in the main file; a link goes, and not what it leads to.

    Raises:
        BatchctlError: if it is defined in neither, or the file cannot be changed.
        ConfigError: if the configuration would be wrong without it.
    """
    main = _main_file(config_path, name)
    with alone(os.path.dirname(main)):
        before = load(main)
        path = _file_of(before, name)
        old = read(path)
        new = None if path != main else _changed(old, path, lambda text: without(text, raw_key(text, name)))
        after = _judged(main, {path: new})
        replace_file(path, old, new)
    return Done(jobs=(name,), files=(path,), before=before, after=after)


def register(config_path: str | None, name: str, reference: str) -> Done:
    """Name a function in `[functions]` of the main file, which is made where there is none yet.

    Raises:
        ConfigError: if it cannot be imported, or the configuration would be wrong with it; nothing is written.
        BatchctlError: if the file cannot be written.
    """
    main = config_path or paths.user_config_file()
    make_directory(os.path.dirname(main))
    with alone(os.path.dirname(main)):
        fresh = config_path is None and not os.path.lexists(main)
        before = None if fresh else load(main)
        old = _MINIMAL if fresh else read(main)
        new = _changed(
            old, main, lambda text: with_entries(text, "functions", {name: reference}), "add it in an editor"
        )
        after = _judged(main, {main: new})
        for text, remedy in after.broken:
            if f": functions.{name}: " in text:
                raise ConfigError(text, remedy=f"{remedy}; {NOTHING}")
        if fresh:
            write_all({main: new})
        elif new != old:
            replace_file(main, old, new)
    return Done(
        jobs=(),
        files=(main,) if fresh or new != old else (),
        created=main if fresh else None,
        before=before,
        after=after,
    )


def change(config_path: str | None, name: str, values: Mapping[str, Any]) -> Done:
    """Set keys of a job where it is defined, every other byte of the file kept; nothing where they are so already.

    A key may lie in a table, `params.limit`; None takes it out. One of the keys that say when a job is fired takes out
    the other that is there.

    Raises:
        BatchctlError: if the job has no file of its own to change, or the file cannot be written.
        ConfigError: if the configuration would be wrong; nothing is written.
    """
    main = _main_file(config_path, name)
    with alone(os.path.dirname(main)):
        before = load(main)
        path = _file_of(before, name)
        old = read(path)

        def changed(text: str) -> str:
            table = ("jobs", raw_key(text, name)) if path == main else ()
            for key, value in values.items():
                for other in set(SCHEDULES) - {key} if key in SCHEDULES and value is not None else ():
                    text = with_key(text, table, other, None)
                text = with_key(text, table, key, value)
            return text

        new = _changed(old, path, changed)
        if new == old:
            return Done(jobs=(name,), files=(), before=before, after=None)
        after = _judged(main, {path: new})
        replace_file(path, old, new)
    return Done(jobs=(name,), files=(path,), before=before, after=after)


def enable(config_path: str | None, name: str, *, enabled: bool) -> Done:
    """Set `enabled` of a job, as `change` does; nothing where that is in force already, written or not."""
    before = load(_main_file(config_path, name))
    _file_of(before, name)
    if before.jobs[name].rules.enabled == enabled:
        return Done(jobs=(name,), files=(), before=before, after=None)
    return change(config_path, name, {"enabled": enabled})


def file_to_edit(config_path: str | None, name: str) -> tuple[str, bytes] | None:
    """Return the file that defines a job, and what it says; None where there is no such job.

    A file of its own is found however wrong it is.

    Raises:
        BatchctlError: if no file of the operator's defines it.
        ConfigError: if only the main file can define it, and that is wrong.
    """
    own = None if config_path is None else f"{os.path.dirname(config_path)}/jobs.d/{name}.toml"
    if own is None or not os.path.isfile(own):
        config = load(config_path)
        if name not in config.jobs:
            return None
        own = _file_of(config, name)
    return own, read(own)


def put(config_path: str, name: str, path: str, old: bytes, new: bytes) -> Done:
    """Replace a file of the configuration, which said `old`, by what the operator made of it.

    Raises:
        BatchctlError: if it has changed meanwhile, or cannot be written.
        ConfigError: if the configuration would be wrong.
    """
    with alone(os.path.dirname(config_path)):
        try:
            before = load(config_path)
        except ConfigError:
            before = None  # it may be what this edit repairs
        after = _judged(config_path, {path: new})
        replace_file(path, old, new)
    return Done(jobs=(name,), files=(path,), before=before, after=after)


def _new_files(main: str, jobs: Mapping[str, str]) -> dict[str, bytes]:
    return {f"{os.path.dirname(main)}/jobs.d/{name}.toml": text.encode() for name, text in jobs.items()}


def _judged(main: str, files: Mapping[str, bytes | None]) -> Config:
    """Return the configuration as it will be with these files."""
    there = files if os.path.lexists(main) else {main: _MINIMAL, **files}
    try:
        return load_as(main, there)
    except ConfigError as error:
        remedy = f"{error.remedy}; {NOTHING}"
        raise ConfigError(str(error), remedy=remedy, keys=error.keys, others=error.others) from error


def _main_file(config_path: str | None, name: str) -> str:
    if config_path is None:
        raise no_file(name)
    return config_path


def _file_of(config: Config, name: str) -> str:
    """Return the file that defines a job."""
    origin = config.jobs[name].origin if name in config.jobs else None
    if origin is not None and origin.startswith("module "):
        message = f"{name} is a decorated function of {origin}; {NOTHING}"
        raise BatchctlError(message, remedy="change its decorator there; `batchctl pause` stops its fires meanwhile")
    if origin is None or origin not in config.files:
        raise no_file(name)
    return origin


def no_file(name: str) -> BatchctlError:
    """Return the error for a ready-made job that is to be changed."""
    message = f"{name} is a ready-made job, which no file of yours defines; {NOTHING}"
    return BatchctlError(message, remedy=f"`batchctl jobs presets --install {name}` makes it a file of yours")


def _with_pools(old: bytes, main: str, pools: Mapping[str, int] | None) -> bytes:
    if not pools:
        return old
    lines = ", ".join(f"{name} = {limit}" for name, limit in pools.items())
    return _changed(
        old, main, lambda text: with_entries(text, "pools", pools), f"add {lines} to its [pools] in an editor"
    )


def _changed(
    old: bytes,
    path: str,
    change: Callable[[str], str],
    remedy: str = "change it in an editor, with `batchctl jobs edit`",
) -> bytes:
    """Return a file's content after a change of its text; a byte order mark stays."""
    text = old.decode()
    mark = _BOM if text.startswith(_BOM) else ""
    try:
        return (mark + change(text.removeprefix(mark))).encode()
    except ValueError as error:
        message = f"{path}: cannot be changed without touching more than the job; {NOTHING}"
        raise BatchctlError(message, remedy=remedy) from error
