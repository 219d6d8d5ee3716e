"""The configuration: TOML files → the effective jobs, every error with file, line, key and remedy.

Nothing heavy is imported here: the path that cron takes comes through this page to the compiled copy.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.core.model import Config, Job


def load(path: str | None, state_option: str | None = None) -> Config:
    """Return the effective configuration of this file (absolute); for None there are no jobs.

    `state_option` is `--state`: beside the state lies a compiled copy, which is read where it is up to date.

    Raises:
        ConfigError: with file, line where known, key, what is wrong and what would be right.
    """
    from batchctl.config.compiled import load_config

    return load_config(path, state_option)


def load_presets(path: str | None, state_option: str | None = None) -> Config:
    """Return what `load` does with all ready-made jobs in place of the configured ones.

    Raises:
        ConfigError: as `load` does.
    """
    from batchctl.config.compiled import load_config

    return load_config(path, state_option, ready_made=True)


def load_as(path: str, changes: Mapping[str, bytes | None]) -> Config:
    """Return the configuration as it will be once these files (absolute paths) are so; None for one that is gone.

    Nothing is written.

    Raises:
        ConfigError: as `load` does.
    """
    from batchctl.config.loader import load_all

    return load_all(path, changes)[0]


def load_job(path: str | None, name: str, state_option: str | None) -> tuple[Job | None, str]:
    """Return one job, None if there is none of that name, and the state directory in force; the way cron takes.

    A name that is not configured may be that of a ready-made job.

    Raises:
        ConfigError: as `load` does.
    """
    from batchctl.config.compiled import load_job as load_compiled

    return load_compiled(path, name, state_option)
