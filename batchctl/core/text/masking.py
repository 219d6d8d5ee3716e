"""Keeping secrets out of whatever batchctl writes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

MASK = "***"
_LONG_ENOUGH = 8
"""Characters from which one line of a secret of several lines is a secret of its own: `}` alone is none."""


def parts(secret: str) -> list[str]:
    """Return the secret and, where it has several lines (a private key), each line of it that says something.

    Output is shown line by line and from somewhere in the middle on, so a part of such a secret may stand alone.
    """
    return [secret, *(line.strip() for line in secret.splitlines() if _LONG_ENOUGH <= len(line.strip()) < len(secret))]


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return text with every secret replaced by `***`; the longest first, so that none shows through another."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


class Masker:
    """Masks a text that comes in pieces; what may be the beginning of a secret is kept back until the next piece."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Keep the secrets."""
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what can be shown by now."""
        if not self._secrets:
            return piece
        text = self._held + piece
        cut = self._not_within(text, len(text) - max(_begun(text, secret) for secret in self._secrets))
        self._held = text[cut:]
        return mask(text[:cut], self._secrets)

    def rest(self) -> str:
        """Return what was kept back: no more comes."""
        held, self._held = self._held, ""
        return mask(held, self._secrets)

    def _not_within(self, text: str, cut: int) -> int:
        """Return the place of the cut, or the nearest one before it that goes through no secret."""
        while True:
            through = (
                text.find(secret, max(0, cut - len(secret) + 1), cut + len(secret) - 1) for secret in self._secrets
            )
            earliest = min((at for at in through if 0 <= at < cut), default=cut)
            if earliest == cut:
                return cut
            cut = earliest


def _begun(text: str, secret: str) -> int:
    """Return how many characters at the end of the text are the beginning of the secret."""
    longest = min(len(text), len(secret) - 1)
    return next((size for size in range(longest, 0, -1) if secret.startswith(text[-size:])), 0)


def masked(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return a JSON value with every secret masked in its texts and keys."""
    if not secrets:
        return value
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, dict):
        return {mask(str(key), secrets): masked(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, secrets) for inner in value]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return MASK if number and any(_is(value, secret) for secret in secrets) else value


def _is(value: float, secret: str) -> bool:
    """Say whether a number is a secret, however either of them is spelled: 48151623, 48151623.0 and 4.8151623e7."""
    for kind in (int, float):
        try:
            if kind(secret) == value:
                return True
        except ValueError:
            continue
    return False
