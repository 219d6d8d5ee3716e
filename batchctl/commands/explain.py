"""`batchctl explain`: every check of the decision in words."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.commands.site import site_of
from batchctl.core import statistics
from batchctl.core.foresight.preview import next_start
from batchctl.core.guard import decide
from batchctl.core.time import zones
from batchctl.engine.fire import state_of
from batchctl.present import explain as render
from batchctl.present import text
from batchctl.watch.standing import state_at, with_expected_end


def explain(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="The job to ask about.")],
    *,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Decide as of this time, given the state of now.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show every check that a fire of the job would have to pass, and when the job could start next.

    Examples:
    * `batchctl explain daily-batch`
    * `batchctl explain daily-batch --at 2026-12-01T01:00`
    * `batchctl explain daily-batch --json`
    """
    site = site_of(ctx)
    found, zone, now = site.job(job), site.config.zone, clock.now()
    try:
        instant = now if at is None else zones.parse_time(at, zone, now)
    except ValueError as error:
        raise UsageError(str(error)) from error
    typical = statistics.typical(site.history().durations(job, statistics.TYPICAL_OF))
    state = with_expected_end(state_of(found, site.state), typical)
    state, ended = state_at(found, state, typical, now, instant)
    checks = list(decide.checks(instant, state, found.rules))
    assumption = None
    if ended is not None:
        assumption = f"run {ended.run_id} ends at {zones.human(ended.expected_end, zone)} and succeeds"
    elif instant < now and at is not None:
        assumption = "what holds now held then"
    explanation = render.Explanation(
        job=job,
        at=instant,
        checks=checks,
        reason=next((check.name for check in checks if not check.passed), None),
        next_start_at=next_start(found, state, instant, typical),
        assumption=assumption,
    )
    if as_json:
        text.write([text.json_text(render.as_json(explanation, zone)), "\n"])
    else:
        render.show(explanation, zone)
