"""`batchctl jobs`: what is configured, one job in full, and the ready-made jobs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from batchctl.commands.site import site_of

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""List the configured jobs, show one in full, or list the ready-made ones.

Examples:
* `batchctl jobs list`
* `batchctl jobs show daily-batch`
* `batchctl jobs presets`
""",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_jobs(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List every job: name, schedule, whether it is enabled, number of steps, description.

    Examples:
    * `batchctl jobs list`
    * `batchctl jobs list --json`
    """
    from batchctl.render import jobs as view
    from batchctl.render.text import json_text

    jobs = site_of(ctx).config.jobs.values()
    if as_json:
        typer.echo(json_text(view.jobs_as_json(jobs)))
        return
    view.show_jobs(jobs)


@app.command()
def show(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's name.")],
    *,
    as_json: Json = False,
) -> None:
    """Show one job as it is in force, with the origin of each value; secrets are masked.

    Examples:
    * `batchctl jobs show daily-batch`
    * `batchctl jobs show daily-batch --json`
    """
    from batchctl.render.config import job_as_toml
    from batchctl.render.jobs import job_as_object
    from batchctl.render.text import json_text, write

    site = site_of(ctx)
    found = site.job(job)
    if as_json:
        typer.echo(json_text(job_as_object(found)))
        return
    directory = os.path.dirname(site.config_path or "")
    write(f"{line}\n" for line in job_as_toml(found, site.config.origins, directory))


@app.command()
def presets(*, as_json: Json = False) -> None:
    """List the ready-made jobs; `preset = "NAME"` in a job takes one over, and the job's own keys override it.

    Examples:
    * `batchctl jobs presets`
    * `batchctl jobs presets --json`
    """
    from batchctl.config.loader import presets as built_in
    from batchctl.render import jobs as view
    from batchctl.render.text import json_text

    found = built_in().values()
    if as_json:
        typer.echo(json_text(view.presets_as_json(found)))
        return
    view.show_presets(found)
