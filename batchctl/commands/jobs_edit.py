"""`batchctl jobs add | remove | enable | disable | edit`: jobs as files.

Their answers are imported when they are asked: changing files brings tomlkit, and `jobs list` waits for this page.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchctl.base.errors import UsageError
from batchctl.commands.boundary import say
from batchctl.commands.site import site_of
from batchctl.present import done

if TYPE_CHECKING:
    from batchctl.answers.jobs_edit import Changed

Name = Annotated[str, typer.Argument(metavar="NAME", help="The job's name.")]


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
    after: Annotated[
        list[str] | None,
        typer.Option("--after", metavar="JOB", help="When that job's run has succeeded. Repeatable: once all have."),
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="KEY=VALUE", help="A parameter; JSON, else text. Repeatable.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="collection, processing, maintenance, report or analysis.")
    ] = None,
    timeout: Annotated[str | None, typer.Option("--timeout", metavar="D", help="The budget of a run: 30h.")] = None,
) -> None:
    """Add a job as a file of its own.

    It is jobs.d/NAME.toml beside the configuration.

    It is validated together with everything else first, and nothing is written where that fails (exit 78). Without any
    configuration a minimal one is made.

    Examples:
    * `batchctl jobs add refresh-prices --every 30h --run 'collect --limit {limit}' --param limit=100`
    * `batchctl jobs add second-account --preset daily-batch --daily 13:00`
    * `batchctl jobs add 키워드-검색 --from job.toml`
    """
    from batchctl.commands.run import parse_params

    given: dict[str, Any] = {
        "preset": preset,
        "description": description,
        "kind": kind,
        "schedule": schedule,
        "every": every,
        "daily": daily,
        "at": None if at is None else _moment(at),
        "after": after or None,
        "timeout": timeout,
        "params": parse_params(param or []) or None,
        "run": run,
        "argv": argv,
    }
    table = {key: value for key, value in given.items() if value is not None}
    from batchctl.answers import jobs_edit as answer

    tell(answer.add(site_of(ctx), name, table, source))


def remove(ctx: typer.Context, name: Name) -> None:
    """Remove a job; its history stays.

    Its file in jobs.d is removed, or its tables in the main file.

    A job that is running is not removed (exit 1): the run would go on, but could no longer be stopped by its name.

    Examples:
    * `batchctl jobs remove refresh-prices`
    """
    site = site_of(ctx)
    from batchctl.answers import jobs_edit as answer

    changed = answer.remove(site, name)
    job, file = changed.jobs[0], changed.files[0]
    typer.echo(f"removed {f'{job} from {file}' if file == site.config_path else file}; its history stays")
    tell_crontab(changed)


def enable(ctx: typer.Context, name: Name) -> None:
    """Let a job start again.

    `enabled = true` is written into the file that defines it, comments kept.

    Examples:
    * `batchctl jobs enable refresh-prices`
    """
    from batchctl.answers import jobs_edit as answer

    _tell_enabled(answer.enable(site_of(ctx), name, enabled=True), "enabled")


def disable(ctx: typer.Context, name: Name) -> None:
    """Keep a job from starting; what runs goes on.

    `enabled = false` is written into the file that defines it, comments kept.

    Examples:
    * `batchctl jobs disable refresh-prices`
    """
    from batchctl.answers import jobs_edit as answer

    _tell_enabled(answer.enable(site_of(ctx), name, enabled=False), "disabled")


def set_keys(
    ctx: typer.Context,
    name: Name,
    settings: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="A value is JSON, else text.")],
) -> None:
    """Set keys of a job in its file, comments kept.

    `params.limit` lies in a table; null takes a key out.

    Everything is validated first, and nothing is written where that fails (exit 78).

    Examples:
    * `batchctl jobs set refresh-prices schedule="0 5 * * *" params.batch_size=200`
    * `batchctl jobs set refresh-prices timeout=30h min_gap=null`
    """
    from batchctl.answers import jobs_edit as answer
    from batchctl.commands.run import parse_settings

    values = parse_settings(settings)
    if isinstance(values.get("at"), str):
        values["at"] = _moment(values["at"])
    changed = answer.set_keys(site_of(ctx), name, values)
    if changed.files:
        tell(changed)
    else:
        typer.echo("it is so already; nothing was written")


def edit(ctx: typer.Context, name: Name) -> None:
    """Edit the file that defines a job.

    $VISUAL or $EDITOR opens a copy of it, which is put in place once it is valid.

    Where it is not, the error says what is wrong (exit 78), everything stays as it was, and the copy is kept.

    Examples:
    * `batchctl jobs edit refresh-prices`
    * `EDITOR=nano batchctl jobs edit refresh-prices`
    """
    from batchctl.answers import jobs_edit as answer

    changed = answer.edit(site_of(ctx), name)
    if changed is None:
        typer.echo("unchanged; nothing was written")
    else:
        tell(changed)


def tell(changed: Changed) -> None:
    """Say which files were written, and what is left to do."""
    if changed.created is not None:
        typer.echo(f"wrote {changed.created} (there was no configuration)")
    for file in changed.files:
        typer.echo(f"wrote {file}")
    tell_crontab(changed)


def tell_crontab(changed: Changed) -> None:
    """Say on stderr in one line what an install into the crontab would have to do, where the schedules changed."""
    if text := done.crontab_to_do(changed):
        say(f"batchctl: {text}\n")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--at {text!r} is not a time"
        raise UsageError(message, remedy="write for example 2026-12-01T12:00, or with an offset, +09:00") from error


def _tell_enabled(changed: Changed, word: str) -> None:
    job = changed.jobs[0]
    if changed.files:
        typer.echo(f"{word} {job} in {changed.files[0]}")
    else:
        typer.echo(f"{job} is {word} already; nothing was written")
    tell_crontab(changed)
