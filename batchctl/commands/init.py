"""`batchctl init`: a commented configuration to start from."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from batchctl.base import paths
from batchctl.base.errors import BatchctlError
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
    named = path or site_of(ctx).config_option or os.environ.get("BATCHCTL_CONFIG")
    target = os.path.abspath(named or paths.user_config_file())
    _write(target)
    typer.echo(f"wrote {target}")
    option = "" if paths.config_file(None) == target else f"--config {target} "
    typer.echo(f"next: put your programs in place of each echo, then `batchctl {option}config` to check it")


def _write(target: str) -> None:
    from batchctl.config.starter import STARTER

    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        # O_EXCL refuses whatever has the name already, be it a link that leads nowhere.
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        taken = error.filename or target
        what = "already exists" if taken == target else "is not a directory"
        message = f"{taken} {what}; nothing was written"
        raise BatchctlError(message, remedy="edit it, or choose another place with --path FILE") from error
    except OSError as error:
        message = f"{error.filename or target}: {error.strerror}; nothing was written"
        raise BatchctlError(message, remedy="choose a place you can write to, with --path FILE") from error
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(STARTER)
    except OSError as error:
        os.unlink(target)
        message = f"{target}: {error.strerror}; nothing was written"
        raise BatchctlError(message, remedy="make room, or choose another place with --path FILE") from error
