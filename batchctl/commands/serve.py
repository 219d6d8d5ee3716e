"""`batchctl serve`: the page and the REST API."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer

from batchctl.base import extras
from batchctl.base.errors import UsageError
from batchctl.commands.site import site_of

app = typer.Typer(
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    help="""Serve the page and the REST API, on loopback unless told otherwise.

It prints an address with a code that logs one browser in, once. For programs there is a token, in a file of mode 0600
in the state directory: send it as `Authorization: Bearer TOKEN`. Runs do not depend on the server: it may end, be
killed or be upgraded beside them.

Examples:
* `batchctl serve`
* `batchctl serve --port 9000 --allow-host batch.example.com`
* `batchctl serve --host 0.0.0.0 --cert batch.pem --key batch.key`
* `batchctl serve --uds /run/batchctl.sock --behind-proxy unix`
* `batchctl serve token add phone --scope operate`
""",
)
token = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Add, list and remove further tokens.

Each has a scope: read, operate (run, stop, pause) or admin.

Examples:
* `batchctl serve token add grafana --scope read`
* `batchctl serve token remove grafana`
""",
)
app.add_typer(token, name="token")


@app.callback(invoke_without_command=True)
def serve(
    ctx: typer.Context,
    *,
    host: Annotated[str, typer.Option("--host", metavar="ADDR", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    uds: Annotated[str | None, typer.Option("--uds", metavar="FILE", help="Listen on this socket file.")] = None,
    cert: Annotated[str | None, typer.Option("--cert", metavar="FILE", help="Certificate, for TLS.")] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="FILE", help="Its key.")] = None,
    behind_proxy: Annotated[
        list[str] | None,
        typer.Option("--behind-proxy", metavar="ADDR", help="Believe this peer's X-Forwarded-User. Repeatable."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name the server is called by. Repeatable."),
    ] = None,
    token_file: Annotated[
        str | None, typer.Option("--token-file", metavar="FILE", help="Where the admin's token is, or is to be.")
    ] = None,
) -> None:
    """Serve until a signal."""
    if ctx.invoked_subcommand is not None:
        return
    site, settings, tokens = site_of(ctx), _room("settings"), _room("tokens")
    chosen = settings.Settings(
        config_option=site.config_option,
        state_option=site.state_option,
        keys=tokens.Keys(site.state, token_file),
        host=host,
        port=port,
        uds=uds,
        cert=cert,
        key=key,
        behind_proxy=tuple(behind_proxy or ()),
        allow_hosts=(*(allow_host or ()), *site.config.web.hosts),
        proxy_scope=site.config.web.proxy_scope,
    )

    def begun(address: str) -> None:
        typer.echo(f"{address}\nthe token for programs: {chosen.keys.path}")

    _room("server").serve(chosen, site, begun)


@app.command("login")
def login(ctx: typer.Context) -> None:
    """Print the login address with a new code, good once.

    Examples:
    * `batchctl serve login`
    """
    typer.echo(_room("server").new_login(site_of(ctx).state))


@token.command("add")
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What its owner is called where it says who did what.")],
    *,
    scope: Annotated[str, typer.Option("--scope", help="read, operate or admin.")] = "read",
) -> None:
    """Print a new token, once; only its hash is kept.

    Examples:
    * `batchctl serve token add grafana --scope read`
    """
    typer.echo(_room("tokens").add(site_of(ctx).state, name, scope))


@token.command("list")
def list_tokens(ctx: typer.Context) -> None:
    """List the further tokens with their scopes.

    Examples:
    * `batchctl serve token list`
    """
    for each in _room("tokens").all_named(site_of(ctx).state):
        typer.echo(f"{each.name}  {each.scope}")


@token.command("remove")
def remove(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Whose token it is.")]) -> None:
    """Take a token back; a browser that logged in with it is logged out.

    Examples:
    * `batchctl serve token remove grafana`
    """
    _room("tokens").remove(site_of(ctx).state, name)


def _room(name: str) -> Any:
    """Return a module of the web room, which needs what the extra brings."""
    try:
        return import_module(f"batchctl.web.{name}")
    except ModuleNotFoundError as error:
        message = f"serve needs {error.name}, which is not installed"
        raise UsageError(message, remedy=extras.remedy("web")) from error
