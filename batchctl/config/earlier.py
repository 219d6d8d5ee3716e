"""What was compiled of job files that are as they were then: only a file that has changed is read and built anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from batchctl.base.paths import identity_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.base.paths import Identity
    from batchctl.core.model import Config, Job


class Ready(NamedTuple):
    """One job, and where each of its values comes from."""

    job: Job
    origins: Mapping[str, str]


class Loaded(NamedTuple):
    """A configuration, and what a later load is to know of it."""

    config: Config
    identities: Mapping[str, Identity]
    """Of every file and directory that it was read from."""
    origins: Mapping[str, Mapping[str, str]]
    """Where the values of each job come from, by job; under `""` those at the top."""
    top: str
    """All that the main file says besides its jobs."""


class Earlier:
    """The jobs of an earlier load that came from a file of their own and nothing else."""

    def __init__(self, jobs: Mapping[str, tuple[Identity, Ready]], top: str) -> None:
        """Take them by their files, and what the main file said then: what it gives to all jobs is in each."""
        self._jobs, self._top = jobs, top

    def of(self, path: str, top: str) -> tuple[Identity, Ready] | None:
        """Return the job of a file with the file's identity; None where either is not as it was."""
        found = self._jobs.get(path) if top == self._top else None
        return found if found is not None and identity_of(path) == found[0] else None


def top_of(table: Mapping[str, Any]) -> str:
    """Return all of the main file besides its jobs, as a text that differs where it does."""
    return repr({key: value for key, value in table.items() if key != "jobs"})
