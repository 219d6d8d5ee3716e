"""A program that is itself the run of a job: in through the guard, out with how it went."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from batchctl.answers import run
from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.core.model import Request
from batchctl.engine.inside import Inside, enter
from batchctl.process import signals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.answers.site import Site
    from batchctl.engine.fire import Outcome

__all__ = ["Entered", "Inside", "come_in", "end_this_program"]

_MEANINGLESS = {"retries", "retry_delay", "retry_backoff", "retry_max_delay"}


class Entered(Record):
    """A run that this program is now, and its budget in seconds."""

    inside: Inside
    timeout: float | None
    grace: float


def come_in(site: Site, name: str, rules: Mapping[str, Any], *, force: bool) -> Entered | Outcome:
    """Let this program become a run of a guarded job of this name, or return the skip; `rules` are keys of a job.

    Raises:
        UsageError: if the name is taken, or a rule is wrong.
        ConfigError, StateError: as for any fire; nothing was started.
    """
    wrong = sorted(_MEANINGLESS & rules.keys())
    if wrong:
        message = f"{name}: a program cannot be tried again from within, so {wrong[0]} means nothing"
        raise UsageError(message, remedy="let batchctl run the program: batchctl run --name NAME --retries N -- CMD")
    words = [sys.executable, *sys.orig_argv[1:]]
    job = run.guarded(site, name, words, rules)
    found = enter(job, Request(state_dir=site.state, force=force))
    if isinstance(found, Inside):
        return Entered(inside=found, timeout=job.timeout, grace=job.grace)
    return found


def end_this_program(number: int) -> None:
    """Send a signal to this program, whose budget is over and which does not leave its block."""
    signals.send_to_myself(number)
