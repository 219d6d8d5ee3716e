"""`batchctl run`: decide, and where the decision is to start, run the job to its end."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from batchctl.answers import run as answer
from batchctl.base.errors import EXIT_SKIPPED, UsageError
from batchctl.commands.boundary import report, report_failure, show, warn
from batchctl.commands.site import site_of


def run(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="The job to fire.")] = None,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- CMD ARG...]", help="With --name: the command to guard.")
    ] = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Pass every check but already_running, pool_full and locked.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the last unfinished run: steps that succeeded are not run again.")
    ] = False,
    start_from: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Begin at this step (or a group's first).")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="STEP|GROUP", help="Run only these. Repeatable.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="KEY=VALUE", help="Override a parameter; JSON, else text. Repeatable."),
    ] = None,
    exit_on_skip: Annotated[
        int, typer.Option("--exit-on-skip", metavar="N", min=0, max=255, help="Exit code of a skip.")
    ] = EXIT_SKIPPED,
    scheduled_for: Annotated[
        str | None, typer.Option("--scheduled-for", metavar="TIME", help="The missed fire to make up for.", hidden=True)
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Guard a command under this name, unconfigured.")
    ] = None,
    min_gap: Annotated[
        str | None, typer.Option("--min-gap", metavar="D", help="With --name: the job's min_gap.")
    ] = None,
    timeout: Annotated[str | None, typer.Option("--timeout", metavar="D", help="With --name: its timeout.")] = None,
    stale_after: Annotated[
        str | None, typer.Option("--stale-after", metavar="D", help="With --name: its stale_after.")
    ] = None,
    retries: Annotated[
        int | None, typer.Option("--retries", metavar="N", min=0, help="With --name: its retries.")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return as soon as the run is under way, and print its id.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print decision and plan, and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Fire a job: start it now if its guard allows, or skip. It never waits.

    Exit codes: 0 succeeded, 1 a step failed, 75 skipped, 74 state not to be trusted, 78 configuration error,
    124 timed out, 128+n stopped by signal n.

    Examples:
        batchctl run daily-batch

        batchctl run daily-batch --param limit=50 --json

        batchctl run daily-batch --resume --dry-run

        batchctl run daily-batch --only market-upload

        batchctl run daily-batch --detach

        batchctl run --name space --min-gap 6h --timeout 2h -- df -h
    """
    site = site_of(ctx)
    rules = {"min_gap": min_gap, "timeout": timeout, "stale_after": stale_after, "retries": retries}
    words = [word for word in (job, *(command or ())) if word is not None]
    found = answer.meant(
        site, name, words, {key: rule for key, rule in rules.items() if rule is not None}, keep=not dry_run
    )
    asked = answer.request(
        site,
        found,
        force=force,
        selection=answer.selection(resume=resume, only=only or (), start_from=start_from),
        params=parse_params(param or []),
        exit_on_skip=exit_on_skip,
        scheduled_for=scheduled_for,
    )
    from batchctl.present import run as render
    from batchctl.present import text

    if dry_run:
        plan = answer.plan(found, asked)
        text.write([text.json_text(render.dry_run_json(plan)) if as_json else render.dry_run(plan), "\n"])
        from batchctl.answers import doctor as preflight

        warn(preflight.of_jobs(site, [found]))
        return
    on_terminal = sys.stdout.isatty() and not as_json

    def tell(outcome: answer.Outcome) -> None:
        if as_json:
            show(lambda: text.write([text.json_text(render.as_json(outcome)), "\n"]))
        elif on_terminal:
            show(lambda: render.summary(outcome))
        report_failure(outcome)

    if detach:
        code, said = answer.detach(found, asked, lambda begun: render.begun(begun, whole=as_json), tell, report)
        show(lambda: text.write([said]))
        raise typer.Exit(code)
    from batchctl.present.live import Live

    outcome = answer.run(found, asked, Live(answer.Glances(found, site.state)) if on_terminal else None)
    tell(outcome)
    raise typer.Exit(outcome.exit_code)


def parse_params(given: list[str]) -> dict[str, Any]:
    """Return `KEY=VALUE` options as parameters: the value as JSON where it is JSON, else as text.

    Raises:
        UsageError: if one has no `=` or no key.
    """
    return _pairs(given, "--param {!r}", 'write for example --param limit=50 or --param account="계정1"')


def parse_settings(given: list[str]) -> dict[str, Any]:
    """Return `KEY=VALUE` words as settings, a key of a table as `table.key`; UsageError where one is none."""
    return _pairs(given, "{!r}", "write for example timeout=30h or params.limit=50", dotted=True)


def _pairs(given: list[str], named: str, remedy: str, *, dotted: bool = False) -> dict[str, Any]:
    import json
    from unicodedata import normalize

    found: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        key = normalize("NFC", key)
        parts = key.split(".") if dotted else [key]
        if not equals or not all(part.isidentifier() for part in parts):
            message = f"{named.format(text)} is not KEY=VALUE"
            raise UsageError(message, remedy=remedy)
        try:
            found[key] = json.loads(value)
        except (ValueError, RecursionError):
            found[key] = value
    return found
