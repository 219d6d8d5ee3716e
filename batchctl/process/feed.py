"""Handing a program something to read, with a limit on its time and on what it may say."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from batchctl.base import clock
from batchctl.base.errors import NOT_FOUND
from batchctl.process import confined, tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMED_OUT = 124
_BLOCK = 1 << 16


def feed(
    argv: Sequence[str],
    content: bytes,
    limit: float,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    user: str | None = None,
    inherits: Sequence[int] = (),
) -> tuple[int, str]:
    """Run a program with `content` as its stdin; return its exit code and the end (64 KiB) of what it said.

    Environment, working directory and user are ours unless given; `inherits` are descriptors that it keeps.

    After `limit` seconds (exit code 124) it is ended, and when it has ended so is its process group: nothing that it
    started goes on beside the batch, and nothing that keeps its output open is waited for. A program that cannot be
    started is code 127.
    """
    stdin = os.memfd_create("batchctl")  # a pipe would block on a program that does not read
    try:
        os.write(stdin, content)
        os.lseek(stdin, 0, os.SEEK_SET)
        process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=None if env is None else dict(env),
            cwd=cwd,
            pass_fds=inherits,
            **_as_user(user),
        )
    except (OSError, ValueError) as error:
        return NOT_FOUND, f"cannot start {argv[0]}: {getattr(error, 'strerror', None) or error}"
    finally:
        os.close(stdin)
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    with process.stdout as pipe:
        said, ended = _listen(process.pid, pipe.fileno(), clock.monotonic() + limit)
    if not ended:
        tree.kill(tree.below((process.pid,)))
    # Before it is reaped: until then its pid, which is the group's, cannot be another's.
    os.killpg(process.pid, signal.SIGKILL)
    code = _reap(process)
    text = said.decode(errors="replace")
    return (code, text) if ended else (TIMED_OUT, f"{text}\nno answer within {limit:.0f} s")


def _as_user(name: str | None) -> dict[str, Any]:
    """Return what makes a program another user's, where we are root."""
    found = None if name is None or os.geteuid() else confined.user(name)
    return {} if found is None else {"user": found.uid, "group": found.gid, "extra_groups": found.groups}


def _reap(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(1)
    except subprocess.TimeoutExpired:
        return TIMED_OUT  # it waits for dead storage; whoever inherits it will reap it


def _listen(pid: int, pipe: int, end: float) -> tuple[bytes, bool]:
    """Read until the program has ended or the time is over; say which it was."""
    os.set_blocking(pipe, False)
    life = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(life, select.POLLIN)
    said = b""
    try:
        while (left := end - clock.monotonic()) > 0:
            ready = {descriptor for descriptor, _ in poll.poll(left * 1000 + 1)}
            piece = _read(pipe) if pipe in ready else None
            said = (said + (piece or b""))[-_BLOCK:]
            if piece == b"":
                poll.unregister(pipe)
            if life in ready and not piece:
                return said, True
    finally:
        os.close(life)
    return said, False


def _read(pipe: int) -> bytes | None:
    try:
        return os.read(pipe, _BLOCK)
    except BlockingIOError:
        return None
