"""`batchctl report`: what ran and what was skipped in a span of time, and the statistics."""

from __future__ import annotations

from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.answers import report as answer
from batchctl.base.errors import UsageError
from batchctl.base.outfile import write_file
from batchctl.commands.site import site_of
from batchctl.present import report as render
from batchctl.present import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


class Format(StrEnum):
    """How the report is written."""

    table = "table"
    json = "json"
    csv = "csv"
    md = "md"
    html = "html"


def report(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job.")] = None,
    *,
    days: Annotated[float | None, typer.Option("--days", metavar="N", help="The last N days (30).")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="From this time on.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to this time; else now.")] = None,
    weekly: Annotated[bool, typer.Option("--weekly", help="By ISO week; 12 weeks unless told otherwise.")] = False,
    monthly: Annotated[bool, typer.Option("--monthly", help="By month; 12 months unless told otherwise.")] = False,
    style: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.table,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    excel: Annotated[
        bool, typer.Option("--excel", help="As --format csv, marked as UTF-8 (BOM), as spreadsheets want it.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="List the newest N runs and skips.")
    ] = None,
    output: Annotated[str | None, typer.Option("--output", metavar="FILE", help="Write to this file, UTF-8.")] = None,
) -> None:
    """Show runs, skips and statistics of 30 days, or of another span: every run that was under way in it.

    The table shows the newest rows; json, csv (one line per run) and md are complete; html is one page with pictures.
    Statistics count a run and those that it resumed as one; their durations are those of the successful.

    Examples:
    * `batchctl report`
    * `batchctl report daily-batch --days 7`
    * `batchctl report --since 2026-11-01 --until 2026-12-01 --format md --output november.md`
    * `batchctl report --format html --output report.html`
    * `batchctl report daily-batch --weekly`
    * `batchctl report --json`
    """
    chosen = style
    for option, given, meant in (("--json", as_json, Format.json), ("--excel", excel, Format.csv)):
        if given and chosen not in {Format.table, meant}:
            message = f"{option} and --format {chosen} ask for two formats"
            raise UsageError(message, remedy="leave out one of the two")
        chosen = meant if given else chosen
    span = answer.Span(days=days, since=since, until=until, weekly=weekly, monthly=monthly)
    found = answer.report(site_of(ctx), job, span=span, limit=limit)
    if output is not None:
        write_file(output, "the report", lambda file: _fill(file, found, chosen, excel=excel))
    elif chosen is Format.table:
        render.print_tables(found)
    else:
        text.write(_pieces(found, chosen, excel=excel))


_MARK = "\ufeff"
"""The byte order mark, by which spreadsheets tell UTF-8 from the code page of the country."""


def _pieces(found: answer.Report, style: Format, *, excel: bool) -> Iterator[str]:
    if excel:
        return chain((_MARK,), render.as_csv(found))
    if style is Format.json:
        return render.as_json(found)
    if style is Format.html:
        from batchctl.present.picture import as_html

        return iter((as_html(found, found.made_at),))
    return render.as_csv(found) if style is Format.csv else render.as_markdown(found)


def _fill(file: TextIO, found: answer.Report, style: Format, *, excel: bool) -> None:
    if style is Format.table:
        render.print_tables(found, file)
        return
    file.writelines(_pieces(found, style, excel=excel))
