"""`batchctl backup`: a consistent copy of the history and its configuration."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import backup as answer
from batchctl.base.errors import UsageError
from batchctl.commands.site import site_of
from batchctl.present import backup as render
from batchctl.present.text import json_text


def backup(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="FILE|DIR", help="The archive, or a directory for many.")],
    *,
    keep: Annotated[
        int | None, typer.Option("--keep", metavar="N", help="Of a directory: let only the newest N stay.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read a backup back instead of making one.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write history, configuration and job files into one archive, consistent even while batches run.

    Logs are not in it. A name that ends in `gz` makes it compressed. Exit code 1: it cannot be written, or --verify
    found it damaged.

    Examples:
    * `batchctl backup /backup/batchctl/ --keep 14`
    * `batchctl backup --verify /backup/batchctl/`
    * `batchctl backup before-the-move.tar.gz`
    """
    if verify and keep is not None:
        message = "--verify only reads, --keep removes"
        raise UsageError(message, remedy="leave out one of the two")
    done = answer.verify(target) if verify else answer.backup(site_of(ctx), target, keep=keep)
    zone = site_of(ctx).config.zone
    typer.echo(json_text(render.as_json(done, zone)) if as_json else render.line(done, zone, verified=verify))
