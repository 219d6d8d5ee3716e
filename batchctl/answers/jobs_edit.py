"""Changing jobs as files: added, removed, switched on and off, edited by hand."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from batchctl.answers import given
from batchctl.base.errors import BatchctlError, ConfigError, UsageError
from batchctl.base.files import NOTHING
from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.config import guarded
from batchctl.config.edit import jobfiles, jobtext
from batchctl.config.values import job_name, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.answers.site import Site
    from batchctl.config.edit.jobfiles import Done
    from batchctl.core.model import Config, Job


class Changed(Record):
    """What was changed, and what is left to do."""

    jobs: tuple[str, ...]
    files: tuple[str, ...]
    """The files that were written or removed, absolute; none where everything was as wanted."""
    created: str | None
    """The main file, where there was none before."""
    skipped: tuple[str, ...]
    """Names that were taken already."""
    crontab: Mapping[str, list[str]]
    """The jobs that an install into the crontab would have to add, change and take out, by these words."""
    config_option: str | None


def changed(site: Site, done: Done) -> Changed:
    """Return what a change of job files comes to."""
    old, new = _lines(done.before), _lines(done.after)
    crontab = {
        "add": [name for name in new if name not in old],
        "change": [name for name in new if name in old and new[name] != old[name]],
        "take out": [name for name in old if name not in new],
    }
    return Changed(
        jobs=done.jobs,
        files=done.files,
        created=done.created,
        skipped=done.skipped,
        crontab={} if done.after is None else crontab,
        config_option=site.config_option,
    )


def _lines(config: Config | None) -> dict[str, object]:
    """Return what the crontab needs to say of each job."""
    from batchctl.core.time.cadence import cron_lines

    if config is None or config.path is None:
        return {}
    enabled = [
        job for job in config.jobs.values() if job.rules.enabled and job.schedule.text and not job.schedule.after
    ]
    return {job.name: (cron_lines(job.schedule, config.zone), job.timezone, job.catch_up) for job in enabled}


def add(site: Site, name: str, table: Mapping[str, Any], source: str | None = None) -> Changed:
    """Add a job with these keys, or with those of a TOML file (`-` is stdin), as a file of its own.

    Raises:
        UsageError: if the name cannot be one, there is nothing to do, or both say what there is to do.
        BatchctlError: if the name is taken, or a file cannot be written.
        ConfigError: if the configuration would be wrong with it; nothing is written.
    """
    valid = job_name(name)
    for key in ("every", "timeout"):
        if isinstance(table.get(key), str) and table[key].strip()[-1:].isdigit():
            given.seconds(f"--{key}", table[key])
    text = _text_of(table) if source is None else _taken_from(source, list(table))
    return changed(site, jobfiles.add(site.config_path, {valid: text}))


def named(text: str) -> tuple[str, str | None]:
    """Return the name of a job, and the title where the text is none and a name is made of it.

    Raises:
        UsageError: if no name can be made of it.
    """
    name = name_of(text)
    valid = job_name(name or text)
    return valid, None if valid == normalize("NFC", text) else text


def register(site: Site, name: str, reference: str) -> Changed:
    """Name a function, `package.module:attribute`, in `[functions]` of the main file.

    Raises:
        ConfigError: if it cannot be imported where functions are, or the configuration would be wrong with it.
        BatchctlError: if the file cannot be written.
    """
    return changed(site, jobfiles.register(site.config_path, normalize("NFC", name), reference))


def _text_of(table: Mapping[str, Any]) -> str:
    if not table.keys() & {"run", "argv", "function", "preset"}:
        message = f"a job needs something to do; {NOTHING}"
        raise UsageError(message, remedy="give --run LINE, --argv WORD, --preset NAME or --from FILE")
    return jobtext.to_toml(table)


def _taken_from(source: str, others: list[str]) -> str:
    if others:
        message = (
            f"--from FILE says all there is to say, so --{others[0].replace('params', 'param')} cannot stand beside it"
        )
        raise UsageError(message, remedy=f"write {others[0]} into the file")
    try:
        return read_input(source).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        message = f"--from {source}: {reason}; {NOTHING}"
        raise UsageError(message, remedy="name a TOML file with the keys of one job") from error


def read_input(source: str) -> bytes:
    """Return what a file holds, or stdin for `-`; OSError where it cannot be read."""
    if source == "-":
        return sys.stdin.buffer.read()
    with open(source, "rb") as file:
        return file.read()


def remove(site: Site, name: str) -> Changed:
    """Take out a job that is not running: its file in jobs.d or of a guarded command, or its tables in the main file.

    Raises:
        UsageError: if there is no such job.
        BatchctlError: if it is running, or no file that can be changed defines it.
        ConfigError: if the configuration would be wrong without it.
    """
    job = site.job(name)
    _refuse_running(site, job)
    if job.origin == StateDir(site.state).guarded(job.name):
        guarded.forget(site.state, job.name)
        return changed(site, jobfiles.Done(jobs=(job.name,), files=(job.origin,), before=None, after=None))
    return changed(site, jobfiles.remove(site.config_path, job.name))


def _refuse_running(site: Site, job: Job) -> None:
    from batchctl.core.guard.decide import is_lost
    from batchctl.engine.fire import state_of

    running, name = state_of(job, site.state).running, job.name
    if running is not None and not is_lost(running):
        message = f"run {running.run_id} of {name} is running, and without its job it could not be stopped; {NOTHING}"
        remedy = f"`batchctl stop {name}` first; or `batchctl jobs disable {name}` now, and remove it after the run"
        raise BatchctlError(message, remedy=remedy)


def enable(site: Site, name: str, *, enabled: bool) -> Changed:
    """Set `enabled` of a job where it is defined; no file where it is so already.

    Raises:
        UsageError: if there is no such job.
        BatchctlError: if no file that can be changed defines it.
        ConfigError: if the configuration would be wrong.
    """
    return changed(site, jobfiles.enable(site.config_path, site.job(name).name, enabled=enabled))


def set_keys(site: Site, name: str, values: Mapping[str, Any]) -> Changed:
    """Set keys of a job where it is defined, `params.limit` in a table of it; None takes a key out.

    Raises:
        UsageError: if there is no such job, or nothing to set.
        BatchctlError: if no file that can be changed defines it.
        ConfigError: if the configuration would be wrong; nothing is written.
    """
    if not values:
        message = f"there is nothing to set; {NOTHING}"
        raise UsageError(message, remedy='give KEY=VALUE, for example timeout=30h or schedule="0 5 * * *"')
    return changed(site, jobfiles.change(site.config_path, site.job(name).name, values))


def edit(site: Site, name: str) -> Changed | None:
    """Let the operator's editor change a copy of the file that defines a job; None where it is left as it was.

    Raises:
        BatchctlError: if there is no such job or no editor, or the file cannot be written; the copy is kept.
        ConfigError: if the configuration would be wrong; the copy is kept.
    """
    import shutil

    wanted = normalize("NFC", name)
    found = jobfiles.file_to_edit(site.config_path, wanted)
    if found is None or site.config_path is None:
        raise _unknown(site, name)
    path, old = found
    copy = _copy(path, old)
    new = _edited(copy, old)
    done = None
    if new != old:
        try:
            done = jobfiles.put(site.config_path, wanted, path, old, new)
        except BatchctlError as error:
            raise type(error)(str(error), remedy=f"{error.remedy}; what you wrote is kept in {copy}") from error
    shutil.rmtree(os.path.dirname(copy))
    return None if done is None else changed(site, done)


def _unknown(site: Site, name: str) -> BatchctlError:
    try:
        found = site.job(name)
    except (UsageError, ConfigError) as error:
        return error
    return jobfiles.no_file(found.name)


def _copy(path: str, content: bytes) -> str:
    from tempfile import mkdtemp

    copy = f"{mkdtemp(prefix='batchctl-edit-')}/{os.path.basename(path)}"
    with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return copy


def _edited(copy: str, old: bytes) -> bytes:
    """Return what the operator made of the copy."""
    import shutil

    from batchctl.process.editor import editor, open_in

    words = editor()
    code = 0 if words is None else open_in(words, copy)
    try:
        with open(copy, "rb") as file:
            new = file.read()
    except FileNotFoundError:
        new = old  # an editor that leaves no file has changed nothing
    if words is not None and not code:
        return new
    kept = f"; what you wrote is kept in {copy}"
    if new == old:
        shutil.rmtree(os.path.dirname(copy))
        kept = ""
    message = "there is no editor" if words is None else f"the editor, {words}, ended with exit code {code}; {NOTHING}"
    raise BatchctlError(message, remedy=f"set VISUAL or EDITOR to an editor that works here, for example nano{kept}")
