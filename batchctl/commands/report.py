"""`batchctl report`: what ran and what was skipped in a span of time, and the statistics."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from batchctl import clock
from batchctl.commands.site import Site, site_of, unknown_job
from batchctl.errors import BatchctlError, UsageError
from batchctl.render import report as render
from batchctl.render import text
from batchctl.store.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

_DAY = 86400.0
_DAYS = 30.0
_LONGEST_DAYS = 36525
"""A hundred years; beyond it lie dates that no calendar here can print."""


class Format(StrEnum):
    """How the report is written."""

    table = "table"
    json = "json"
    csv = "csv"
    md = "md"


def report(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(help="Only this job.")] = None,
    *,
    days: Annotated[float | None, typer.Option("--days", metavar="N", help="The last N days (30).")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="From this time on.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to this time; else now.")] = None,
    style: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.table,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[str | None, typer.Option("--output", metavar="FILE", help="Write to this file, UTF-8.")] = None,
) -> None:
    """Show runs, skips and statistics of 30 days, or of another span: every run that was under way in it.

    The table shows the newest rows; json, csv (one line per run) and md are complete. Durations in the statistics are
    those of successful runs.

    Examples:
    * `batchctl report`
    * `batchctl report daily-batch --days 7`
    * `batchctl report --since 2026-11-01 --until 2026-12-01 --format md --output november.md`
    * `batchctl report --json`
    """
    site = site_of(ctx)
    if as_json and style not in {Format.table, Format.json}:
        message = f"--json and --format {style} ask for two formats"
        raise UsageError(message, remedy="leave out one of the two")
    chosen = Format.json if as_json else style
    found = _report(site, job, _window(site, days, since, until))
    if output is not None:
        _write_file(output, found, chosen)
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
        end = clock.now() if until is None else clock.parse_time(until, zone)
        start = end - (days or _DAYS) * _DAY if since is None else clock.parse_time(since, zone)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if start >= end:
        message = f"the span begins {clock.human(start, zone)}, which is not before its end, {clock.human(end, zone)}"
        raise UsageError(message, remedy="give an earlier --since or a later --until")
    return start, end


def _report(site: Site, job: str | None, window: tuple[float, float]) -> render.Report:
    since, until = window
    history = History(site.state)
    known = sorted({*site.config.jobs, *history.jobs()})
    if job is not None and job not in known:
        raise unknown_job(job, known)
    return render.Report(
        since=since,
        until=until,
        runs=lambda limit: history.runs_with_steps(since, until, job, limit),
        skips=lambda limit: history.skips(since, until, job, limit),
        stats=history.stats(since, until, known if job is None else [job]),
        zone=site.config.zone,
    )


def _pieces(found: render.Report, style: Format) -> Iterator[str]:
    if style is Format.json:
        return render.as_json(found)
    return render.as_csv(found) if style is Format.csv else render.as_markdown(found)


def _write_file(path: str, found: render.Report, style: Format) -> None:
    """Write the report to a file, as a whole or not at all; a pipe or a device is simply written to."""
    special = os.path.exists(path) and not os.path.isfile(path)
    target = os.path.realpath(path)
    draft = path if special else f"{target}.{os.getpid()}.part"
    try:
        with open(draft, "w", encoding="utf-8", errors="backslashreplace") as file:
            _fill(file, found, style)
        if not special:
            os.replace(draft, target)
    except OSError as error:
        message = f"cannot write the report to {path}: {error.strerror}"
        raise BatchctlError(message, remedy="give --output a file in a directory that you can write to") from error
    finally:
        if not special and os.path.exists(draft):
            os.unlink(draft)


def _fill(file: TextIO, found: render.Report, style: Format) -> None:
    if style is Format.table:
        render.print_tables(found, file)
        return
    file.writelines(_pieces(found, style))
