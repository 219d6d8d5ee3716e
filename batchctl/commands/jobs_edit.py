"""`batchctl jobs add | remove | enable | disable | edit`: jobs as files."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from unicodedata import normalize

import typer

from batchctl.answers.site import Site
from batchctl.base.errors import BatchctlError, ConfigError, UsageError
from batchctl.base.files import NOTHING
from batchctl.commands.boundary import say
from batchctl.commands.run import parse_params
from batchctl.commands.site import site_of
from batchctl.config.edit import jobfiles, jobtext

if TYPE_CHECKING:
    from batchctl.config.edit.jobfiles import Done
    from batchctl.core.model import Config

Name = Annotated[str, typer.Argument(metavar="NAME", help="The job's name.")]

_NAMED = 3
"""Jobs that a line on stderr names before it counts the others."""


def add(
    ctx: typer.Context,
    name: Name,
    *,
    run: Annotated[str | None, typer.Option("--run", metavar="LINE", help="A line for /bin/sh.")] = None,
    argv: Annotated[
        list[str] | None, typer.Option("--argv", metavar="WORD", help="Program and arguments, a word each. Repeatable.")
    ] = None,
    preset: Annotated[str | None, typer.Option("--preset", help="A ready-made job to take over.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="A TOML file with the job's keys; - is stdin.")
    ] = None,
    schedule: Annotated[str | None, typer.Option("--schedule", metavar="CRON", help="As in crontab(5).")] = None,
    every: Annotated[str | None, typer.Option("--every", metavar="D", help="Since the last start: 30h.")] = None,
    daily: Annotated[str | None, typer.Option("--daily", metavar="HH:MM", help="Each day at this time.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="Once: 2026-12-01T12:00.")] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="KEY=VALUE", help="A parameter; JSON, else text. Repeatable.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="collection, processing, maintenance, report or analysis.")
    ] = None,
    timeout: Annotated[str | None, typer.Option("--timeout", metavar="D", help="The budget of a run: 30h.")] = None,
) -> None:
    """Add a job as a file of its own, jobs.d/NAME.toml beside the configuration.

    It is validated together with everything else first, and nothing is written where that fails (exit 78). Without any
    configuration a minimal one is made.

    Examples:
    * `batchctl jobs add refresh-prices --every 30h --run 'collect --limit {limit}' --param limit=100`
    * `batchctl jobs add second-account --preset daily-batch --daily 13:00`
    * `batchctl jobs add 키워드-검색 --from job.toml`
    """
    given: dict[str, Any] = {
        "preset": preset,
        "description": description,
        "kind": kind,
        "schedule": schedule,
        "every": every,
        "daily": daily,
        "at": None if at is None else _moment(at),
        "timeout": timeout,
        "params": parse_params(param or []) or None,
        "run": run,
        "argv": argv,
    }
    table = {key: value for key, value in given.items() if value is not None}
    site = site_of(ctx)
    valid = jobfiles.valid_name(name)
    text = _text_of(table) if source is None else _taken_from(source, list(table))
    done = jobfiles.add(site.config_path, {valid: text})
    tell(done, site)


def remove(ctx: typer.Context, name: Name) -> None:
    """Remove a job: its file in jobs.d, or its tables in the main file; its history stays.

    A job that is running is not removed (exit 1): the run would go on, but could no longer be stopped by its name.

    Examples:
    * `batchctl jobs remove refresh-prices`
    """
    site = site_of(ctx)
    job = site.job(name)
    _refuse_running(site, job.name)
    done = jobfiles.remove(site.config_path, job.name)
    file = done.files[0]
    typer.echo(f"removed {f'{job.name} from {file}' if file == site.config_path else file}; its history stays")
    tell_crontab(done, site)


def enable(ctx: typer.Context, name: Name) -> None:
    """Let a job start again: `enabled = true` in the file that defines it, comments kept.

    Examples:
    * `batchctl jobs enable refresh-prices`
    """
    _enable(site_of(ctx), name, enabled=True)


def disable(ctx: typer.Context, name: Name) -> None:
    """Keep a job from starting: `enabled = false` in the file that defines it, comments kept; what runs goes on.

    Examples:
    * `batchctl jobs disable refresh-prices`
    """
    _enable(site_of(ctx), name, enabled=False)


def edit(ctx: typer.Context, name: Name) -> None:
    """Open a copy of the file that defines a job in $VISUAL or $EDITOR, and put it in place once it is valid.

    Where it is not, the error says what is wrong (exit 78), everything stays as it was, and the copy is kept.

    Examples:
    * `batchctl jobs edit refresh-prices`
    * `EDITOR=nano batchctl jobs edit refresh-prices`
    """
    import shutil

    site = site_of(ctx)
    found = jobfiles.file_to_edit(site.config_path, normalize("NFC", name))
    if found is None or site.config_path is None:
        raise _unknown(site, name)
    path, old = found
    copy = _copy(path, old)
    new = _edited(copy, old)
    if new == old:
        shutil.rmtree(os.path.dirname(copy))
        typer.echo(f"unchanged; {NOTHING}")
        return
    try:
        done = jobfiles.put(site.config_path, normalize("NFC", name), path, old, new)
    except BatchctlError as error:
        raise type(error)(str(error), remedy=f"{error.remedy}; what you wrote is kept in {copy}") from error
    shutil.rmtree(os.path.dirname(copy))
    tell(done, site)


def tell(done: Done, site: Site) -> None:
    """Say which files were written, and what is left to do."""
    if done.created is not None:
        typer.echo(f"wrote {done.created} (there was no configuration)")
        say("batchctl: ready-made jobs are now jobs only where installed: `batchctl jobs presets --install`\n")
    for file in done.files:
        typer.echo(f"wrote {file}")
    tell_crontab(done, site)


def tell_crontab(done: Done, site: Site) -> None:
    """Say on stderr in one line what an install into the crontab would have to do, where the schedules changed."""
    if done.after is None:
        return
    old, new = _lines(done.before), _lines(done.after)
    kinds = {
        "add": [name for name in new if name not in old],
        "change": [name for name in new if name in old and new[name] != old[name]],
        "take out": [name for name in old if name not in new],
    }
    parts = [f"{what} {_some(names)}" for what, names in kinds.items() if names]
    if parts:
        import shlex

        option = "" if site.config_option is None else f"--config {shlex.quote(site.config_option)} "
        say(f"batchctl: `batchctl {option}crontab install` still has to {', '.join(parts)}\n")


def _lines(config: Config | None) -> dict[str, object]:
    """Return what the crontab needs to say of each job."""
    from batchctl.core.time.cadence import cron_lines

    if config is None or config.path is None:
        return {}
    enabled = [job for job in config.jobs.values() if job.rules.enabled and job.schedule.text]
    return {job.name: (cron_lines(job.schedule, config.zone), job.timezone, job.catch_up) for job in enabled}


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_NAMED])} and {more} more"


def _text_of(table: dict[str, Any]) -> str:
    if not table.keys() & {"run", "argv", "preset"}:
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
        if source == "-":
            return sys.stdin.buffer.read().decode()
        with open(source, encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        message = f"--from {source}: {reason}; {NOTHING}"
        raise UsageError(message, remedy="name a TOML file with the keys of one job") from error


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--at {text!r} is not a time"
        raise UsageError(message, remedy="write for example 2026-12-01T12:00, or with an offset, +09:00") from error


def _enable(site: Site, name: str, *, enabled: bool) -> None:
    job = site.job(name)
    done = jobfiles.enable(site.config_path, job.name, enabled=enabled)
    word = "enabled" if enabled else "disabled"
    if not done.files:
        typer.echo(f"{job.name} is {word} already; {NOTHING}")
        return
    typer.echo(f"{word} {job.name} in {done.files[0]}")
    tell_crontab(done, site)


def _refuse_running(site: Site, name: str) -> None:
    from batchctl.core.guard.decide import is_lost
    from batchctl.engine.fire import state_of

    running = state_of(site.config.jobs[name], site.state).running
    if running is not None and not is_lost(running):
        message = f"run {running.run_id} of {name} is running, and without its job it could not be stopped; {NOTHING}"
        remedy = f"`batchctl stop {name}` first; or `batchctl jobs disable {name}` now, and remove it after the run"
        raise BatchctlError(message, remedy=remedy)


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
