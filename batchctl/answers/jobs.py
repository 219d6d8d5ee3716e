"""What is configured, what is ready-made, and ready-made jobs made into files."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from batchctl.base.errors import StateError, UsageError
from batchctl.base.record import Record
from batchctl.core.text.harmless import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.jobs_edit import Changed
    from batchctl.answers.site import Site
    from batchctl.core.model import Config, Job


class Jobs(Record):
    """The configured jobs, or those of one kind."""

    jobs: Sequence[Job]
    done: frozenset[str]
    """Those of them that were to start once, and have."""
    kind: str | None


def jobs(site: Site, kind: str | None = None) -> Jobs:
    """Return what is configured, in the configuration's order.

    Raises:
        UsageError: if `kind` is no kind of job.
        ConfigError: if the configuration is wrong.
    """
    if kind is not None:
        _check_kind(kind)
    found = [job for job in _listed(site).jobs.values() if kind in {None, job.kind}]
    return Jobs(jobs=found, done=_done_once(site, found), kind=kind)


def _listed(site: Site) -> Config:
    try:
        return site.listed
    except StateError:
        return site.config  # what is configured can be told without any history


def _check_kind(kind: str) -> None:
    from batchctl.config.schema import Kind

    if kind not in get_args(Kind):
        message = f"--kind {kind!r} is not a kind of job"
        raise UsageError(message, remedy=f"kinds: {', '.join(get_args(Kind))}")


def _done_once(site: Site, jobs: list[Job]) -> frozenset[str]:
    """Return the jobs with `at` that have started; a history that cannot be read has no say in a list of jobs."""
    once = [job for job in jobs if job.rules.at is not None]
    if not once:
        return frozenset()
    from batchctl.store.history import History

    try:
        history = History(site.state)
        newest = [(job, history.newest_run(job.name)) for job in once]
    except StateError:
        return frozenset()
    return frozenset(job.name for job, run in newest if run is not None and run.started_at >= (job.rules.at or 0.0))


def presets(names: Sequence[str] = ()) -> list[Job]:
    """Return the ready-made jobs, or those of these names, each as it is without a configuration.

    Raises:
        UsageError: if there is no ready-made job of one of the names.
    """
    from batchctl.config.loader import presets as built_in
    from batchctl.config.schema import unknown_remedy

    found = built_in()
    for name in names:
        if name not in found:
            message = f"there is no preset {name!r}"
            raise UsageError(message, remedy=unknown_remedy(name, found, "presets"))
    return [found[name] for name in names or found]


def install(site: Site, names: Sequence[str] = ()) -> Changed:
    """Make each ready-made job, or those of these names, a file in jobs.d; jobs that are there stay as they are.

    Raises:
        UsageError: if there is no ready-made job of one of the names.
        BatchctlError: if a file cannot be written.
        ConfigError: if the configuration is wrong.
    """
    from batchctl.answers.jobs_edit import changed
    from batchctl.config.edit import jobfiles, jobtext

    note = "Keys below override the ready-made job; `batchctl jobs show` prints all of them."
    texts = {
        preset.name: jobtext.to_toml({"preset": preset.name}, [one_line(preset.description), note])
        for preset in presets(names)
    }
    return changed(site, jobfiles.add(site.config_path, texts, keep=True))
