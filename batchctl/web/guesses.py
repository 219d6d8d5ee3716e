"""How often somebody may be wrong."""

from __future__ import annotations

from batchctl.base import clock
from batchctl.web.problems import Problem

_GUESSES, _SPAN = 10, 60.0
"""Wrong codes and tokens that one address has within so many seconds."""


class Guesses:
    """Counts wrong codes and tokens by address."""

    def __init__(self) -> None:
        """Begin with none."""
        self._wrong: dict[str, list[float]] = {}

    def check(self, address: str) -> None:
        """Refuse an address that has guessed too often (429)."""
        if len(self._recent(address)) >= _GUESSES:
            headers = {"Retry-After": f"{_SPAN:.0f}"}
            raise Problem(429, "too many wrong codes or tokens", "wait a minute, then try again", headers=headers)

    def note(self, address: str) -> None:
        """Count a wrong one."""
        now = clock.monotonic()
        self._wrong = {each: ats for each, ats in self._wrong.items() if ats[-1] > now - _SPAN}
        self._wrong[address] = [*self._recent(address), now]

    def _recent(self, address: str) -> list[float]:
        return [at for at in self._wrong.get(address, ()) if at > clock.monotonic() - _SPAN]
