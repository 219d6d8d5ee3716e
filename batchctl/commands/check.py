"""`batchctl check`: the health of all jobs, for a cron line of its own."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from batchctl.answers import check as answer
from batchctl.answers.site import Site
from batchctl.base.errors import EXIT_FAILED, BatchctlError, StateError
from batchctl.base.outfile import write_file
from batchctl.commands.site import site_of
from batchctl.present import health as render
from batchctl.present import text


class Format(StrEnum):
    """How a check is shown."""

    text = "text"
    json = "json"
    nagios = "nagios"
    prometheus = "prometheus"


def check(
    ctx: typer.Context,
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="[JOB]...", help="Show and judge only these jobs.")
    ] = None,
    *,
    style: Annotated[Format, typer.Option("--format", help="How to show it.")] = Format.text,
    output: Annotated[
        str | None, typer.Option("--output", metavar="FILE", help="Write to this file, as a whole or not at all.")
    ] = None,
) -> None:
    """Look for failures, long and suspiciously fast runs, missed fires, lost runs and a full disk; send due alerts.

    Made for a cron line every 10 or 30 minutes. It writes health.json in the state directory and exits 0 where all is
    well and 1 where not; with --format nagios 0, 1, 2 or 3 as a plugin does.

    Examples:
    * `batchctl check`
    * `batchctl check daily-batch --format json`
    * `batchctl check --format nagios`
    * `batchctl check --format prometheus --output /var/lib/node_exporter/textfile/batchctl.prom`
    """
    site = site_of(ctx)
    try:
        code = _check(site, jobs or [], style, output)
    except BatchctlError as error:
        if style is not Format.nagios:
            raise
        text.write([render.nagios_unknown(str(error))])
        raise typer.Exit(render.UNKNOWN) from error
    raise typer.Exit(code)


def _check(site: Site, names: list[str], style: Format, output: str | None) -> int:
    try:
        found = answer.check(site, names, written=_health_json, counted=style is Format.prometheus)
    except StateError as error:
        message = str(error)
        answer.leave_word(site, lambda at, zone: _line(render.untrusted_json(message, at, zone)))
        raise
    content = _as_text(found, style)
    if output is None:
        text.write([content])
    else:
        write_file(output, "the check", lambda file: file.write(content))
    if found.unwritten is not None:
        raise found.unwritten
    if style is Format.nagios:
        return render.CODES[found.status]
    return EXIT_FAILED if render.CODES[found.status] else 0


def _as_text(found: answer.Checked, style: Format) -> str:
    if style is Format.json:
        return text.json_text(render.as_json(found.health, found.shown, found.zone)) + "\n"
    if style is Format.nagios:
        return render.as_nagios(found.health, found.status, found.shown)
    if found.counted is not None:
        from batchctl.present.prometheus import as_prometheus

        return as_prometheus(found.health, found.shown, found.counted)
    return render.as_text(found.health, found.status, found.shown)


def _health_json(*found: Any) -> str:
    return _line(render.as_json(*found))


def _line(content: object) -> str:
    return json.dumps(content, ensure_ascii=False) + "\n"
