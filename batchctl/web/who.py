"""Whoever asks, and what they may."""

from __future__ import annotations

from typing import Literal

from batchctl.base.record import Record

Scope = Literal["read", "operate", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "operate", "admin")
"""Each may do what those before it may."""


class Who(Record):
    """Whoever asks."""

    name: str
    """The token's, or what the proxy calls the user."""
    scope: Scope
    cookie: bool = False
    """Known by something that a browser sends by itself, whichever page makes it."""

    def may(self, scope: Scope) -> bool:
        """Say whether this scope is among theirs."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)
