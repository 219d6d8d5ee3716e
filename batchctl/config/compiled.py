"""The way cron takes to a job: a compiled copy of the configuration, trusted only while nothing has changed.

Reading TOML and checking it imports modules that cost several times Python's own start. So the outcome is kept as
builtins in one `marshal` file, with one entry per job of which only the wanted one is taken apart. Commands that need
all jobs read it too. It is used if

- it is a regular file of ours that nobody else may write, reached through no symbolic link, and its checksum is right;
- this batchctl, this Python and the fields of the domain's records are those that wrote it;
- every file and directory that was read then is the same now: device, inode, size, mtime and ctime. The ctime is what
  `cp -p`, `rsync -t` and `touch -d` cannot set back, and a directory's tells of files that came, went or were renamed;
- HOME and TZ, which `~` and a local `at` are read by, PYTHONPATH, BATCHCTL_MODULES and the system's time zone are the
  same.

The jobs of `modules` are in it like all others, with the source files of their modules among its own: a module is
imported when one of them has changed, and not at a fire.

Otherwise the files are read, of those in jobs.d only what has changed unless the top of the main file has, and the copy
is written anew: atomically, and if that fails the fire goes on without. A file that changed a moment ago is not
compiled yet: a further change within the same tick of the file system's clock could leave its identity as it is.

Where the copy lies cannot depend on what the configuration says of `state_dir`: it is read to avoid reading that. It
lies in the state directory of the option or the environment, else in the user's own, one file for each
configuration file and these variables. Values of env_file are not in it: they are read when a run starts. A job whose
configuration itself holds the value of a secret is left out, and read in full at each fire.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys
from _imp import source_hash

from batchctl.base import clock, paths
from batchctl.base.record import Record, replace
from batchctl.base.state_dir import StateDir, open_private
from batchctl.base.version import VERSION
from batchctl.config.ready_made import is_ready_made
from batchctl.core.limits import Limits
from batchctl.core.model import (
    Alerting,
    Condition,
    Config,
    Expect,
    Follower,
    Group,
    Job,
    Retention,
    Rules,
    StartIf,
    Step,
    Web,
    Window,
)
from batchctl.core.time.cron import Cron, Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from batchctl.base.paths import Identity
    from batchctl.config.earlier import Earlier, Loaded
    from batchctl.core.time.zones import Zone

    Content = tuple[tuple[Any, ...], dict[str, Identity], str | None, dict[str, bytes | None], bytes]

FINE_TICK = 0.05
"""Seconds; file systems that keep fractions of a second stamp in ticks of the kernel, 10 ms at most."""
COARSE_TICK = 2.0
"""Seconds; the others in whole seconds, or in twos."""

_CHECKSUM_BYTES = 8
_LOCALTIME = "/etc/localtime"
_PRESET = "preset "
"""Begins the origin of what a preset says; its file is another source of a job."""
_BROKEN = ""
"""Stands beside the jobs where a module with more of them is broken: it is looked at anew by whoever misses one."""
_SURROUNDINGS = ("HOME", "TZ", "PYTHONPATH", "BATCHCTL_MODULES")
_LAYOUT = 8
"""Of the file; to be raised with every change of what it holds."""


_RECORDS: tuple[type[Record], ...] = (
    Job,
    Schedule,
    Cron,
    Rules,
    StartIf,
    Window,
    Step,
    Group,
    Alerting,
    Expect,
    Condition,
    Retention,
    Follower,
    Limits,
    Web,
)


def load_job(path: str | None, name: str, state_option: str | None) -> tuple[Job | None, str]:
    """Return one job, None if there is none of that name, and the state directory in force (absolute).

    Raises:
        ConfigError: as the full load does, whenever the compiled copy does not stand in for it.
    """
    found = _load_one(path, name, state_option, ready_made=False)
    return _load_one(path, name, state_option, ready_made=True) if found[0] is None and is_ready_made(name) else found


def _load_one(path: str | None, name: str, state_option: str | None, *, ready_made: bool) -> tuple[Job | None, str]:
    copy = _copy_file(path, state_option, ready_made=ready_made)
    kept = None if copy is None else _read(copy, path)
    content = kept if kept is not None and _is_fresh(kept) else None
    if content is not None:
        _, _, state_dir, jobs, _ = content
        wanted = name if name in jobs else _normal(name)
        packed = jobs.get(wanted)
        if packed is not None or (wanted not in jobs and _BROKEN not in jobs):
            return (None if packed is None else _unpack(packed)), paths.state_dir(state_option, state_dir)
        copy = copy if _BROKEN in jobs else None
    config = _load(path, copy, kept, ready_made=ready_made)
    if config.broken and _normal(name) not in config.jobs and is_ready_made(name):
        raise config.broken_error  # it may be meant to be another than the ready-made one
    return config.jobs.get(_normal(name)), paths.state_dir(state_option, config.state_dir)


def load_config(path: str | None, state_option: str | None, *, ready_made: bool = False) -> Config:
    """Return the whole configuration; with `ready_made` all ready-made jobs in place of the configured ones.

    Raises:
        ConfigError: as the full load does, whenever the compiled copy does not stand in for it.
    """
    copy = _copy_file(path, state_option, ready_made=ready_made)
    kept = None if copy is None else _read(copy, path)
    content = kept if kept is not None and _is_fresh(kept) else None
    if content is not None and None not in content[3].values():
        _, _, state_dir, jobs, rest = content
        files, timezone, lang, pools, functions, disk_free_min, web, origins, _ = marshal.loads(rest)  # noqa: S302 - part of the checked copy
        zone = _zone(timezone)
        return Config(
            path=path,
            files=files,
            jobs={name: _unpack(packed, zone) for name, packed in jobs.items() if packed is not None},
            timezone=timezone,
            zone=zone,
            lang=lang,
            state_dir=state_dir,
            pools=pools,
            functions=functions,
            disk_free_min=disk_free_min,
            web=_deep(web),
            origins={key: origin for each in origins.values() for key, origin in each.items()},
        )
    # Whoever only looks makes no directory; where a fire has made it, the next look is as quick as a fire.
    is_kept = copy is not None and (content is None or _BROKEN in content[3]) and os.path.isdir(os.path.dirname(copy))
    return _load(path, copy if is_kept else None, kept, ready_made=ready_made)


def load_guarded(path: str | None, state_dir: str, name: str, asked: tuple[Any, ...]) -> Job | None:
    """Return a guarded command as it was compiled, where the same was asked then and nothing has changed; else None."""
    name = _normal(name)
    kept = _read(_guarded_file(path, state_dir, name), path)
    same = kept is not None and _is_fresh(kept) and marshal.loads(kept[4]) == asked  # noqa: S302 - checked above
    packed = kept[3].get(name) if kept is not None and same else None
    return None if packed is None else _unpack(packed)


def keep_guarded(path: str | None, state_dir: str, name: str, asked: tuple[Any, ...]) -> None:
    """Keep a guarded command that was written down, and what was asked; where that fails, the next fire is slower."""
    from batchctl.config.loader import load_all

    loaded = load_all(path, files=[StateDir(state_dir).guarded(name)])
    _write(_guarded_file(path, state_dir, name), path, loaded, {}, asked)


def _guarded_file(path: str | None, state_dir: str, name: str) -> str:
    named = f"{path}\0{os.environ.get('HOME')}\0{os.environ.get('TZ')}\0guarded\0{name}"
    return StateDir(state_dir).compiled(_checksum(os.fsencode(named)).hex())


def _load(path: str | None, copy: str | None, kept: Content | None, *, ready_made: bool) -> Config:
    """Read the files, in full or as far as they have changed since what was kept, and keep what comes of it."""
    from batchctl.config.loader import load_all

    packed: dict[str, tuple[Job, bytes]] = {}
    earlier = None if kept is None or ready_made or path is None else _earlier(kept, path, packed)
    loaded = load_all(path, ready_made=ready_made, earlier=earlier)
    if copy is not None:
        _write(copy, path, loaded, packed)
    return loaded.config


def _earlier(kept: Content, path: str, packed: dict[str, tuple[Job, bytes]]) -> Earlier | None:
    """Return the jobs of the copy that came from files of their own in jobs.d; `packed` gets how they lie in it."""
    from batchctl.config.earlier import Earlier, Ready

    _, identities, _, jobs, rest = kept
    if identities[_LOCALTIME] != paths.identity_of(_LOCALTIME):
        return None
    _, timezone, *_, origins, top = marshal.loads(rest)  # noqa: S302 - part of the checked copy
    zone, directory = _zone(timezone), os.path.join(os.path.dirname(os.path.abspath(path)), "jobs.d")
    found: dict[str, tuple[Identity, Ready]] = {}
    for name, data in jobs.items():
        if data is None or any(origin.startswith(_PRESET) for origin in origins[name].values()):
            continue
        job = _unpack(data, zone)
        if os.path.dirname(job.origin) == directory:
            if job.followers:  # its own file does not say who they are
                job = replace(job, followers=())
            else:
                packed[name] = job, data
            found[job.origin] = identities.get(job.origin), Ready(job, origins[name])
    return Earlier(found, top)


def _normal(name: str) -> str:
    if name.isascii():
        return name
    from unicodedata import normalize

    return normalize("NFC", name)


def _key(path: str | None) -> tuple[Any, ...]:
    """Return all besides the files that the compiled copy depends on."""
    forms = tuple(record._fields for record in _RECORDS)
    surroundings = tuple(map(os.environ.get, _SURROUNDINGS))
    return (_LAYOUT, VERSION, sys.hexversion, marshal.version, os.path.dirname(__file__), path, surroundings, forms)


def _copy_file(path: str | None, state_option: str | None, *, ready_made: bool) -> str | None:
    from batchctl.base.errors import BatchctlError

    named = "\0".join(map(str, (path, *map(os.environ.get, _SURROUNDINGS)))) + "\0ready-made" * ready_made
    if path is None and os.environ.get("BATCHCTL_MODULES"):
        return None  # which are looked for in whatever directory this is
    try:
        directory = paths.state_dir(state_option, None)
    except BatchctlError:
        # Without HOME there is no place for a copy; whether there is one for the state is not decided here.
        return None
    return StateDir(directory).compiled(_checksum(os.fsencode(named)).hex())


def _checksum(data: bytes | memoryview) -> bytes:
    """Return what Python checks its own hash-based .pyc files by: built in, where zlib may be a library to load."""
    return source_hash(0, data)


def _read(copy: str, path: str | None) -> Content | None:
    """Return what the copy holds, None where it cannot be trusted or is another batchctl's."""
    try:
        data = _read_own(copy)
        body = memoryview(data)[_CHECKSUM_BYTES:]
        if data[:_CHECKSUM_BYTES] != _checksum(body):
            return None
        content: Content = marshal.loads(body)  # noqa: S302 - our own file, checked above
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return content if content[0] == _key(path) else None


