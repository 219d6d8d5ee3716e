"""Where a question is asked: the configuration and the state that its options chose, loaded when first asked for."""

from __future__ import annotations

import os
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING

from batchctl.base import paths
from batchctl.base.errors import BatchctlError, UsageError
from batchctl.base.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batchctl.core.model import Config, Job
    from batchctl.store.history import History


class Site:
    """The surroundings of one question."""

    def __init__(self, config_option: str | None = None, state_option: str | None = None) -> None:
        """Keep the global options `--config` and `--state`."""
        self.config_option, self.state_option = config_option, state_option

    @cached_property
    def config_path(self) -> str | None:
        """The configuration file, absolute, or None where there is none."""
        return paths.config_file(self.config_option)

    @cached_property
    def config(self) -> Config:
        """The effective configuration; ConfigError where it is wrong."""
        from batchctl.base import language
        from batchctl.config import load

        found = load(self.config_path, self.state_option)
        language.prefer(found.lang)
        return found

    def speak(self) -> None:
        """Let people be spoken to in the configuration's language, where it can be read, by what needs nothing else."""
        from contextlib import suppress

        with suppress(BatchctlError):
            _ = self.config

    @cached_property
    def ready_made(self) -> Config:
        """The configuration with all ready-made jobs in place of the configured ones."""
        from batchctl.config import load_presets

        return load_presets(self.config_path, self.state_option)

    @cached_property
    def listed(self) -> Config:
        """The configuration with all jobs there are: the configured ones, and the ready-made ones with a history.

        Raises:
            StateError: if the history cannot be trusted.
        """
        from batchctl.config import guarded
        from batchctl.config.ready_made import is_ready_made
        from batchctl.store.history import History

        config = self.config
        names = [name for name in History(self.state).jobs() if name not in config.jobs and is_ready_made(name)]
        config = _with(config, self.ready_made, names) if names else config
        names = [name for name in guarded.names(self.state) if name not in config.jobs]
        return _with(config, guarded.load(self.config_path, self.state, names), names) if names else config

    def including(self, job: Job) -> Config:
        """Return the configuration with a job that may be none of its own."""
        found = self._defining(job.name)
        return self.config if found is None or found is self.config else _with(self.config, found, [job.name])

    def pair_of(self, job: Job) -> list[str]:
        """Return the ready-made jobs that are the groups of a job's chain; none where a name is taken already."""
        from batchctl.config.ready_made import is_ready_made

        names = [group.name for group in job.groups]
        if len(names) < 2 or not all(is_ready_made(name) and name not in self.config.jobs for name in names):  # noqa: PLR2004
            return []
        steps = [(step.id, step.argv) for name in names for step in self.ready_made.jobs[name].steps]
        return names if steps == [(step.id, step.argv) for step in job.steps] else []

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

    def find(self, name: str) -> Job | None:
        """Return the configured job of this name, else the ready-made one, else the guarded command; or None."""
        name = unicodedata.normalize("NFC", name)
        found = self._defining(name)
        return None if found is None else found.jobs[name]

    def _defining(self, name: str) -> Config | None:
        from batchctl.config import guarded
        from batchctl.config.ready_made import is_ready_made

        if name in self.config.jobs:
            return self.config
        if is_ready_made(name):
            return self.ready_made
        return guarded.load(self.config_path, self.state, [name]) if name in guarded.names(self.state) else None

    def job(self, name: str) -> Job:
        """Return one job; UsageError (exit 2) with a suggestion where there is none of that name."""
        job = self.find(name)
        if job is None and self.config.broken:
            raise self.config.broken_error  # it may be a job of theirs
        if job is None:
            raise unknown_job(name, list(self.config.jobs))
        return job


def look_in(modules: Iterable[str]) -> None:
    """Let every configuration have modules beside its own: here, and in whatever is started from here."""
    for name in modules:
        os.environ["BATCHCTL_MODULES"] = ",".join([*paths.modules(), name])


def _with(config: Config, other: Config, names: Sequence[str]) -> Config:
    jobs = {name: other.jobs[name] for name in names}
    return replace(config, jobs={**config.jobs, **jobs}, origins={**other.origins, **config.origins})


def unknown_job(name: str, known: list[str]) -> UsageError:
    """Return the error for a job that the configuration does not have."""
    from difflib import get_close_matches

    from batchctl.config.loader import preset_names

    close = get_close_matches(name, [*known, *preset_names()], n=1)
    listed = (
        f"known jobs: {', '.join(sorted(known))}" if known else "no job is configured; `batchctl jobs add` adds one"
    )
    remedy = f"did you mean {close[0]}?" if close else listed
    return UsageError(f"there is no job {name!r}", remedy=remedy)
