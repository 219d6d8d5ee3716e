"""Where configuration and state live."""

from __future__ import annotations

import os
import sys

from batchctl.base.errors import ConfigError, StateError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.base.errors import BatchctlError

    Identity = tuple[int, ...] | None
    """What any change of a file changes; None where there is nothing."""

SYSTEM_CONFIG = "/etc/batchctl/batchctl.toml"


def config_file(option: str | None) -> str | None:
    """Return the configuration file: `--config`, BATCHCTL_CONFIG, the user's, the system's; None if there is none.

    A file that was named (by option or environment) is returned whether it exists or not: that it is missing is for the
    loader to say, and never a reason to run something else.
    """
    named = option or os.environ.get("BATCHCTL_CONFIG")
    if named:
        return absolute(named, ConfigError)
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
    return absolute(named, StateError) if named else f"{_xdg('XDG_STATE_HOME', '.local/state')}/batchctl"


def absolute(path: str, kind: type[BatchctlError] = UsageError) -> str:
    """Return a path that is named from the current directory; an error of `kind` where that has been deleted."""
    try:
        return os.path.abspath(path)
    except FileNotFoundError as error:
        message = f"{path!r} leads nowhere: the current directory has been deleted"
        raise kind(message, remedy="go to another directory, or give an absolute path") from error


def here() -> str | None:
    """Return the current directory; None where it is gone, which what is started from it may not mind."""
    try:
        return os.getcwd()
    except OSError:
        return None


def called(config: str | None, state: str, configured: str | None) -> str:
    """Return how batchctl is called from any shell so that it finds this configuration and this state directory.

    `--config` and `--state` are named where it would find others by itself; `configured` is what the file says.
    """
    try:
        home, own = user_config_file(), configured or f"{_xdg('XDG_STATE_HOME', '.local/state')}/batchctl"
    except UsageError:
        home = own = ""
    found = home if os.path.exists(home) else SYSTEM_CONFIG
    options = [] if config in {None, found} else ["--config", quoted(config or "")]
    options += [] if state == own else ["--state", quoted(state)]
    options += [word for name in modules() for word in ("--module", name)]
    return " ".join(("batchctl", *options))


def modules() -> list[str]:
    """Return the modules that `--module`, or BATCHCTL_MODULES, names besides those of the configuration."""
    return [name for name in os.environ.get("BATCHCTL_MODULES", "").split(",") if name]


def own_words(config: str | None, state: str) -> list[str]:
    """Return the words that begin a command line of ours: this interpreter, this configuration, this state."""
    # -P: a directory named batchctl where we were started must not be taken for the program.
    words = [sys.executable, "-P", "-m", "batchctl"]
    return [*words, *([] if config is None else ["--config", config]), "--state", state]


def quoted(word: str) -> str:
    """Return a word as a shell takes it; letters of any script need no quotes."""
    if word and all(letter.isalnum() or letter in "-_./:@%+=," for letter in word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"


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


def identity_of(path: str) -> Identity:
    """Return the identity of what a path leads to through all symbolic links; None where there is nothing."""
    try:
        return identity(os.stat(path))
    except OSError:
        return None


def identity(found: os.stat_result) -> Identity:
    """Return what any change of a file or directory changes: device, inode, size, mtime and ctime in ns."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
