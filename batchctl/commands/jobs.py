"""`batchctl jobs`: what is configured, one job in full, the ready-made jobs, and changing them as files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.answers.site import Site
from batchctl.base.errors import StateError, UsageError
from batchctl.commands import jobs_edit, jobs_import
from batchctl.commands.site import site_of
from batchctl.core.text.harmless import one_line

if TYPE_CHECKING:
    from batchctl.core.model import Job

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
    """List every job: name, schedule, whether it is enabled, number of steps, description.

    Examples:
    * `batchctl jobs list`
    * `batchctl jobs list --kind collection --json`
    """
    from batchctl.present import jobs as view
    from batchctl.present.text import json_text

    site = site_of(ctx)
    _check_kind(kind)
    jobs = [job for job in site.config.jobs.values() if kind in {None, job.kind}]
    done = _done_once(site, jobs)
    if as_json:
        typer.echo(json_text(view.jobs_as_json(jobs, done)))
        return
    view.show_jobs(jobs, done, kind)


def _check_kind(kind: str | None) -> None:
    from typing import get_args

    from batchctl.config.schema import Kind

    if kind is not None and kind not in get_args(Kind):
        message = f"--kind {kind!r} is not a kind of job"
        raise UsageError(message, remedy=f"kinds: {', '.join(get_args(Kind))}")


def _done_once(site: Site, jobs: list[Job]) -> set[str]:
    """Return the jobs with `at` that have started; a history that cannot be read has no say in a list of jobs."""
    once = [job for job in jobs if job.rules.at is not None]
    if not once:
        return set()
    from batchctl.store.history import History

    try:
        history = History(site.state)
        newest = [(job, history.newest_run(job.name)) for job in once]
    except StateError:
        return set()
    return {job.name for job, run in newest if run is not None and run.started_at >= (job.rules.at or 0.0)}


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
    from batchctl.present.config import job_as_toml
    from batchctl.present.jobs import job_as_object
    from batchctl.present.text import json_text, write

    site = site_of(ctx)
    found = site.job(job)
    if as_json:
        typer.echo(json_text(job_as_object(found)))
        return
    directory = os.path.dirname(site.config_path or "")
    write(f"{line}\n" for line in job_as_toml(found, site.config.origins, directory))


@app.command()
def presets(
    ctx: typer.Context,
    *,
    install: Annotated[
        bool, typer.Option("--install", help="Make each a file in jobs.d; jobs that are there stay as they are.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the ready-made jobs; `preset = "NAME"` in a job takes one over, and the job's own keys override it.

    Examples:
    * `batchctl jobs presets`
    * `batchctl jobs presets --install`
    * `batchctl jobs presets --json`
    """
    from batchctl.config.loader import presets as built_in
    from batchctl.present import jobs as view
    from batchctl.present.text import json_text

    found = built_in().values()
    if install:
        _install(site_of(ctx), {preset.name: one_line(preset.description) for preset in found}, as_json=as_json)
    elif as_json:
        typer.echo(json_text(view.presets_as_json(found)))
    else:
        view.show_presets(found)


def _install(site: Site, wanted: dict[str, str], *, as_json: bool) -> None:
    from batchctl.config.edit import jobfiles, jobtext
    from batchctl.present.jobs import done_as_json
    from batchctl.present.text import json_text

    note = "Keys below override the ready-made job; `batchctl jobs show` prints all of them."
    texts = {name: jobtext.to_toml({"preset": name}, [text, note]) for name, text in wanted.items()}
    done = jobfiles.add(site.config_path, texts, keep=True)
    if as_json:
        typer.echo(json_text(done_as_json(done)))
        jobs_edit.tell_crontab(done, site)
        return
    jobs_edit.tell(done, site)
    for name in done.skipped:
        typer.echo(f"{name} is there already and stays as it is")


app.command("add")(jobs_edit.add)
app.command("remove")(jobs_edit.remove)
app.command("enable")(jobs_edit.enable)
app.command("disable")(jobs_edit.disable)
app.command("edit")(jobs_edit.edit)
app.command("import")(jobs_import.import_jobs)
