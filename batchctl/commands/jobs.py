"""`batchctl jobs`: what is configured, one job in full, the ready-made jobs, and changing them as files."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import jobs as answer
from batchctl.commands import jobs_edit, jobs_import
from batchctl.commands.site import site_of
from batchctl.present import jobs as view
from batchctl.present.config import job_as_toml
from batchctl.present.text import json_text, write

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""List the configured jobs, show one in full, and change them: each is a file in jobs.d/.

Examples:
* `batchctl jobs list`
* `batchctl jobs show daily-batch`
* `batchctl jobs add refresh-prices --every 30h --run 'collect --prices'`
* `batchctl jobs import`
""",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_jobs(
    ctx: typer.Context,
    *,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Only these: collection, processing, maintenance, report or analysis."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List every job with its schedule, its steps and what it is for.

    Examples:
    * `batchctl jobs list`
    * `batchctl jobs list --kind collection --json`
    """
    found = answer.jobs(site_of(ctx), kind)
    if as_json:
        typer.echo(json_text(view.jobs_as_json(found)))
    else:
        view.show_jobs(found)


@app.command()
def show(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's name.")],
    *,
    as_json: Json = False,
) -> None:
    """Show one job as it is in force.

    Each value has its origin; secrets are masked.

    Examples:
    * `batchctl jobs show daily-batch`
    * `batchctl jobs show daily-batch --json`
    """
    site = site_of(ctx)
    found = site.job(job)
    if as_json:
        typer.echo(json_text(view.job_as_object(found)))
    else:
        write(f"{line}\n" for line in job_as_toml(found, site.including(found).origins, site.config_path))


@app.command()
def presets(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these.")] = None,
    *,
    install: Annotated[
        bool,
        typer.Option("--install", help="Make each a file in jobs.d, a job; one that is there stays as it is."),
    ] = False,
    as_json: Json = False,
) -> None:
    """List the ready-made jobs.

    `preset = "NAME"` in a job takes one over, and the job's own keys override it.

    Each can be run by its name; it is a job, listed and fired by cron, once it is installed or added.

    Examples:
    * `batchctl jobs presets`
    * `batchctl jobs presets --install daily-batch`
    * `batchctl jobs presets --install`
    * `batchctl jobs presets --json`
    """
    if not install and as_json:
        typer.echo(json_text(view.presets_as_json(answer.presets(names or ()))))
        return
    if not install:
        site_of(ctx).speak()
        view.show_presets(answer.presets(names or ()))
        return
    changed = answer.install(site_of(ctx), names or ())
    if as_json:
        typer.echo(json_text(view.changed_as_json(changed)))
        jobs_edit.tell_crontab(changed)
        return
    jobs_edit.tell(changed)
    for name in changed.skipped:
        typer.echo(f"{name} is there already and stays as it is")


app.command("add")(jobs_edit.add)
app.command("remove")(jobs_edit.remove)
app.command("enable")(jobs_edit.enable)
app.command("disable")(jobs_edit.disable)
app.command("set")(jobs_edit.set_keys)
app.command("edit")(jobs_edit.edit)
app.command("import")(jobs_import.import_jobs)
