"""`batchctl init`: a commented configuration to start from."""

from __future__ import annotations

from typing import Annotated

import typer

from batchctl.answers import init as answer
from batchctl.commands.site import site_of


def init(
    ctx: typer.Context,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="FILE", help="Where to write it; without this where batchctl looks for it."),
    ] = None,
) -> None:
    """Write a commented starter configuration; a file that is there already is never overwritten (exit 1).

    Examples:
    * `batchctl init`
    * `batchctl init --path /etc/batchctl/batchctl.toml`
    """
    written = answer.init(site_of(ctx), path)
    typer.echo(f"wrote {written.path}")
    option = "" if written.is_found else f"--config {written.path} "
    typer.echo(f"next: replace each echo by your program, then run `batchctl {option}config`")