def _is_fresh(content: Content) -> bool:
    """Say whether all that the copy was made from is still the same."""
    return all(paths.identity_of(source) == then for source, then in content[1].items())


def _read_own(copy: str) -> bytes:
    descriptor = os.open(copy, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb", buffering=0) as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return b""
        return file.read()


def _write(
    copy: str, path: str | None, loaded: Loaded, packed: Mapping[str, tuple[Job, bytes]], asked: Any = None
) -> None:
    """Keep a configuration; `packed` has jobs that came out of the copy as they lie in it.

    Of a guarded command it is kept what was `asked` in place of what only whole configurations have.
    """
    from batchctl.base.errors import BatchctlError

    def pack(name: str, job: Job) -> bytes | None:
        known, data = packed.get(name, (None, b""))
        return data if known is job else None if _holds_secret(job) else _pack(job)

    config, identities = loaded.config, loaded.identities
    # What `at` and TZ mean without a name of their own is the system's to say.
    sources = {**identities, _LOCALTIME: paths.identity_of(_LOCALTIME)}
    if not all(then is None or _is_settled(then) for then in identities.values()):
        return
    part = f"{copy}.{os.getpid()}.part"
    try:
        jobs = {name: pack(name, job) for name, job in config.jobs.items()}
        if config.broken:
            jobs[_BROKEN] = None
        rest = (
            *(config.files, config.timezone, config.lang, dict(config.pools), dict(config.functions)),
            *(
                config.disk_free_min,
                _flat(config.web),
                {name: dict(each) for name, each in loaded.origins.items()},
                loaded.top,
            ),
        )
        body = marshal.dumps(
            (_key(path), sources, config.state_dir, jobs, marshal.dumps(rest if asked is None else asked))
        )
        StateDir(os.path.dirname(copy)).ensure()
        descriptor = open_private(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with open(descriptor, "wb") as file:
                file.write(_checksum(body) + body)
            os.replace(part, copy)
        except OSError:
            os.unlink(part)
            raise
    except (OSError, ValueError, BatchctlError):
        # A copy saves time and nothing else: whatever is wrong with the directory is for the fire itself to say.
        return


def _is_settled(then: tuple[int, ...]) -> bool:
    changed = max(then[-2:])
    tick = FINE_TICK if then[-1] % 1_000_000_000 else COARSE_TICK
    return changed < (clock.now() - tick) * 1_000_000_000


def _holds_secret(job: Job) -> bool:
    return any(secret in table for secret in job.secrets for table in (job.env, *(step.env for step in job.steps)))


def _pack(job: Job) -> bytes:
    return marshal.dumps(_flat(replace(job, rules=replace(job.rules, zone=None))))


def _unpack(packed: bytes, zone: Zone | None = None) -> Job:
    job: Job = _deep(marshal.loads(packed))  # noqa: S302 - part of the checked copy
    job.rules.__dict__["zone"] = _zone(job.timezone) if zone is None else zone
    return job


def _zone(name: str | None) -> Zone:
    if name is None:
        return clock.SystemZone()
    from batchctl.core.time.zones import NamedZone

    return NamedZone(name, verified=True)


def _flat(value: Any) -> Any:
    """Return a record as a list of its class's number and its fields; no field is itself a list, so that tells them."""
    if isinstance(value, Record):
        return [_RECORDS.index(type(value)), *(_flat(value.__dict__[name]) for name in value._fields)]
    return tuple(_flat(inner) for inner in value) if isinstance(value, tuple) else value


def _deep(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        # As `Record.__init__` would, but of thousands of jobs: the fields are those of the copy's key.
        record = _RECORDS[value[0]]
        made = object.__new__(record)
        made.__dict__.update(zip(record._fields, map(_deep, value[1:]), strict=True))
        return made
    return tuple(map(_deep, value)) if kind is tuple else value
