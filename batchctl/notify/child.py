"""Sends one alert through Apprise, in a process of its own: an endpoint may hang it, crash it or fill its memory.

This file stands alone (`python -P child.py`): it reads an order as JSON from stdin, sends to all addresses at once, and
writes one line of JSON for each as soon as it is known. Addresses hold passwords, so they are in no command line and in
no answer.
"""

import json
import logging
import signal
import sys
import threading
import time
from contextvars import ContextVar
from typing import Any


class Sender(threading.Thread):
    """Sends to one address and keeps what Apprise has to say about it."""

    def __init__(self, number: int, address: str, order: dict[str, Any]) -> None:
        """Keep what is to be sent."""
        super().__init__(daemon=True)
        self._number, self._address, self._order = number, address, order
        self.said: list[str] = []

    def run(self) -> None:
        """Send, and say how it went."""
        began = time.monotonic()
        try:
            ok, detail = self._send()
        except Exception as error:  # noqa: BLE001 - whatever a plugin or an endpoint brings about
            ok, detail = False, f"{type(error).__name__}: {error}"
        seconds = time.monotonic() - began
        answer = {"number": self._number, "ok": ok, "detail": detail, "seconds": seconds}
        # One write for one line: the others write too.
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    def _send(self) -> tuple[bool, str]:
        from apprise import Apprise, AppriseAsset

        _sender.set(self)
        sender = Apprise(asset=AppriseAsset(async_mode=False, app_id="batchctl", app_desc="batchctl"))
        if not sender.add(self._address):
            return False, "not an address that Apprise knows"
        order = self._order
        ok = sender.notify(title=order["title"], body=order["body"], notify_type=order["type"], body_format="text")
        return bool(ok), "" if ok else "; ".join(self.said[-3:]) or "refused"


_sender: ContextVar[Sender | None] = ContextVar("sender", default=None)
"""On whose behalf something is logged: Apprise may work in threads of its own, but takes the context along."""


class Listener(logging.Handler):
    """Gives each sender the warnings that were logged on its behalf."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message with the sender it belongs to."""
        sender = _sender.get()
        if sender is not None:
            sender.said.append(record.getMessage())


def main() -> None:
    """Carry out the order on stdin."""
    order: dict[str, Any] = json.load(sys.stdin.buffer)
    # Whoever started this ends it in time; should that one die, the kernel does.
    signal.setitimer(signal.ITIMER_REAL, order["limit"] + 1)
    try:
        import apprise  # noqa: F401 - once, before the threads would each import it
    except ImportError as error:
        sys.exit(f"{error}: pip install 'batchctl[notify]' into {sys.prefix}")

    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.addHandler(Listener(logging.WARNING))
    senders = [Sender(number, address, order) for number, address in enumerate(order["urls"])]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


if __name__ == "__main__":
    main()
