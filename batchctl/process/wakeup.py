"""Waiting without threads and without polling: signals wake the supervisor through a pipe."""

from __future__ import annotations

import os
import select

from batchctl.process.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_MOST_WAIT = 3600.0


class Wakeup:
    """Hears of ended children and of stop signals; make one per process, in the main thread."""

    def __init__(self) -> None:
        """Take over SIGCHLD and the stop signals."""
        self.stopped_by: int | None = None
        self.stops = 0
        """Stop signals so far."""
        self.hung_up = False
        """Whether the terminal that it was started at has gone; that is no word to stop."""
        self._has_terminal = _has_terminal()
        # A terminal that has gone does not say any more that it was one.
        self._terminals = [stream for stream in range(3) if self._has_terminal and os.isatty(stream)]
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        # Under nohup the terminal's end is to be ignored, and stays so.
        ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        mine = [number for number in STOP_SIGNALS if number != signal.SIGHUP or not ignored]
        self._before = {number: signal.signal(number, self._note) for number in mine}
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, self._ignore)
        # Whoever started batchctl may have blocked them, which is inherited: it would sleep through its children's end.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*mine, signal.SIGCHLD))
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)

    def close(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP and self._has_terminal:
            self._hang_up()
            return
        self.stops += 1
        # The first one counts: it is what the operator, or the system going down, asked for.
        if self.stopped_by is None:
            self.stopped_by = number

    def _hang_up(self) -> None:
        if not self.hung_up:
            self.hung_up = True
            try:
                nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
                for stream in self._terminals:
                    os.dup2(nothing, stream)
                os.close(nothing)
            except OSError:
                return  # in the midst of whatever is being done now, which must not fail for it

    def _ignore(self, _number: int, _frame: FrameType | None) -> None:
        """Exist: without a handler the kernel would not write to the wake-up pipe."""

    def wait(self, seconds: float | None) -> bool:
        """Sleep until a child ends or a signal comes (True), or `seconds` are over (None: no limit)."""
        limit = _MOST_WAIT if seconds is None else max(0.0, min(seconds, _MOST_WAIT))
        # One millisecond more: poll() rounds down, and waking before a deadline means waking twice.
        if not self._poll.poll(limit * 1000 + 1):
            return False
        try:
            while os.read(self._read, 512):
                pass
        except BlockingIOError:
            pass
        return True


def _has_terminal() -> bool:
    """Say whether this process has a controlling terminal, at which Ctrl-C ends it and which may go away."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
