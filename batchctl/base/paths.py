"""Where configuration and state live, and what the state directory must be before it is trusted."""

from __future__ import annotations

import os
import stat

from batchctl.base.errors import StateError, UsageError

SYSTEM_CONFIG = "/etc/batchctl/batchctl.toml"


def config_file(option: str | None) -> str | None:
    """Return the configuration file: `--config`, BATCHCTL_CONFIG, the user's, the system's; None if there is none.

    A file that was named (by option or environment) is returned whether it exists or not: that it is missing is for the
    loader to say, and never a reason to run something else.
    """
    named = option or os.environ.get("BATCHCTL_CONFIG")
    if named:
        return os.path.abspath(named)
    for path in (user_config_file(), SYSTEM_CONFIG):
        if os.path.exists(path):
            return path
    return None


def user_config_file() -> str:
    """Return where the user's own configuration file belongs, whether it is there or not."""
    return f"{_xdg('XDG_CONFIG_HOME', '.config')}/batchctl/batchctl.toml"


def state_dir(option: str | None, configured: str | None) -> str:
    """Return the state directory: `--state`, BATCHCTL_STATE, the configuration's `state_dir`, else the user's."""
    named = option or os.environ.get("BATCHCTL_STATE") or configured
    return os.path.abspath(named) if named else f"{_xdg('XDG_STATE_HOME', '.local/state')}/batchctl"


def _xdg(variable: str, default: str) -> str:
    # The XDG base directory specification: a relative path in these variables is invalid and ignored.
    value = os.environ.get(variable, "")
    if value.startswith("/"):
        return value.rstrip("/")
    home = os.environ.get("HOME") or os.path.expanduser("~")
    if not home.startswith("/"):
        message = "HOME is not set, so there is no place for configuration and state"
        raise UsageError(message, remedy="set HOME, or give --config FILE and --state DIR")
    return f"{home.rstrip('/')}/{default}"


def ensure_state_dir(path: str) -> None:
    """Create the state directory (0700) where missing and make sure that it can be trusted.

    Raises:
        StateError: if it cannot be made, is no directory, belongs to somebody else, or is writable by others or by
            nobody. Root may write into any directory, so the mode is looked at and not tried out.
    """
    try:
        # A world-writable directory may hold somebody else's lock; a mode without write is an operator's decision.
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.stat(path)
    except OSError as error:
        message = f"state directory {path}: {error.strerror}"
        raise StateError(message, remedy="make it a directory that you can write to, or give --state DIR") from error
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        message = f"state directory {path} belongs to user id {found.st_uid}, not to you ({os.geteuid()})"
        raise StateError(message, remedy="run batchctl as that user, or give --state DIR")
    if mode & 0o022:
        message = f"state directory {path} is writable by others (mode {mode:04o}), so its locks cannot be trusted"
        raise StateError(message, remedy=f"chmod 700 {path}")
    if not mode & 0o200 or not os.access(path, os.W_OK):
        message = f"state directory {path} is read-only (mode {mode:04o})"
        raise StateError(message, remedy=f"chmod 700 {path}, remount it writable, or give --state DIR")
