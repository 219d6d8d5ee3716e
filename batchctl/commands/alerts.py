"""`batchctl alerts`: what people were told, whether they can be told, and no more reminders."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import alerts as answer
from batchctl.base.errors import EXIT_FAILED
from batchctl.commands.site import site_of
from batchctl.present import alerts as view
from batchctl.present.text import json_text

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
    """List the newest alerts, and what became of each.

    They are sent, waiting (with the last error), failed (given up), or suppressed.

    Examples:
    * `batchctl alerts list`
    * `batchctl alerts list daily-batch -n 5 --json`
    """
    found = answer.alerts(site_of(ctx), job, number)
    if as_json:
        typer.echo(json_text(view.alerts_as_json(found)))
    else:
        view.show_alerts(found)


@app.command("test")
def trial(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job whose channels are tried.")],
    *,
    as_json: Json = False,
) -> None:
    """Send a test alert through every channel of a job.

    It says how each took it, and exits 1 if one failed.

    Examples:
    * `batchctl alerts test daily-batch`
    * `batchctl alerts test daily-batch --json`
    """
    tried = answer.test(site_of(ctx), job)
    if as_json:
        typer.echo(json_text(view.trial_as_json(tried)))
    else:
        view.show_trial(tried)
    if not tried.ok:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def ack(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="The open alerts of this job; else all.")] = None,
    *,
    alert: Annotated[int | None, typer.Option("--id", metavar="ID", help="Only this alert.")] = None,
    as_json: Json = False,
) -> None:
    """Acknowledge open alerts.

    No reminder comes any more, until something new happens.

    Examples:
    * `batchctl alerts ack daily-batch`
    * `batchctl alerts ack --id 12`
    """
    acked = answer.ack(site_of(ctx), job, alert)
    if as_json:
        typer.echo(json_text({"acked": acked}))
    elif acked:
        typer.echo(f"Acknowledged: {', '.join(map(str, acked))}.")
    else:
        typer.echo("There is nothing to acknowledge.")
