"""A command of batchctl in a process of its own: for programs that want a run, and not to become its supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import errors
from batchctl.base.paths import own_words
from batchctl.base.record import Record
from batchctl.process import scope
from batchctl.process.told import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.site import Site


class Said(Record):
    """What a command printed, and how it ended."""

    exit_code: int
    out: str
    err: str


def ask(site: Site, words: Sequence[str], *, outlive: bool = False) -> Said:
    """Run a command to its end; with `outlive` in a scope of systemd's own where one can be had, see `scope.apart`.

    Raises:
        UsageError, ConfigError, StateError, BatchctlError: what the command said, where it could not be carried out.
    """
    command = [*own_words(site.config_path, site.state), *words]
    code, out, err = told(scope.apart(command) if outlive else command)
    kinds = {kind.exit_code: kind for kind in (errors.UsageError, errors.StateError, errors.ConfigError)}
    if out or code not in {*kinds, errors.EXIT_BUG}:
        return Said(exit_code=code, out=out, err=err)
    message, _, remedy = err.strip().partition("\n")
    raise kinds.get(code, errors.BatchctlError)(
        message.removeprefix("batchctl: "), remedy=remedy.strip().removeprefix("→ ").removeprefix("-> ")
    )
