"""The managed block in the user's crontab: what it would be, what a change of it would change, and changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base import paths
from batchctl.base.errors import ConfigError
from batchctl.base.record import Record
from batchctl.crontab import managed

if TYPE_CHECKING:
    from batchctl.answers.site import Site
    from batchctl.crontab.managed import Change


class Written(Record):
    """What became of a change; nothing was written where the crontab was as wanted."""

    changed: bool
    backup: str | None = None
    """Where the crontab of before is kept, None where there was none."""


def block(site: Site, *, care: bool | None = None) -> Change:
    """Return the block that an install would write, with lines that look after the jobs or (`care`) without.

    Looking at it needs no cron on this machine; what it depends on in the crontab is then not there either.

    Raises:
        ConfigError: if a job cannot be written as crontab lines.
        StateError: if the crontab cannot be read, or cron's time zone cannot be known.
    """
    return managed.change(site.config, site.state, managed.read() if managed.installed() else b"", care=care)


def change(site: Site, *, care: bool | None = None) -> Change:
    """Return what an install would change; as `block`, but there must be a cron, and no module may be broken.

    The lines of a job that is missing for the moment would be taken out.
    """
    if site.config.broken:
        error = site.config.broken_error
        raise ConfigError(str(error), remedy=f"{error.remedy}; the crontab is as it was", others=error.others)
    return managed.change(site.config, site.state, managed.read(), care=care)


def diff(change: Change) -> bytes:
    """Return a change as `diff -u` prints it; b"" where there is none."""
    return managed.unified_diff(change.old, change.new)


def install(site: Site, change: Change) -> Written:
    """Write the block in place of the old one.

    Raises:
        StateError: if the crontab has changed meanwhile, or cron refuses it.
    """
    if change.old == change.new:
        return Written(changed=False)
    return Written(changed=True, backup=managed.write(change.old, change.new, site.state))


def remove(site: Site) -> Written:
    """Take the block out of the crontab; every other line stays byte for byte.

    Raises:
        StateError: if the crontab cannot be read or written.
    """
    old = managed.read()
    new = managed.replace_block(old, managed.label(site.config_path), b"")
    if old == new:
        return Written(changed=False)
    return Written(changed=True, backup=managed.write(old, new, _backups(site)))


def _backups(site: Site) -> str:
    """Return where backups go; a block must also go when its configuration is broken or already gone."""
    try:
        return site.state
    except ConfigError:
        return paths.state_dir(site.state_option, None)
