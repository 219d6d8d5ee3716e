"""What batchctl tells the operator when it cannot go on: a message, a remedy and an exit code.

The exit codes are the contract's, and the words below each are the reference's; 74 and 78 are EX_IOERR and EX_CONFIG of
sysexits.h, 75 is EX_TEMPFAIL; 70, EX_SOFTWARE, is for what should never happen: a fault in batchctl itself.
"""

from __future__ import annotations

import errno

EXIT_OK = 0
"""succeeded"""
EXIT_FAILED = 1
"""a step failed; of another command: it found the problem that it looks for"""
EXIT_USAGE = 2
"""wrong command line, unknown job"""
EXIT_BUG = 70
"""a fault in batchctl itself, which says how to report it"""
EXIT_STATE = 74
"""state cannot be trusted (database unreadable, full, locked past its limit; lock unusable): nothing was started"""
EXIT_SKIPPED = 75
"""skipped (`--exit-on-skip N` sets another)"""
EXIT_CONFIG = 78
"""configuration error, with file, line where known, key and remedy"""
EXIT_TIMED_OUT = 124
"""timed out"""
EXIT_SIGNAL_BASE = 128
"""stopped by signal n"""

_PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.EINTR}

CANNOT_EXECUTE = 126
NOT_FOUND = 127
"""What a shell exits with for a program that it may not, or cannot find to, execute."""


REFUSED = (OSError, ImportError, MemoryError)
"""What a machine that is short of something raises; a module that cannot be opened is an ImportError."""


def is_passing(error: BaseException) -> bool:
    """Say whether an error is of the moment: it says nothing of what was asked for, and asking again may help."""
    return error.errno in _PASSING if isinstance(error, OSError) else isinstance(error, REFUSED)


class BatchctlError(Exception):
    """An error that the operator can act on; `str()` says what and where, `remedy` what to do next.

    >>> try:
    ...     ctl.status("price")
    ... except BatchctlError as error:
    ...     print(error, error.remedy, sep=" → ")
    there is no job 'price' → did you mean prices?
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, *, remedy: str = "") -> None:
        """Keep the one-line message and its remedy."""
        super().__init__(message)
        self.remedy = remedy


class UsageError(BatchctlError):
    """What is asked for cannot be carried out: unknown job, impossible combination of options (exit 2).

    >>> ctl.simulate(duration="26", every="24h")
    Traceback (most recent call last):
    batchctl.base.errors.UsageError: --duration: '26' has no unit
    """

    exit_code = EXIT_USAGE


class StateError(BatchctlError):
    """The state (database, lock, directory) cannot be trusted, so nothing is started (exit 74).

    >>> Batchctl(state="/dev/null").run("prices")
    Traceback (most recent call last):
    batchctl.base.errors.StateError: state directory /dev/null: File exists
    """

    exit_code = EXIT_STATE


class ConfigError(BatchctlError):
    """The configuration is wrong: the message names file, line where known, and key (exit 78).

    >>> try:
    ...     ctl.update_job("prices", timeout="soon")
    ... except ConfigError as error:
    ...     print(error.remedy)
    write for example timeout = "30h"; nothing was written
    """

    exit_code = EXIT_CONFIG

    def __init__(
        self, message: str, *, remedy: str = "", keys: tuple[str | int, ...] = (), others: tuple[ConfigError, ...] = ()
    ) -> None:
        """Keep which key it is about, where it is about one, and what else is wrong with the configuration."""
        super().__init__(message, remedy=remedy)
        self.keys, self.others = keys, others


class CannotStartError(BatchctlError):
    """A program could not be started; `shell_code` is what a shell would exit with (126 or 127)."""

    def __init__(self, message: str, shell_code: int) -> None:
        """Keep the sentence for the log and the code for the history."""
        super().__init__(message)
        self.shell_code = shell_code
