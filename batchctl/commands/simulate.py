"""`batchctl simulate`: flags to scenario, scenario to picture; the deciding is done by the core."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.answers import simulate as answer
from batchctl.base.errors import UsageError
from batchctl.base.outfile import write_file
from batchctl.commands.site import site_of

if TYPE_CHECKING:
    from batchctl.answers.simulate import Preview


class Format(StrEnum):
    """How the preview is written."""

    table = "table"
    json = "json"
    html = "html"
    svg = "svg"


def simulate(
    ctx: typer.Context,
    job: Annotated[
        str | None, typer.Argument(help="A job whose schedule and rules to take; else --every or --cron.")
    ] = None,
    *,
    duration: Annotated[
        str | None, typer.Option(metavar="D | D..D", help="How long a run takes: 26h, or drawn from 20h..30h.")
    ] = None,
    every: Annotated[
        str | None, typer.Option(metavar="D", help="Fire at --start (the next 01:00) and each D after it.")
    ] = None,
    cron: Annotated[str | None, typer.Option(metavar="EXPR", help="Fire as cron would for EXPR.")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Begin at TIME instead of at the next fire.")
    ] = None,
    horizon: Annotated[str, typer.Option("--for", metavar="D", help="How far to look.")] = "7d",
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Time zone, for example Asia/Seoul.")] = None,
    min_gap: Annotated[str | None, typer.Option(metavar="D", help="Least time from an end to the next start.")] = None,
    gap_factor: Annotated[
        float | None, typer.Option(metavar="F", min=0, help="The same, as a multiple of the typical duration.")
    ] = None,
    timeout: Annotated[str | None, typer.Option(metavar="D", help="End longer runs as timed out.")] = None,
    stale_after: Annotated[str | None, typer.Option(metavar="D", help="Take over runs older than this.")] = None,
    fail_at: Annotated[str | None, typer.Option(metavar="D", help="Every run fails after D.")] = None,
    from_history: Annotated[
        str | None, typer.Option(metavar="JOB", help="Draw durations from the successful runs of JOB.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=D[,D...]", help="Durations of a group's steps, in turn. Repeatable."),
    ] = None,
    parallel: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Run this group's steps side by side. Repeatable.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="D", help="Make each group a job of its own, fired D after the one before.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed draws other durations.")] = 0,
    style: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.table,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[str | None, typer.Option("--output", metavar="FILE", help="Write to this file, UTF-8.")] = None,
) -> None:
    """Preview fires: which start, which are skipped and why, the cadence that results, and what would fix it.

    Nothing is read but the configuration and, where durations come from it, the history; nothing is changed.

    Examples:
    * `batchctl simulate --duration 26h --every 24h`
    * `batchctl simulate daily-batch --duration 20h..30h --for 30d`
    * `batchctl simulate daily-batch --format svg --output preview.svg`
    * `batchctl simulate daily-batch --group keyword-search=5h,4h,4h --group market-upload=13h --split 12h`
    """
    if as_json and style not in {Format.table, Format.json}:
        message = f"--json and --format {style} ask for two formats"
        raise UsageError(message, remedy="leave out one of the two")
    preview = answer.simulate(
        site_of(ctx),
        job,
        timezone=timezone,
        duration=duration,
        every=every,
        cron=cron,
        start=start,
        horizon=horizon,
        min_gap=min_gap,
        gap_factor=gap_factor,
        timeout=timeout,
        stale_after=stale_after,
        fail_at=fail_at,
        from_history=from_history,
        groups=tuple(group or ()),
        parallel=tuple(parallel or ()),
        split=split,
        seed=seed,
    )
    _write(preview, Format.json if as_json else style, output)


def _write(preview: Preview, style: Format, output: str | None) -> None:
    from batchctl.present import simulation as render

    if style is Format.table:
        if output is None:
            render.show(preview)
        else:
            write_file(output, "the preview", lambda file: render.show(preview, file))
        return
    text = _text(preview, style)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_file(output, "the preview", lambda file: file.write(text))


def _text(preview: Preview, style: Format) -> str:
    if style is Format.json:
        from batchctl.present.simulation import as_json

        return json.dumps(as_json(preview), ensure_ascii=False) + "\n"
    from batchctl.present.preview import as_html, as_svg

    return as_svg(preview) if style is Format.svg else as_html(preview, preview.made_at)
