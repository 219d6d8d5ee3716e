"""What the lines of an existing crontab would be as jobs, and making them that."""

from __future__ import annotations

import os
from shutil import which
from typing import TYPE_CHECKING

from batchctl.answers.jobs_edit import changed, read_input
from batchctl.base import paths
from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.config.edit import jobfiles, jobtext
from batchctl.crontab import managed
from batchctl.crontab.adopt import proposals
from batchctl.crontab.entries import has_users

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.answers.jobs_edit import Changed
    from batchctl.answers.site import Site
    from batchctl.crontab.adopt import Found, Proposal

_WITH_USERS = ("/etc/crontab", "/etc/cron.d/")
_FIRST_SERVICE = 100
"""Users below are those of every Debian, many of them called after a program."""


class Imported(Record):
    """Jobs for the lines of a crontab."""

    found: Found
    texts: Mapping[str, str]
    """The file of each job."""
    place: str
    """The directory that would take them."""
    main: str
    """The file whose [pools] they need."""
    changed: Changed | None
    """What was written, where anything was."""


def import_jobs(site: Site, file: str | None = None, *, write: bool = False, enable: bool = False) -> Imported:
    """Propose jobs for the lines of a crontab (`-` is stdin, None the user's own), and with `write` add them.

    A job that would do less than its line did is disabled even with `enable`.

    Raises:
        UsageError: if the file cannot be read.
        StateError: if the user's crontab cannot be read.
        BatchctlError, ConfigError: if the jobs cannot be added; nothing is written.
    """
    content = _content(file)
    users = file is not None and (os.path.realpath(file).startswith(_WITH_USERS) or has_users(content, _known_users()))
    config = None if site.config_path is None else site.config
    taken, limits = ([], {}) if config is None else (list(config.jobs), config.pools)
    found = proposals(content, taken, has_users=users, limits=limits)
    texts = {made.name: _text(made, enabled=enable and made.complete) for made in found.proposals}
    done = jobfiles.add(site.config_path, texts, pools=found.pools) if write and texts else None
    return Imported(
        found=found,
        texts=texts,
        main=site.config_path or paths.user_config_file(),
        place=f"{os.path.dirname(site.config_path or '') or 'the configuration'}/jobs.d",
        changed=None if done is None else changed(site, done),
    )


def _content(file: str | None) -> bytes:
    if file is None:
        return managed.read()
    try:
        return read_input(file)
    except OSError as error:
        message = f"{file}: {error.strerror}"
        raise UsageError(
            message, remedy="name a crontab that you can read, - for stdin, or none for your own"
        ) from error


def _known_users() -> set[str]:
    """Return names that begin a command only where it is a user: not Debian's `mail`, `man`, `sync`, no program's."""
    from pwd import getpwall

    here = {entry.pw_name for entry in getpwall() if entry.pw_uid >= _FIRST_SERVICE}
    return {"root", "www-data", "nobody"} | {name for name in here if which(name) is None}


def _text(made: Proposal, *, enabled: bool) -> str:
    table = dict(made.table)
    if not enabled:
        at = list(table).index("schedule") + 1
        items = list(table.items())
        table = dict([*items[:at], ("enabled", False), *items[at:]])
    return jobtext.to_toml(table, [f"line {made.line} of the crontab: {made.text}", *made.notes])
