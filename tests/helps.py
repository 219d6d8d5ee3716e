"""Every command of batchctl and what its help says, for tests and for the tools that write the reference."""

from __future__ import annotations

from typing import Any

import typer

from batchctl.commands.cli import COMMANDS, app


def root() -> Any:
    """Return the app as Click has it."""
    return typer.main.get_command(app)


def built(name: str) -> Any:
    """Return a command, or a group of them, as Click has it."""
    return root().get_command(None, name)


def found(words: tuple[str, ...]) -> Any:
    """Return the command of these words."""
    command = built(words[0])
    return command if len(words) == 1 else command.commands[words[1]]


def helps() -> list[tuple[str, ...]]:
    """Return every command and every command of a group, as words, in the order in which batchctl lists them."""
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        found += [(name,), *((name, word) for word in getattr(built(name), "commands", {}))]
    return found
