"""`batchctl status`: where each job stands and what its next fires will do."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.commands.site import Site, site_of
from batchctl.present import status as render
from batchctl.present import text
from batchctl.store.history import History
from batchctl.watch.standing import JobStatus, job_status


def status(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job, with its steps.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Draw again every 2 seconds, until Ctrl-C.")] = False,
) -> None:
    """Show where each job stands, how it went, and what its next fires will do: start, or skip and why.

    Examples:
    * `batchctl status`
    * `batchctl status daily-batch`
    * `batchctl status --json`
    * `batchctl status --watch`
    """
    site = site_of(ctx)
    if watch and as_json:
        message = "--watch draws pictures, --json prints one object"
        raise UsageError(message, remedy="leave out one of the two")
    if watch:
        render.watch(lambda width: _picture(site, job, width))
        return
    if as_json:
        found = _statuses(site, job, site.history(), clock.now())
        text.write([text.json_text(render.as_json(found, site.config.zone)), "\n"])
        return
    render.show(lambda width: _picture(site, job, width))


def _statuses(site: Site, job: str | None, history: History, now: float) -> list[JobStatus]:
    jobs = list(site.config.jobs.values()) if job is None else [site.job(job)]
    return [job_status(one, history, site.state, now) for one in jobs]


def _picture(site: Site, job: str | None, width: int) -> render.Picture:
    history, now, zone = site.history(), clock.now(), site.config.zone
    statuses = _statuses(site, job, history, now)
    if job is None:
        return render.overview(statuses, now, zone, width)
    current, last = statuses[0].current, statuses[0].last_run
    if current is not None:
        return render.detail(statuses[0], current.steps, now, zone)
    steps = [] if last is None else history.steps([last.id]).get(last.id, [])
    return render.detail(statuses[0], steps, now, zone)
