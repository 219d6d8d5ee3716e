"""Which files make the configuration, what overrides what, and where each effective value comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from batchctl.base import clock
from batchctl.base.errors import ConfigError, UsageError
from batchctl.base.paths import identity_of
from batchctl.base.paths import modules as modules_option
from batchctl.config import values
from batchctl.config.build import COMMANDS, SCHEDULES, SHORT_ONLY, Shared, build_job
from batchctl.config.chain import chained
from batchctl.config.earlier import Earlier, Loaded, Ready, top_of
from batchctl.config.faults import Faults
from batchctl.config.key_path import KeyPath
from batchctl.config.modules import Found, look
from batchctl.config.ready_made import PRESETS, file_of
from batchctl.config.schema import EventsTable, FileTable, JobTable, convert, example, unknown_remedy
from batchctl.config.served import disk_free_min, served
from batchctl.config.sources import sources
from batchctl.config.toml_file import Key, TomlFile
from batchctl.core.model import Config, Job
from batchctl.core.parameters import misfit
from batchctl.core.time import zones

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.base.paths import Identity

DEFAULT = "default"
_MERGED = ("params", "env", "groups")
"""Keys of a job that override a preset's entry by entry."""


class _Definition:
    """One job as one file defines it."""

    ready: Ready | None = None
    """The job itself, where its file is as it was when it was last compiled."""

    def __init__(self, name: str, table: Any, source: TomlFile, key: str | None = None) -> None:
        self.name, self.table, self.source = name, table, source
        self.where = KeyPath(source, ("jobs", key or name))

    def with_table(self, table: Any) -> _Definition:
        """Return the same definition with another table."""
        return self if table is self.table else _Definition(self.name, table, self.source, str(self.where.keys[-1]))


class _Reader:
    """Reads files and remembers what they were when they were read.

    `changes` are files as they will be (None: not there), so that a change can be judged before it is made.
    """

    def __init__(self, changes: Mapping[str, bytes | None] | None = None) -> None:
        self._changes = changes or {}
        self.identities: dict[str, Identity] = {}
        self.files: list[str] = []

    def file(self, path: str, label: str, prefix: tuple[str, ...] = ()) -> TomlFile:
        source = TomlFile(path, label, prefix, self._changes.get(path))
        self.identities[path] = source.identity
        if path not in self.files:
            self.files.append(path)
        return source

    def names_in(self, directory: str) -> list[str]:
        """Return the names in a directory, sorted; none where there is no directory."""
        self.identities[directory] = identity_of(directory)
        new = {os.path.basename(path) for path in self._changes if os.path.dirname(path) == directory}
        try:
            there = set(os.listdir(directory))
        except FileNotFoundError:
            there = set()
        except OSError as error:
            message = f"{directory}: {error.strerror}"
            raise ConfigError(message, remedy="make it a directory that can be read, or remove it") from error
        return sorted(name for name in there | new if self._changes.get(os.path.join(directory, name), b"") is not None)

    def preset(self, name: str) -> _Definition:
        source = self.file(file_of(name), f"preset {name}", ("jobs", name))
        return _Definition(name, source.table, source)


def load_all(
    path: str | None,
    changes: Mapping[str, bytes | None] | None = None,
    *,
    ready_made: bool = False,
    files: Sequence[str] | None = None,
    earlier: Earlier | None = None,
) -> Loaded:
    """Return the effective configuration, and the identity of every file and directory it was read from.

    `changes` are files (absolute paths) as they will be, None for one that will be gone. With `ready_made` the jobs are
    all ready-made ones in place of the configured ones: each as it is beside what the top of the main file says. With
    `files` they are those that these files define, each named after its file. Of `earlier` is taken what has not
    changed, and nothing where anything is wrong: errors are told by the whole.

    Raises:
        ConfigError: with file, line where known, key and remedy; everything else that is wrong is in its `others`.
    """
    reader, faults = _Reader(changes), Faults()
    path = None if path is None else os.path.abspath(path)
    main = None if path is None else reader.file(path, path)
    top, where, shared = _top(main, faults)
    if files is not None:
        definitions = [_job_file(file, reader) for file in files]
    elif ready_made:
        definitions = [reader.preset(name) for name in preset_names(reader)]
    else:
        definitions = [] if main is None else _defined(main, top, reader, faults, earlier)
    origins: dict[str, Mapping[str, str]] = {"": _top_origins(top, where)}
    found = _jobs(definitions, reader, shared, origins, faults)
    broken = Faults()
    if not ready_made and files is None:  # whoever runs a ready-made job by its name has not asked for another
        modules = [*top.modules, *_named_modules()]
        if (modules or shared.functions) and not faults.found:
            looked = look(modules, shared.functions, where, shared.python, shared.python_path or (os.getcwd(),))
            definitions += _decorated(looked, reader, shared, (found, origins, broken))
        found = chained(found, {each.name: each.where for each in definitions}, faults, broken)
    if faults.found and earlier is not None:
        return load_all(path)
    faults.settle()
    config = Config(
        path=path,
        files=tuple(reader.files),
        jobs=found,
        timezone=shared.timezone,
        zone=shared.zone,
        lang=shared.lang,
        state_dir=shared.state_home,
        pools=shared.pools,
        functions=shared.functions,
        broken=tuple((str(error), error.remedy) for error in broken.found),
        origins={key: origin for each in origins.values() for key, origin in each.items()},
        web=served(top.web, where),
        **disk_free_min(top, where),
    )
    return Loaded(config, reader.identities, origins, "" if main is None else top_of(main.table))


