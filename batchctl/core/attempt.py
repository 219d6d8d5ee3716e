"""What an executor is given to start, and what it says of its end."""

from __future__ import annotations

from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.core.limits import Limits


class Command(Record):
    """A program to start, everything substituted."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None
    log: str
    """The file that takes all of its output, absolute."""
    log_max: int | None = None
    """Bytes that may stay of it on disk; the middle goes first."""
    inherits: tuple[int, ...] = ()
    """Descriptors that keep the job's lock held for as long as the program, or anything it starts, lives."""
    limits: Limits | None = None


class Usage(Record):
    """What an attempt has used, as far as it can be told; None where it cannot."""

    cpu_s: float | None = None
    """Seconds of processor time, of all its processes together."""
    max_rss_bytes: int | None = None
    """The most memory that it, or any single one of its processes, had at once."""


class Exit(Record):
    """How the first process of an attempt ended: exactly one of `code` and `signal` is set."""

    code: int | None = None
    signal: int | None = None
    note: str = ""
    """Why, where more is known than the two tell."""
