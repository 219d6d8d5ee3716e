"""The Typer app: global options, commands loaded when they are called, and the one exit boundary."""

from __future__ import annotations

import os
import signal
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from batchctl import __version__
from batchctl.base.errors import EXIT_SIGNAL_BASE, BatchctlError
from batchctl.commands.boundary import report_bug, report_error
from batchctl.commands.site import Site

# Command name to module and attribute below batchctl.commands: a function is a command, a Typer app a group of them.
COMMANDS = {
    "run": "run:run",
    "status": "status:status",
    "explain": "explain:explain",
    "simulate": "simulate:simulate",
    "report": "report:report",
    "logs": "logs:logs",
    "stop": "stop:stop",
    "crontab": "crontab:app",
    "jobs": "jobs:app",
    "pause": "pause:pause",
    "resume": "pause:resume",
    "check": "check:check",
    "catch-up": "catch_up:catch_up",
    "alerts": "alerts:app",
    "prune": "prune:prune",
    "advise": "advise:advise",
    "init": "init:init",
    "sample-server": "sample_server:sample_server",
    "config": "config:config",
}


class LazyGroup(TyperGroup):
    """Imports a command's module only when that command, or the list of all, is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the commands in the order of the README."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import and build one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        target = getattr(import_module(f"batchctl.commands.{module}"), attribute)
        built: Any
        if isinstance(target, typer.Typer):
            built = typer.main.get_command(target)
        else:
            single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
            single.command(name=cmd_name)(target)
            built = typer.main.get_command(single)
        built.name = cmd_name
        return built


app = typer.Typer(
    cls=LazyGroup,
    help="Make system cron safe for long batches: decide at each fire whether the job may start, and tell why.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback form
    if wanted:
        typer.echo(f"batchctl {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    ctx: typer.Context,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="Configuration file (also BATCHCTL_CONFIG)."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", metavar="DIR", help="State directory (also BATCHCTL_STATE)."),
    ] = None,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    ctx.obj = Site(config, state)


def main(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code; errors become a message and a remedy on stderr."""
    try:
        app(arguments, prog_name="batchctl")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    except BatchctlError as error:
        return report_error(error)
    except BrokenPipeError:
        # The reader of `batchctl report | head` went away: nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_SIGNAL_BASE + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001 - the one exit boundary: no traceback for the operator unasked
        return report_bug(error)
    return 0