def _top(main: TomlFile | None, faults: Faults) -> tuple[FileTable, KeyPath | None, Shared]:
    """Return what the top level of the main file says."""
    if main is None:
        return FileTable(), None, _shared(FileTable(), None)
    where = KeyPath(main)

    def read(table: Any) -> tuple[FileTable, Shared]:
        top = convert(table, FileTable, where)
        disk_free_min(top, where)
        served(top.web, where)
        return top, _shared(top, where)

    top, shared = faults.of(main.table, 0, read) or (FileTable(), _shared(FileTable(), None))
    return top, where, shared


def _jobs(
    definitions: list[_Definition],
    reader: _Reader,
    shared: Shared,
    origins: dict[str, Mapping[str, str]],
    faults: Faults,
    there: Mapping[str, Job] | None = None,
) -> dict[str, Job]:
    """Return what the definitions define, besides the jobs that are there already."""
    there, found = there or {}, dict[str, Job]()
    for each in definitions:
        if each.ready is not None and each.name not in found:
            found[each.name], origins[each.name] = each.ready
            continue

        def build(table: Any, each: _Definition = each) -> Job:
            before = found.get(each.name) or there.get(each.name)
            if before is not None:
                what = f"a job of this name is already defined in {before.origin}"
                each.where.refuse(what, "rename or remove one of them")
            job, origins[each.name] = _effective(each.with_table(table), reader, shared)
            return job

        job = faults.of(each.table, len(each.where.keys), build)
        if job is not None:
            found[each.name] = job
    return found


def _decorated(
    found: Found,
    reader: _Reader,
    shared: Shared,
    into: tuple[dict[str, Job], dict[str, Mapping[str, str]], Faults],
) -> list[_Definition]:
    """Add the jobs of `modules` to those that are there; one that is wrong in anything is none, and others go on."""
    jobs, origins, broken = into
    reader.identities.update(found.files)
    for error in found.wrong:
        broken.note(error)
    definitions = [_Definition(source.name, table, source) for source, table in found.jobs]
    for each in definitions:
        faults = Faults()
        made = _jobs([each], reader, shared, origins, faults, jobs)
        for error in faults.found:
            broken.note(error)
        if not faults.found:
            jobs |= made
    return definitions


def preset_names(reader: _Reader | None = None) -> list[str]:
    """Return the names of the built-in presets."""
    found = (reader or _Reader()).names_in(PRESETS)
    return [name.replace("_", "-") for name in found if os.path.isfile(file_of(name))]


def presets() -> dict[str, Job]:
    """Return every built-in preset as the job it is without a configuration."""
    return dict(load_all(None, ready_made=True)[0].jobs)


def _defined(
    main: TomlFile, top: FileTable, reader: _Reader, faults: Faults, earlier: Earlier | None
) -> list[_Definition]:
    jobs = KeyPath(main).at("jobs")
    found: list[_Definition] = []
    for key, table in top.jobs.items():
        with faults.noted():
            found.append(_Definition(values.name(key, jobs.at(key), "job"), table, main, key))
    directory, says = os.path.join(main.directory, "jobs.d"), top_of(main.table)
    for file in reader.names_in(directory):
        if file.endswith(".toml") and not file.startswith("."):
            path = os.path.join(directory, file)
            known = None if earlier is None else earlier.of(path, says)
            with faults.noted():
                found.append(_job_file(path, reader) if known is None else _compiled(path, reader, main, *known))
    return found


def _compiled(path: str, reader: _Reader, main: TomlFile, identity: Identity, ready: Ready) -> _Definition:
    reader.identities[path] = identity
    reader.files.append(path)
    found = _Definition(ready.job.name, {}, main)
    found.ready = ready
    return found


def _job_file(path: str, reader: _Reader) -> _Definition:
    key = os.path.basename(path).removesuffix(".toml")
    source = reader.file(path, path, ("jobs", key))
    name = values.name(key, KeyPath(source, ("jobs", key)), "job")
    return _Definition(name, source.table, source, key)


