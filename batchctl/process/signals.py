"""The C half of the module `signal`: its Python half imports enum, which costs a start a third of Python's own."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

__all__ = ["name_of", "send_to_myself", "signal"]


def name_of(number: int) -> str:
    """Return SIGTERM for 15; a number without a name stays a number."""
    from signal import Signals

    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def send_to_myself(number: int) -> None:
    """Send this process a signal."""
    os.kill(os.getpid(), number)
