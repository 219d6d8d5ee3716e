"""Starting a program with limits, or as another user: what posix_spawn cannot do is done in a forked child.

A fork copies the tables of batchctl's memory, which posix_spawn does not; so only a step that asks for it pays.
"""

from __future__ import annotations

import errno
import os
import resource
from contextlib import suppress

from batchctl.base.errors import ConfigError
from batchctl.base.record import Record
from batchctl.process.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import NoReturn

    from batchctl.core.attempt import Command
    from batchctl.core.limits import Limits

_IO_CLASSES = {"realtime": 1, "best-effort": 2, "idle": 3}
_MIDDLE = 4
"""The level within a class, where it has any (ioprio_set(2))."""
_IOPRIO_SET = {"x86_64": 251, "i686": 289, "aarch64": 30, "riscv64": 30, "armv7l": 314, "ppc64le": 273, "s390x": 282}
"""The number of the system call, which has no function in the C library."""
_FILES = ("BATCHCTL_RESULT", "BATCHCTL_PROGRESS")


class User(Record):
    """Whom a step runs as."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def user(name: str) -> User | None:
    """Return a user of this system; None where there is none of that name."""
    import pwd

    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    groups = tuple(os.getgrouplist(name, found.pw_gid))
    return User(name=name, uid=found.pw_uid, gid=found.pw_gid, groups=groups, home=found.pw_dir)


def check_user(name: str) -> None:
    """See whether a step may run as this user.

    Raises:
        ConfigError: if there is no such user, or batchctl is neither root nor that user.
    """
    found = user(name)
    if found is None:
        message = f"user = {name!r}: this system has no such user"
        raise ConfigError(message, remedy="correct user, or make it with `adduser --system`")
    if os.geteuid() not in {0, found.uid}:
        message = f"user = {name!r}: batchctl runs as uid {os.geteuid()}, and only root can become another user"
        raise ConfigError(message, remedy="fire the job from root's crontab, or remove user")


def of_user(env: dict[str, str], name: str) -> None:
    """Let an environment be the user's: HOME, LOGNAME, USER."""
    found = user(name)
    if found is not None:
        env.update(HOME=found.home, LOGNAME=name, USER=name)


def start(program: str, command: Command, log: int, limits: Limits, joins: Iterable[int]) -> int:
    """Start the program and return its pid, as `spawn` does; `joins` are the control groups that it is to be put into.

    Raises:
        OSError: if that is not possible, of the class and with the text that say why.
    """
    who = None if limits.user is None or os.geteuid() else user(limits.user)
    env, files = dict(command.env), []
    if who is not None:
        files = _open_for(who, env)
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        pid = os.fork()
        if pid == 0:
            inherits = (*command.inherits, *files)
            _become(program, command.argv, env, _Way(log, inherits, tuple(joins), limits, who, command.cwd), writer)
    finally:
        for descriptor in (writer, *files):
            with suppress(OSError):
                os.close(descriptor)
    try:
        said = os.read(reader, 4096)  # it is closed by execve(2); what is said is said in one piece
    except OSError:
        said = b""
    with suppress(OSError):
        os.close(reader)
    if said:
        with suppress(OSError):
            os.waitpid(pid, 0)
        number, _, what = said.decode(errors="replace").partition(":")
        raise OSError(int(number), what or os.strerror(int(number)))
    return pid


def _open_for(who: User, env: dict[str, str]) -> list[int]:
    """Make the files in which a step says how it goes, as the user's own, and let the step find them by descriptor.

    The state directory is root's alone, so their paths lead the user nowhere; /dev/fd opens the file itself.
    """
    opened = []
    for name in _FILES:
        if name in env:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            try:
                descriptor = os.open(env[name], flags, 0o600)
                os.fchown(descriptor, who.uid, who.gid)
            except OSError:
                continue  # a full disk costs the result, and not the batch its step
            opened.append(descriptor)
            env[name] = f"/dev/fd/{descriptor}"
    return opened


class _Way:
    """All that the child has to do on its way to the program."""

    def __init__(
        self,
        log: int,
        inherits: tuple[int, ...],
        joins: tuple[int, ...],
        limits: Limits,
        who: User | None,
        cwd: str | None,
    ) -> None:
        self.log, self.inherits, self.joins, self.limits, self.who, self.cwd = log, inherits, joins, limits, who, cwd

    def go(self) -> None:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for descriptor in (1, 2):
            os.dup2(self.log, descriptor)
        for descriptor in self.inherits:
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - its only form
        for group in self.joins:
            os.write(group, b"0")
        self._limit()
        self._be_the_user()

    def _limit(self) -> None:
        limits = self.limits
        if limits.memory_max is not None:
            _, most = resource.getrlimit(resource.RLIMIT_DATA)
            memory = limits.memory_max if most == resource.RLIM_INFINITY else min(limits.memory_max, most)
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        if limits.nice is not None:
            _naming(f"nice = {limits.nice}", lambda: os.setpriority(os.PRIO_PROCESS, 0, limits.nice or 0))
        if limits.io_class is not None:
            _naming(f'io_class = "{limits.io_class}"', lambda: _set_io_class(limits.io_class or ""))

    def _be_the_user(self) -> None:
        who = self.who
        if who is not None:
            os.setgroups(who.groups)
            os.setresgid(who.gid, who.gid, who.gid)
            os.setresuid(who.uid, who.uid, who.uid)
        if self.cwd:
            os.chdir(self.cwd)
        elif who is not None:
            os.chdir(who.home if os.path.isdir(who.home) else "/")


def _naming(what: str, act: Callable[[], None]) -> None:
    try:
        act()
    except OSError as error:
        raise OSError(error.errno, f"{what}: {error.strerror}") from error


def _set_io_class(name: str) -> None:
    import _ctypes

    number = _IOPRIO_SET.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "batchctl does not know how this machine is told")
    syscall = _ctypes.dlsym(_ctypes.dlopen(None, 0), "syscall")  # type: ignore[arg-type]  # this very program
    level = 0 if name == "idle" else _MIDDLE
    if _ctypes.call_function(syscall, (number, 1, 0, _IO_CLASSES[name] << 13 | level)) != 0:
        raise OSError(errno.EPERM, "the kernel refuses it (realtime is for root)")


def _become(program: str, argv: tuple[str, ...], env: Mapping[str, str], way: _Way, writer: int) -> NoReturn:
    try:
        way.go()
        os.execve(program, argv, env)  # noqa: S606 - a step, without a shell
    except OSError as error:
        os.write(writer, f"{error.errno}:{error.strerror}".encode())
    finally:
        os._exit(127)