def _shared(top: FileTable, where: KeyPath | None) -> Shared:
    if where is None:
        return Shared(timezone=None, zone=clock.SystemZone(), pools={})
    for key, limit in top.pools.items():
        values.name(key, where.at("pools").at(key), "pool")
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            what, remedy = "must be a whole number of jobs, at least 1", f"write for example {key} = 1"
            where.at("pools").at(key).refuse(what, remedy)
    try:
        zone = clock.SystemZone() if top.timezone is None else zones.NamedZone(top.timezone)
    except ValueError as error:
        where.at("timezone").refuse(str(error).partition(";")[0], example("timezone"))
    events = convert(top.events, EventsTable, where.at("events"))
    return Shared(
        timezone=top.timezone,
        zone=zone,
        pools=top.pools,
        sources=sources(top.sources, where.at("sources")),
        lang=top.lang,
        events_file=values.location(events.file, where.at("events").at("file")),
        events_syslog=events.syslog,
        config_path=where.source.path,
        state_home=values.location(top.state_dir, where.at("state_dir")),
        python=values.interpreter(top.python, where.at("python")),
        python_path=(where.source.directory, *values.search_path(top.python_path, where.at("python_path"))),
        functions=_functions(top, where),
        top=top,
    )


def _named_modules() -> list[str]:
    for name in modules_option():
        if not values.MODULE.fullmatch(name):
            message = f"--module: {name!r} is not the name of a module"
            raise UsageError(message, remedy="write it as import does, for example --module shop.jobs")
    return modules_option()


def _functions(top: FileTable, where: KeyPath) -> dict[str, str]:
    for number, module in enumerate(top.modules):
        if not values.MODULE.fullmatch(module):
            where.at("modules").at(number).refuse(f"{module!r} is not the name of a module", example("modules"))
    for name, reference in top.functions.items():
        if not isinstance(reference, str) or not values.FUNCTION.fullmatch(reference):
            remedy = f'write for example {name} = "package.module:name"'
            where.at("functions").at(name).refuse(f"{reference!r} names no function", remedy)
    return {values.name(name, where.at("functions"), "function"): each for name, each in top.functions.items()}


def _top_origins(top: FileTable, where: KeyPath | None) -> dict[str, str]:
    table = {} if where is None else where.source.table
    label = DEFAULT if where is None else where.source.label
    origins = {key: label if key in table else DEFAULT for key in ("timezone", "state_dir")}
    return origins | {f"pools.{key}": label for key in top.pools}


def _effective(definition: _Definition, reader: _Reader, shared: Shared) -> tuple[Job, dict[str, str]]:
    own = definition.table
    # Checked before it is merged, so that an error names the file that made it.
    convert(own, JobTable, definition.where)
    base = _base(definition, reader)
    merged = own if base is None else _merge(base.table, own)
    if base is not None:
        _refuse_misfits(definition, base.table)
    owners: dict[Key, TomlFile] = {}
    if base is not None:
        owners = {key: base.source for key in merged if key not in own}
    where = KeyPath(definition.source, definition.where.keys, owners)
    job = build_job(definition.name, merged, where, definition.source.label, shared)
    prefix = f"jobs.{definition.name}"
    origins = {f"{prefix}.{key}": DEFAULT for key in ("enabled", "grace", "gap_after", "min_gap")}
    for path in _leaves(merged):
        setter = definition if base is None or _has(own, path) else base
        origins[".".join((prefix, *path))] = setter.source.label
    return job, origins


def _refuse_misfits(definition: _Definition, preset: Mapping[str, Any]) -> None:
    """Refuse parameters that the preset's programs do not take, unless other steps take their place."""
    own = definition.table
    if any(key in own for key in (*COMMANDS, "steps")):
        return
    takes = dict(preset.get("params", {}))
    for step in preset["steps"]:
        takes.update(step.get("params", {}))
    for key, value in own.get("params", {}).items():
        if found := misfit(key, value, takes):
            definition.where.at("params").at(key).refuse(*found)


def _leaves(table: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the keys of a job as far down as one file may override another."""
    found: list[tuple[str, ...]] = []
    for key, value in table.items():
        if key == "groups":
            found += ((key, name, setting) for name, group in value.items() for setting in group)
        elif key in _MERGED:
            found += ((key, name) for name in value)
        else:
            found.append((key,))
    return found


def _has(table: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True


def _base(definition: _Definition, reader: _Reader) -> _Definition | None:
    name = definition.table.get("preset")
    if name is None:
        return None
    known = preset_names(reader)
    if name not in known:
        definition.where.at("preset").refuse(f"there is no preset {name!r}", unknown_remedy(name, known, "presets"))
    return reader.preset(name)


def _merge(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a preset's keys overridden by a job's own: one schedule replaces the other, one chain of steps another.

    How often steps are tried again is said of all of them.
    """
    replaced: set[str] = set()
    if any(key in own for key in SCHEDULES):
        replaced |= {*SCHEDULES, "after_any"}
    if any(key in own for key in (*COMMANDS, "steps")):
        replaced |= {*COMMANDS, "steps", "groups"}
    merged = {key: value for key, value in base.items() if key not in replaced}
    for key, value in own.items():
        merged[key] = {**merged.get(key, {}), **value} if key in _MERGED else value
    if "steps" in merged and "steps" not in own:
        again = {key: merged.pop(key) for key in SHORT_ONLY if key in own}
        merged["steps"] = [step | again for step in merged["steps"]]
    return merged
