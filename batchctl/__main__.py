"""The entry: the cron line `run JOB` goes straight to its work, everything else to the Typer app.

Most fires of a crontab skip, and the import of Typer alone would cost such a fire many times the rest. So exactly the
forms that a crontab has, `[--config FILE] [--state DIR] [--module NAME] run JOB` and `run --name NAME [RULES] -- CMD`
away from a terminal, are recognised here by hand; anything more goes through the app, which ends in the same functions.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import NoReturn
else:
    import _signal as signal  # the C half: the other one imports enum, which costs a third of Python's own start


_GUARDING = {"--name", "--min-gap", "--timeout", "--stale-after", "--retries"}


def cron_line(arguments: list[str]) -> tuple[str, dict[str, str], list[str] | None] | None:
    """Return job, options and guarded command (None: a known job) of a crontab's line; None for any other line."""
    options: dict[str, str] = {}
    rest = list(arguments)
    while len(rest) > 1 and rest[0] in {"--config", "--state", "--module"}:
        options[rest[0]] = (
            f"{options['--module']},{rest[1]}" if rest[0] in options and rest[0] == "--module" else rest[1]
        )
        del rest[:2]
    if len(rest) == 2 and rest[0] == "run" and not rest[1].startswith("-"):  # noqa: PLR2004 - `run JOB`
        return rest[1], options, None
    place = 1 if rest[:1] == ["run"] else len(rest)
    while place + 1 < len(rest) and rest[place] in _GUARDING and not rest[place + 1].startswith("-"):
        options[rest[place]] = rest[place + 1]
        place += 2
    if rest[place : place + 1] == ["--"] and "--name" in options and options.get("--retries", "0").isdecimal():
        return options.pop("--name"), options, rest[place + 1 :]
    return None


def _hear_of_children() -> None:
    """Give SIGCHLD its default where whoever started batchctl ignored it, which is inherited.

    The kernel would keep no exit status of any child: not of a step, not of a program that is told of an alert.
    """
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _open_what_is_closed() -> None:
    """Put /dev/null where stdin, stdout or stderr are closed (`>&-`): the history or the lock would get that number."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:  # noqa: PLR2004 - stderr
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - its only form
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as batchctl runs


def fire_quietly(job: str, options: dict[str, str], command: list[str] | None) -> int:
    """Fire one job away from a terminal and return the exit code: silent on success and on skip."""
    try:
        from batchctl.answers.run import fire_by_cron

        outcome = fire_by_cron(job, options, command)
        if outcome.run is not None and (outcome.exit_code or outcome.troubles):
            from batchctl.commands.boundary import report_failure

            report_failure(outcome)
    except Exception as error:  # noqa: BLE001 - cron's mail must say what to do, whatever it was
        try:
            from batchctl.commands.boundary import report
        except OSError:
            os.close(0)  # no descriptor is left to read a module through; of stdin nothing is read any more
            from batchctl.commands.boundary import report
        return report(error)
    return outcome.exit_code


def entry() -> NoReturn:
    """Carry out the command line and exit."""
    _open_what_is_closed()
    if sys.getfilesystemencoding() != "utf-8" or "utf8" in sys._xoptions:  # noqa: SLF001 - where it is documented
        from batchctl.process.utf8 import speak_utf8

        speak_utf8()
    _hear_of_children()
    # Of what a start allocates nearly all stays; to look through it again and again for circles costs it a millisecond.
    gc.set_threshold(100_000)
    if "_BATCHCTL_COMPLETE" in os.environ:
        from batchctl.commands.complete import complete

        answered = complete()
        if answered is not None:
            sys.exit(answered)
    found = cron_line(sys.argv[1:])
    if found is None or sys.stdout.isatty() or sys.stderr.isatty():
        from batchctl.commands.cli import main

        sys.exit(main())
    if "--module" in found[1]:
        os.environ["BATCHCTL_MODULES"] = found[1]["--module"]
    code = fire_quietly(*found)
    sys.stdout.flush()
    sys.stderr.flush()
    # Nothing is left to clean up, and taking the interpreter apart would cost every skip some milliseconds.
    os._exit(code)


if __name__ == "__main__":
    entry()
