"""The Typer app: global options, commands loaded when they are called, and the one exit boundary."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from batchctl.answers.site import Site, look_in
from batchctl.base.errors import UsageError
from batchctl.base.version import VERSION
from batchctl.commands.boundary import report

# Command name to module and attribute below batchctl.commands: a function is a command, a Typer app a group of them.
COMMANDS = {
    "run": "run:run",
    "status": "status:status",
    "explain": "explain:explain",
    "upcoming": "upcoming:upcoming",
    "simulate": "simulate:simulate",
    "report": "report:report",
    "logs": "logs:logs",
    "events": "events:events",
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
    "backup": "backup:backup",
    "init": "init:init",
    "sample-server": "sample_server:sample_server",
    "config": "config:config",
    "doctor": "doctor:doctor",
    "serve": "serve:app",
}

SUMMARIES = {
    "run": "Fire a job: start it now if its guard allows, or skip.",
    "status": "Show where jobs stand and what their next fires will do.",
    "explain": "Show every check that a fire would have to pass now.",
    "upcoming": "List the coming fires of all jobs, and what they will do.",
    "simulate": "Preview fires: start or skip, and what would fix it.",
    "report": "Show runs, skips and statistics of a span of time.",
    "logs": "Show the output of a run, step by step.",
    "events": "Show what happened, a line each, and follow it.",
    "stop": "End the running run of a job with all its processes.",
    "crontab": "Show, install or remove the lines that cron fires.",
    "jobs": "List, show and change jobs; take over an old crontab.",
    "pause": "Let nothing start, or not this job; what runs goes on.",
    "resume": "End a pause.",
    "check": "Look for what is wrong, and send the alerts that are due.",
    "catch-up": "Make up for the fires that jobs have missed.",
    "alerts": "List alerts, try a job's channels, acknowledge.",
    "prune": "Remove old runs with their logs.",
    "advise": "Say what the history advises for schedule, gap, budgets.",
    "backup": "Copy history and configuration, beside running batches.",
    "init": "Write a commented starter configuration.",
    "sample-server": "Serve sample data of all sources on loopback.",
    "config": "Validate the configuration and print what is in force.",
    "doctor": "Look whether everything is there that the jobs need.",
    "serve": "Serve the page and the REST API.",
}
"""What the list of commands says of each; for that their modules need not be imported."""


class LazyGroup(TyperGroup):
    """Imports a command's module only when that command is asked for."""

    listing = False

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the commands in the order of the README."""
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; UsageError with the likely one where there is none of that name."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise _unknown(args[0])
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import and build one command; for the list of all, its name and summary are enough."""
        if cmd_name not in COMMANDS:
            return None
        if self.listing:
            return TyperCommand(cmd_name, help=SUMMARIES[cmd_name])
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        target = getattr(import_module(f"batchctl.commands.{module}"), attribute)
        built: Any
        if isinstance(target, typer.Typer):
            built = typer.main.get_command(target)
        else:
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(name=cmd_name)(target)
            built = typer.main.get_command(single)
        built.name = cmd_name
        _adapt(built)
        return built

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of batchctl itself."""
        self.listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.listing = False


_MEANT = {"help": "--help", "version": "--version", "list": "jobs list", "ls": "jobs list", "add": "jobs add"}
"""What people type for a command that has another name."""


def _unknown(name: str) -> UsageError:
    from difflib import get_close_matches

    close = [_MEANT[name]] if name in _MEANT else get_close_matches(name, COMMANDS, n=1)
    remedy = f"did you mean `batchctl {close[0]}`?" if close else "`batchctl --help` lists the commands"
    return UsageError(f"there is no command {name!r}", remedy=remedy)


def _adapt(command: Any) -> None:
    r"""Let the lines of examples stay lines, and the global options stand after the command too.

    To click, a `\b` before a paragraph says that it is not to be filled.
    """
    command.help = (command.help or "").replace("\n\nExamples:", "\n\n\b\nExamples:")
    command.params += [
        _global("--config"),
        _global("--state"),
        _global("--module", multiple=True),
        _global("--version", is_flag=True, is_eager=True),
    ]
    for inner in getattr(command, "commands", {}).values():
        _adapt(inner)


def _global(name: str, **more: Any) -> TyperOption:
    """Return a global option for where a command's own options stand; the help names it once, before the commands."""
    return TyperOption(param_decls=[name], callback=_given, expose_value=False, hidden=True, **more)


def _given(ctx: Any, option: Any, value: Any) -> None:
    if option.name == "version":
        _print_version(bool(value))
    elif option.name == "module":
        look_in(value)
    elif value is not None:
        site = ctx.find_object(Site) or Site()
        chosen = {"config": site.config_option, "state": site.state_option, option.name: value}
        ctx.obj = Site(chosen["config"], chosen["state"])


app = typer.Typer(
    cls=LazyGroup,
    help="Make system cron safe for long batches: decide at each fire whether the job may start, and tell why.",
    no_args_is_help=True,
    rich_markup_mode=None,  # the picture with frames costs half of what a help takes
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback form
    if wanted:
        typer.echo(f"batchctl {VERSION}")
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
    module: Annotated[
        list[str] | None,
        typer.Option("--module", metavar="NAME", help="Python module with jobs (also BATCHCTL_MODULES). Repeatable."),
    ] = None,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    ctx.obj = Site(config, state)
    look_in(module or ())


def main(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code; errors become a message and a remedy on stderr."""
    code = 0
    try:
        try:
            app(arguments, prog_name="batchctl")
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else 0
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - the one exit boundary: no traceback for the operator unasked
        return report(error) if code == 0 else code
    return code
