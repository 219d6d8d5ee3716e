"""Where a question is asked: the configuration and the state that its options chose, loaded when first asked for."""

from __future__ import annotations

import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING

from batchctl.base import paths
from batchctl.base.errors import UsageError

if TYPE_CHECKING:
    from batchctl.core.model import Config, Job
    from batchctl.store.history import History


class Site:
    """The surroundings of one question."""

    def __init__(self, config_option: str | None = None, state_option: str | None = None) -> None:
        """Keep the global options `--config` and `--state`."""
        self.config_option, self.state_option = config_option, state_option

    @cached_property
    def config_path(self) -> str | None:
        """The configuration file, absolute, or None for the built-in presets alone."""
        return paths.config_file(self.config_option)

    @cached_property
    def config(self) -> Config:
        """The effective configuration; ConfigError where it is wrong."""
        from batchctl.config import load

        return load(self.config_path, self.state_option)

    @cached_property
    def state(self) -> str:
        """The state directory, absolute; it may not exist yet."""
        return paths.state_dir(self.state_option, self.config.state_dir)

    def history(self) -> History:
        """Return the history as it is now, with the ends of runs that were waiting to be imported.

        Raises:
            StateError: if it is there and cannot be trusted, or was there and has vanished.
        """
        from batchctl.store import spool
        from batchctl.store.history import History

        spool.settle(self.state)
        return History(self.state)

    def job(self, name: str) -> Job:
        """Return one job; UsageError (exit 2) with a suggestion where there is none of that name."""
        job = self.config.jobs.get(unicodedata.normalize("NFC", name))
        if job is None:
            raise unknown_job(name, list(self.config.jobs))
        return job


def unknown_job(name: str, known: list[str]) -> UsageError:
    """Return the error for a job that the configuration does not have."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"known jobs: {', '.join(sorted(known)) or 'none'}"
    return UsageError(f"there is no job {name!r}", remedy=remedy)
