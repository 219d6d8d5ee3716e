"""`batchctl check`: the health of all jobs, for a cron line of its own."""

from __future__ import annotations

import os
import sqlite3
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchctl.base import clock
from batchctl.base.errors import EXIT_FAILED, BatchctlError, StateError
from batchctl.base.state_dir import StateDir
from batchctl.commands.outfile import write_file
from batchctl.commands.site import Site, site_of
from batchctl.present import health as render
from batchctl.present import text
from batchctl.store import database, spool
from batchctl.watch import health, healthfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.judge.findings import Finding
    from batchctl.watch.health import Counted, Health


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
    only = {site.job(name).name for name in names}
    try:
        found, counted, unwritten = _gather(site, style)
    except StateError as error:
        _leave_word(site, str(error))
        raise
    shown = [finding for finding in found.findings if not only or finding.job in {None, *only}]
    content = _as_text(site, found, shown, style, counted)
    if output is None:
        text.write([content])
    else:
        write_file(output, "the check", lambda file: file.write(content))
    if unwritten is not None:
        raise unwritten
    if style is Format.nagios:
        return render.code(shown)
    return EXIT_FAILED if render.code(shown) else 0


def _gather(site: Site, style: Format) -> tuple[Health, Counted | None, StateError | None]:
    """Import, look, write health.json and send; that it could not be written must not keep anybody from hearing."""
    config, state, now = site.config, site.state, clock.now()
    StateDir(state).ensure()
    unwritten = None
    within = os.environ.get("BATCHCTL_JOB")
    with database.Opened(state, create=True) as connection:
        _import(state, connection)
        found = health.gather(config, state, connection, healthfile.previous(state, config.zone), now, within)
        try:
            content = render.as_json(found, found.findings, config.zone)
            healthfile.write(state, _json(content))
        except StateError as error:
            unwritten = error
        counted = health.count(config, connection) if style is Format.prometheus else None
        _announce(site, state, connection, found)
    return found, counted, unwritten


def _import(state: str, connection: sqlite3.Connection) -> None:
    if not spool.waiting(state):
        return
    try:
        spool.import_all(state, connection)
    except (OSError, sqlite3.Error):
        return  # what still waits is a finding


def _announce(site: Site, state: str, connection: sqlite3.Connection, found: Health) -> None:
    config = site.config
    if not any(job.alerting.notify or job.alerting.on_alert for job in config.jobs.values()):
        return
    from batchctl.notify.send import send_due
    from batchctl.watch.announce import announce

    announce(connection, state, found, config.zone)
    send_due(state, config.jobs, site_wide=True)


def _leave_word(site: Site, message: str) -> None:
    """Say in health.json that nothing can be said: an old "healthy" there would be a lie."""
    content = render.untrusted_json(message, clock.now(), site.config.zone)
    try:
        healthfile.write(site.state, _json(content))
    except StateError:
        return  # the error that is on its way already says why


def _as_text(site: Site, found: Health, shown: Sequence[Finding], style: Format, counted: Counted | None) -> str:
    if style is Format.json:
        return text.json_text(render.as_json(found, shown, site.config.zone)) + "\n"
    if style is Format.nagios:
        return render.as_nagios(found, shown)
    if counted is not None:
        from batchctl.present.prometheus import as_prometheus

        return as_prometheus(found, shown, counted)
    return render.as_text(found, shown)


def _json(content: dict[str, Any]) -> str:
    import json

    return json.dumps(content, ensure_ascii=False) + "\n"
