"""`batchctl report`: what ran and what was skipped in a span of time, and the statistics."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.commands.outfile import write_file
from batchctl.commands.site import Site, site_of
from batchctl.core.time import periods as calendar
from batchctl.core.time import zones
from batchctl.present import report as render
from batchctl.present import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from batchctl.core.time.periods import Period

_DAY = 86400.0
_DAYS = 30.0
_PERIODS_SHOWN = 12
_LONGEST_DAYS = 36525
"""A hundred years; beyond it lie dates that no calendar here can print."""


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
    site = site_of(ctx)
    if as_json and style not in {Format.table, Format.json}:
        message = f"--json and --format {style} ask for two formats"
        raise UsageError(message, remedy="leave out one of the two")
    chosen = Format.json if as_json else style
    since_at, until_at, periods = _span(site, days, since, until, weekly=weekly, monthly=monthly)
    from batchctl.commands.reporting import build

    found = build(site, job, since_at, until_at, periods, _PERIODS[weekly, monthly])
    if output is not None:
        write_file(output, "the report", lambda file: _fill(file, found, chosen))
    elif chosen is Format.table:
        render.print_tables(found)
    else:
        text.write(_pieces(found, chosen))


def _window(site: Site, days: float | None, since: str | None, until: str | None) -> tuple[float, float]:
    """Return the span that the options mean."""
    if days is not None and since is not None:
        message = "--days and --since both say where the span begins"
        raise UsageError(message, remedy="leave out one of the two")
    if days is not None and not 0 < days < _LONGEST_DAYS:
        message = f"--days {days:g} is no span of time"
        raise UsageError(message, remedy="write for example --days 7")
    zone = site.config.zone
    try:
        end = clock.now() if until is None else zones.parse_time(until, zone, clock.now())
        start = end - (days or _DAYS) * _DAY if since is None else zones.parse_time(since, zone, clock.now())
    except ValueError as error:
        raise UsageError(str(error)) from error
    if start >= end:
        message = f"the span begins {zones.human(start, zone)}, which is not before its end, {zones.human(end, zone)}"
        raise UsageError(message, remedy="give an earlier --since or a later --until")
    return start, end


_PERIODS = {(False, False): "", (True, False): "Weeks", (False, True): "Months"}


def _span(
    site: Site, days: float | None, since: str | None, until: str | None, *, weekly: bool, monthly: bool
) -> tuple[float, float, list[Period]]:
    """Return the span that the options mean, and the weeks or months in it."""
    if weekly and monthly:
        message = "--weekly and --monthly ask for two calendars"
        raise UsageError(message, remedy="leave out one of the two")
    start, end = _window(site, days, since, until)
    if not weekly and not monthly:
        return start, end, []
    cut, length = (calendar.weeks, 7 * _DAY) if weekly else (calendar.months, 31 * _DAY)
    zone = site.config.zone
    if days is None and since is None:
        start = cut(end - _PERIODS_SHOWN * length, end, zone)[-_PERIODS_SHOWN].start
    return start, end, cut(start, end, zone)


def _pieces(found: render.Report, style: Format) -> Iterator[str]:
    if style is Format.json:
        return render.as_json(found)
    if style is Format.html:
        from batchctl.present.picture import as_html

        return iter((as_html(found, clock.now()),))
    return render.as_csv(found) if style is Format.csv else render.as_markdown(found)


def _fill(file: TextIO, found: render.Report, style: Format) -> None:
    if style is Format.table:
        render.print_tables(found, file)
        return
    file.writelines(_pieces(found, style))
