"""The one exit boundary: an error becomes a message and a remedy on stderr, and an exit code."""

from __future__ import annotations

import os
import sys

from batchctl.base import surroundings
from batchctl.base.errors import EXIT_BUG, EXIT_SIGNAL_BASE, BatchctlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable

    from batchctl.answers.doctor import Remark
    from batchctl.answers.run import Outcome
else:
    import _signal as signal  # as the entry has it: the other one imports enum


def report(error: Exception) -> int:
    """Say on stderr what is wrong and what to do, and return the exit code; a traceback only for BATCHCTL_DEBUG=1.

    What is neither a `BatchctlError` nor trouble of the surroundings is batchctl's own fault (70).
    """
    if isinstance(error, BrokenPipeError):
        # The reader of `batchctl report | head` went away: nothing is wrong, and nothing more can be said.
        surroundings.give_up_stdout()
        return EXIT_SIGNAL_BASE + signal.SIGPIPE
    if os.environ.get("BATCHCTL_DEBUG") == "1":
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if not isinstance(error, BatchctlError):
        error = surroundings.trouble(error) or error
    if not isinstance(error, BatchctlError):
        remedy = "run the same command with BATCHCTL_DEBUG=1 and report what it prints; see `batchctl status` meanwhile"
        say(f"batchctl: internal error: {type(error).__name__}: {error}\n  → {remedy}\n")
        return EXIT_BUG
    for each in (error, *getattr(error, "others", ())):
        say(f"batchctl: {each}\n" + (f"  → {each.remedy}\n" if each.remedy else ""))
    return error.exit_code


def show(printed: Callable[[], None]) -> None:
    """Print what a run came to; that nobody can take it is said, and changes nothing of the run or its exit code."""
    try:
        printed()
        sys.stdout.flush()
    except OSError as error:
        report(error)


def warn(remarks: Iterable[Remark]) -> None:
    """Say on stderr what a command has noticed in passing; its exit code is what it would be without."""
    from batchctl.present.doctor import warnings

    say("".join(f"{line}\n" for line in warnings(remarks)))


def report_failure(outcome: Outcome) -> None:
    """Where the run failed, or batchctl itself did around it, say on stderr what cron's mail should say."""
    if outcome.run is not None and outcome.exit_code:
        from batchctl.answers.run import go_on, last_lines
        from batchctl.base import language
        from batchctl.present.failure import failure_report

        language.prefer(outcome.job.lang)
        say(failure_report(outcome.run, outcome.job, last_lines(outcome), go_on(outcome)))
    for trouble in outcome.troubles:
        report(trouble)


def say(text: str) -> None:
    """Write to stderr as the entry has set it: in UTF-8 for cron's mail, else as stdout; nothing makes it an error."""
    try:
        encoding = sys.stderr.encoding.lower()
        plain = encoding == "utf-8" or "ascii" in encoding
        content = text.encode(errors="surrogateescape") if plain else text.encode(encoding, "backslashreplace")
        sys.stderr.flush()
        sys.stderr.buffer.write(content)
        sys.stderr.buffer.flush()
    except (OSError, AttributeError, ValueError):
        return  # nobody listens; the exit code says it still
