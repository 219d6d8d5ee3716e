"""`batchctl alerts`: what people were told, whether they can be told, and no more reminders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.answers.site import Site
from batchctl.base import clock
from batchctl.base.errors import EXIT_FAILED, UsageError
from batchctl.commands.site import site_of

if TYPE_CHECKING:
    from batchctl.core.model import Job

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""List alerts, try a job's channels, or acknowledge what is open.

Examples:
* `batchctl alerts list`
* `batchctl alerts test daily-batch`
* `batchctl alerts ack daily-batch`
""",
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_alerts(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Only this job's alerts.")] = None,
    *,
    number: Annotated[int, typer.Option("-n", metavar="N", min=1, help="At most so many, the newest.")] = 20,
    as_json: Json = False,
) -> None:
    """List the newest alerts: sent, waiting (with the last error), failed (given up), suppressed.

    Examples:
    * `batchctl alerts list`
    * `batchctl alerts list daily-batch -n 5 --json`
    """
    from batchctl.notify import inbox
    from batchctl.present import alerts as view
    from batchctl.present.text import json_text

    site = site_of(ctx)
    rows, now = inbox.newest(site.state, number, job), clock.now()
    if job is not None and not rows:
        site.job(job)  # a job that has left the configuration keeps its alerts; one that never was is a slip
    if as_json:
        typer.echo(json_text(view.alerts_as_json(rows, now, site.config.zone)))
        return
    view.show_alerts(rows, now, site.config.zone)


@app.command("test")
def trial(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job whose channels are tried.")],
    *,
    as_json: Json = False,
) -> None:
    """Send a test alert now, through every channel of a job, and say how each took it; 1 if one failed.

    Examples:
    * `batchctl alerts test daily-batch`
    * `batchctl alerts test daily-batch --json`
    """
    from batchctl.notify.test_channels import send_test
    from batchctl.present import alerts as view
    from batchctl.present.text import json_text

    found = _with_channels(site_of(ctx), job)
    reports = send_test(found)
    result = view.trial_as_json(found.name, reports, ping=_ping(found))
    if as_json:
        typer.echo(json_text(result))
    else:
        view.show_trial(result)
    if not result["ok"]:
        raise typer.Exit(EXIT_FAILED)


def _with_channels(site: Site, name: str) -> Job:
    found = site.job(name)
    alerting = found.alerting
    if not any(alerting.notify.values()) and not alerting.on_alert and alerting.ping_url is None:
        message = f"{found.name} tells nobody anything: it has no notify, no on_alert and no ping_url"
        raise UsageError(message, remedy='write for example notify = ["mailtos://user:password@example.com"]')
    return found


def _ping(job: Job) -> bool | None:
    if job.alerting.ping_url is None:
        return None
    from batchctl.notify import heartbeat

    # An event that is only written down: a test must not look like a run.
    return heartbeat.ping(job, heartbeat.LOG, "a test of batchctl's pings")


@app.command()
def ack(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="The open alerts of this job; else all.")] = None,
    *,
    alert: Annotated[int | None, typer.Option("--id", metavar="ID", help="Only this alert.")] = None,
    as_json: Json = False,
) -> None:
    """Acknowledge open alerts: no reminder comes any more, until something new happens.

    Examples:
    * `batchctl alerts ack daily-batch`
    * `batchctl alerts ack --id 12`
    """
    from batchctl.notify import inbox
    from batchctl.present.text import json_text

    site = site_of(ctx)
    acked = inbox.ack(site.state, None if job is None else site.job(job).name, alert)
    if as_json:
        typer.echo(json_text({"acked": acked}))
    elif acked:
        typer.echo(f"Acknowledged: {', '.join(map(str, acked))}.")
    else:
        typer.echo("There is nothing to acknowledge.")
